"""What does an HTML page say? Its title, its text, where it links to, and what it asks of robots."""

import html
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

from jobs.workers.html_token import tokens

# What is no part of the text.
_HIDDEN = {"template", "noscript", "svg", "math", "object", "canvas", "audio", "video", "select", "button"}
# What is on every page of a site.
_AROUND = {"nav", "footer", "aside"}
# What begins on a new line. Two line breaks: a paragraph of its own.
_BLOCKS = {
    "address article aside blockquote body center dd details dialog div dl fieldset figcaption figure footer"
    " form h1 h2 h3 h4 h5 h6 header hr main nav ol p pre section summary table title ul": "\n\n",
    "br dt li option tr caption": "\n",
    "td th": " ",
}
_BREAKS = {name: sign for names, sign in _BLOCKS.items() for name in names.split()}
# Elements without an end.
_VOID = set("area base br col embed hr img input link meta param source track wbr".split())
DEEPEST = 100  # levels of elements that are left out; further ones end with these
TITLE_CHARACTERS = 500
_SPACES = re.compile(r"[ \t\r\f\v\u00a0]+")
_CHARSET = re.compile(rb"""<meta[^<>]{0,500}?charset\s*=\s*["']?\s*([A-Za-z0-9_.:-]{1,40})""", re.IGNORECASE)
_HTML = re.compile(
    rb"\s*(?:<!--.{0,500}?-->\s*)?<(?:!doctype html|html|head|body)\b", re.IGNORECASE | re.DOTALL
)


@dataclass
class Page:
    """What is in an HTML page. The links are as they are written, relative to ``base`` if there is one."""

    title: str = ""
    text: str = ""
    description: str = ""
    language: str = ""
    base: str = ""
    links: list[str] = field(default_factory=list)
    noindex: bool = False
    nofollow: bool = False


def read_html(source: str) -> Page:
    """Read a page. What stands around its text (menus, footers) is left out if there is anything else."""
    page = _read(source, _HIDDEN | _AROUND)
    return page if page.text else _read(source, _HIDDEN)


def looks_like_html(data: bytes) -> bool:
    """Whether a file begins as a page does."""
    return _HTML.match(data[:2048]) is not None


def charset_inside(data: bytes) -> str:
    """The encoding that a page names itself; empty if it names none."""
    found = _CHARSET.search(data[:4096])
    return found[1].decode("ascii") if found else ""


def _read(source: str, left_out: set[str]) -> Page:
    reader = _Reader(left_out)
    for kind, text in tokens(source):
        if kind == "tag":
            reader.feed(text)
            reader.rawdata = ""  # nothing waits for more
        else:
            reader.add(text)
    return reader.page()


class _Reader(HTMLParser):
    """Is fed with one tag at a time."""

    def __init__(self, left_out: set[str]) -> None:
        super().__init__(convert_charrefs=True)
        self._left_out = left_out
        self._page = Page()
        self._text: list[str] = []
        self._title: list[str] = []
        self._heading: list[str] = []
        self._inside: list[str] = []  # elements that are left out, from the outermost
        self._collects: list[str] | None = None

    def page(self) -> Page:
        """What has been read."""
        page = self._page
        titles = (" ".join("".join(each).split()) for each in (self._title, self._heading))
        page.title = next(filter(None, titles), "")[:TITLE_CHARACTERS]
        lines = (_SPACES.sub(" ", line).strip() for line in "".join(self._text).split("\n"))
        page.text = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
        return page

    def add(self, text: str) -> None:
        """Take text that stands between tags."""
        if self._collects is not None:
            self._collects.append(_unescaped(text))
        if not self._inside and self._collects is not self._title:
            text = _unescaped(text).replace("\n", " ")
            if not text.isspace() or self._text[-1:] not in (["\n"], ["\n\n"]):
                self._text.append(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Part of ``HTMLParser``."""
        values = {name: value or "" for name, value in reversed(attrs)}
        if tag in _BREAKS and self._collects is self._title:  # it was not ended
            self._collects = None
        if tag == "html":
            self._page.language = values.get("lang", "")[:35]
        elif tag == "base":
            self._page.base = self._page.base or values.get("href", "")
        elif tag == "meta":
            self._meta(values.get("name", "").lower(), values.get("content", ""))
        elif tag in ("a", "area") and "href" in values and "nofollow" not in values.get("rel", "").lower():
            self._page.links.append(values["href"])
        elif tag == "title" and not self._title and not self._inside:
            self._collects = self._title
        elif tag == "h1" and not self._heading and not self._inside:
            self._collects = self._heading
        if not self._inside:
            self._break(_BREAKS.get(tag, ""))
        if tag in self._left_out and len(self._inside) < DEEPEST:
            self._inside.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Part of ``HTMLParser``: for what is written as ``<br/>``; it has no inside."""
        if tag in self._left_out:
            return
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        """Part of ``HTMLParser``."""
        if tag in self._inside:
            del self._inside[self._inside.index(tag) :]
        if tag in ("title", "h1"):
            self._collects = None
        if not self._inside and tag not in _VOID:
            self._break(_BREAKS.get(tag, ""))

    def _break(self, sign: str) -> None:
        """Begin a new line; where one has begun already, the larger break counts."""
        if sign and self._text and self._text[-1] in ("\n", "\n\n"):
            self._text[-1] = max(self._text[-1], sign) if sign != " " else self._text[-1]
        else:
            self._text.append(sign)

    def _meta(self, name: str, content: str) -> None:
        if name == "description":
            self._page.description = " ".join(content.split())[:1000]
        elif name == "robots":
            asked = {word.strip() for word in content.lower().split(",")}
            self._page.noindex = self._page.noindex or bool(asked & {"noindex", "none"})
            self._page.nofollow = self._page.nofollow or bool(asked & {"nofollow", "none"})


def _unescaped(text: str) -> str:
    try:
        return html.unescape(text)
    except ValueError:  # a number of thousands of digits
        return text
