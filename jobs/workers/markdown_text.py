"""What does a Markdown file say? Its title, and its text without the marks."""

import re

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)^(?:---|\.\.\.)[ \t]*$\n?", re.DOTALL | re.MULTILINE)
_FRONT_TITLE = re.compile(r"""^title:[ \t]*(["']?)(.+?)\1[ \t]*$""", re.MULTILINE)
_HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]+([^\n]*?)[ \t]*#*[ \t]*$", re.MULTILINE)
_UNDERLINED = re.compile(r"^ {0,3}(\S[^\n]*)\n {0,3}(?:=+|-{2,})[ \t]*$", re.MULTILINE)
_FENCE = re.compile(r"^ {0,3}(?:`{3,}|~{3,})[^\n]*$\n?", re.MULTILINE)
_RULE = re.compile(r"^ {0,3}(?:[-*_][ \t]*){3,}$", re.MULTILINE)
_MARK = re.compile(r"^[ \t]{0,8}(?:>[ \t]?|[-*+][ \t]+|\d{1,9}[.)][ \t]+)", re.MULTILINE)
_LINK = re.compile(r"!?\[([^\[\]\n]{0,500})\](?:\([^()\n]{0,2000}\)|\[[^\[\]\n]{0,500}\])")
_TARGET = re.compile(r"^ {0,3}\[[^\[\]\n]{1,500}\]:[^\n]*$\n?", re.MULTILINE)
_ADDRESS = re.compile(r"<(https?://[^<>\s]{1,2000})>")
_TAG = re.compile(r"</?[A-Za-z][^<>\n]{0,500}>|<!--[^<>]{0,2000}-->")
_EMPHASIS = re.compile(
    r"(?<![\w*])(?:\*{1,3}|~~)(?=\S)|(?<=\S)(?:\*{1,3}|~~)(?![\w*])"
    r"|(?<!\w)_{1,3}(?=\S)|(?<=\S)_{1,3}(?!\w)"
)
_SPACE = re.compile(r"\n{3,}")


def read_markdown(source: str) -> tuple[str, str]:
    """The title (empty where there is none) and the text of a Markdown file."""
    source = source.replace("\r\n", "\n")
    title = ""
    front = _FRONT_MATTER.match(source)
    if front:
        source = source[front.end() :]
        named = _FRONT_TITLE.search(front[1])
        title = named[2] if named else ""
    if not title:
        found = [match for match in (_HEADING.search(source), _UNDERLINED.search(source)) if match]
        title = plain(min(found, key=lambda match: match.start())[1]) if found else ""
    source = _HEADING.sub(r"\1\n", _UNDERLINED.sub(r"\1\n", source))
    for pattern in (_FENCE, _RULE, _TARGET, _MARK):
        source = pattern.sub("", source)
    return title.strip(), _SPACE.sub("\n\n", plain(source)).strip()


def plain(text: str) -> str:
    """A text without the marks that stand inside lines."""
    for pattern, instead in ((_LINK, r"\1"), (_LINK, r"\1"), (_ADDRESS, r"\1"), (_TAG, ""), (_EMPHASIS, "")):
        text = pattern.sub(instead, text)
    return text.replace("`", "")
