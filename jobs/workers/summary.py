"""Which sentences of a text say most of it?

The method is SumBasic (A. Nenkova, L. Vanderwende, "The Impact of Frequency on Summarization", Microsoft
Research MSR-TR-2005-101, 2005): a sentence weighs as much as its words are frequent on average, and what one
sentence has said counts less for the next. Here sentences at the beginning of a text and of a paragraph weigh
more, as authors put first what matters, and those that take up words of its title; those weigh less that say
little, or hang on the one before ("It …", "This …"). Headings, tables and code are no sentences. Nothing is
learned, nothing is loaded, the same text has always the same summary.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass

from jobs.workers.stem import stem
from jobs.workers.stop_words import stop_words_of

SHORTEST, LONGEST = 25, 400
"""Characters of a sentence that is good for a summary."""
TELLING = 7
"""Words that a sentence needs, beside stop words, to weigh as much as its words do."""

_DROPPED = re.compile(
    r"^[ \t]*(```|~~~).*?(?:^[ \t]*\1[ \t]*$|\Z)"  # fenced code
    r"|<!--.*?(?:-->|\Z)"
    r"|!\[[^\]\n]{0,200}\]\([^)\s]{0,500}\)"  # images
    r"|</?(?:a|abbr|b|br|code|dd|details|div|dl|dt|em|figure|h[1-6]|hr|i|img|kbd|li|ol|p|picture|pre|small|"
    r"source|span|strong|sub|summary|sup|table|tbody|td|th|thead|tr|tt|u|ul)\b[^<>\n]{0,500}>",
    re.DOTALL | re.MULTILINE,
)
_LINK = re.compile(r"\[([^\]\n]{1,300})\]\([^)\s]{0,500}\)")
_HEADING = re.compile(r"[ \t]*(?:#{1,6}\s|[=\-*_]{3,}\s*$)")
_FIRST_HEADING = re.compile(r"\A\s*#\s+(\S.*)$", re.MULTILINE)
_ITEM = re.compile(r"[ \t]*(?:[-*+]|\d{1,3}[.)])[ \t]+")
_NO_PROSE = re.compile(r"[ \t]*(?:\||>|\$ )|(?:    |\t)\S")
_END = re.compile(r"[.!?…]+[\"'”’»)\]*_]*(?=\s)")
_ABBREVIATED = re.compile(
    r"(?:\b(?:[A-Z]|(?i:e\.g|i\.e|etc|cf|vs|approx|no|nos|p|pp|vol|fig|mr|mrs|ms|dr|prof|st|jr|sr|inc|ltd|"
    r"z\.\s?b|d\.\s?h|bzw|ca|nr|str|usw|u\.\s?a))|\.\w)\.$"
)
_WORD = re.compile(r"[^\W\d_][\w'’-]*")
_LOOSE = re.compile(
    r"(?:it|its|this|that|these|those|they|them|he|she|his|her|such|so|but|and|or|then|there|here|also|however|"
    r"therefore|thus|otherwise|instead|dies|das|diese|dieser|sie|er|es|doch|aber|und|il|elle|ce|cela|mais)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class _Sentence:
    """One sentence: its text, its words that say something, and where it stands."""

    text: str
    words: tuple[str, ...]
    position: int  # among all sentences
    opens: bool  # whether it is the first of its paragraph


def summary(text: str, limit: int = 3, title: str = "") -> str:
    """The at most ``limit`` most telling sentences of a text, in their order; empty if it has none."""
    heading = _FIRST_HEADING.search(text)
    named = frozenset(_telling(f"{title} {heading[1] if heading else ''}"))
    sentences = list(_sentences(text))
    counts = Counter(word for sentence in sentences for word in sentence.words)
    total = counts.total() or 1
    weights = {word: number / total for word, number in counts.items()}
    rest = [each for each in sentences if _stands_alone(each.text)] or sentences
    chosen: list[_Sentence] = []
    while rest and len(chosen) < limit:
        best = max(rest, key=lambda each: _score(each, weights, named))
        rest.remove(best)
        chosen.append(best)
        for word in set(best.words):
            weights[word] **= 2
    return " ".join(each.text for each in sorted(chosen, key=lambda each: each.position))


def _stands_alone(sentence: str) -> bool:
    return SHORTEST <= len(sentence) <= LONGEST and not sentence.endswith(":")


def _score(sentence: _Sentence, weights: Mapping[str, float], named: Set[str]) -> float:
    mean = sum(weights[word] for word in sentence.words) / max(len(sentence.words), TELLING)
    place = 1 + 1.5 / (1 + sentence.position / 2) + 0.25 * sentence.opens
    taken_up = len(named & set(sentence.words)) / (len(named) or 1)
    return mean * place * (1 + taken_up / 2) * (0.6 if _LOOSE.match(sentence.text) else 1.0)


def _sentences(text: str) -> Iterator[_Sentence]:
    position = 0
    for paragraph in _paragraphs(text):
        for number, sentence in enumerate(_split(paragraph)):
            yield _Sentence(sentence, _telling(sentence), position, number == 0)
            position += 1


def _telling(sentence: str) -> tuple[str, ...]:
    """The stems of the words that say something."""
    words = [word.lower().replace("’", "'") for word in _WORD.findall(sentence)]
    stop_words = stop_words_of(words)
    return tuple(stem(word) for word in words if word not in stop_words and len(word) > 1)


def _paragraphs(text: str) -> Iterator[str]:
    """The paragraphs and list items of a text, each in one line and without markup."""
    lines: list[str] = []
    for line in [*_DROPPED.sub("\n", text).splitlines(), ""]:
        item = _ITEM.match(line)
        ends = not line.strip() or _HEADING.match(line) or (_NO_PROSE.match(line) and not lines)
        if (ends or item) and lines:
            yield _plain(" ".join(lines))
            lines = []
        if not ends:
            lines.append(line[item.end() :].strip() if item else line.strip())


def _plain(paragraph: str) -> str:
    text = re.sub(r"<(https?://[^<>\s]{1,500})>", r"\1", _LINK.sub(r"\1", paragraph))
    text = re.sub(r"(\*\*|__)(?=\S)(.{1,300}?)(?<=\S)\1", r"\2", text)
    text = re.sub(r"(?<![\w*])([*_])(?=[^\s*_])([^*_\n]{1,300}?)(?<=\S)\1(?![\w*])", r"\2", text)
    return " ".join(re.sub(r"`+([^`\n]{1,300}?)`+", r"\1", text).split())


def _split(paragraph: str) -> Iterator[str]:
    """The sentences of a paragraph. What has no end, as a heading or the item of a list, is none."""
    start = 0
    for end in _END.finditer(f"{paragraph} "):
        following = paragraph[end.end() + 1 : end.end() + 2]
        if following.islower() or (
            following and _ABBREVIATED.search(paragraph[max(start, end.end() - 12) : end.end()])
        ):
            continue
        sentence = paragraph[start : end.end()].strip()
        if sentence:
            yield sentence
        start = end.end()
    rest = paragraph[start:].strip()
    if rest.endswith(":"):
        yield rest
