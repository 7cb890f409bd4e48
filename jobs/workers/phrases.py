"""Which phrases stand in a text, and how often? The runs of words between stop words and signs, counted.

As in RAKE (see :mod:`jobs.workers.keywords`); what YAKE looks at for each word is counted in the same pass.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Set
from dataclasses import dataclass, field

from jobs.workers.stem import stems, without_possessive
from jobs.workers.stop_words import stop_words_of

LONGEST_PHRASE = 3
LONGEST_WORD = 40
"""Characters; what is longer is a hash or an encoded blob."""

Phrase = tuple[str, ...]

# Every repetition is bounded or unable to give back what it took, so that no text takes quadratic time.
_BLANKED = re.compile(
    r"```.*?(?:```|\Z)"  # fenced code
    r"|!\[[^\]\n]{0,200}\]\([^)\s]{0,500}\)"  # images
    r"|(?<=\])\([^)\s]{0,500}\)"  # link targets
    r"|</?[A-Za-z!][^<>\n]{0,500}>"  # HTML tags
    r"|\b[A-Za-z][A-Za-z0-9+.-]{0,20}://\S+|\bwww\.\S+"  # addresses, of pages and of people
    r"|\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}",
    re.DOTALL,
)
_SENTENCE_END = re.compile(r"(?<![.!?…:])[.!?…:]++(?=\s|$)|\n\s*\n|\n(?=\s*(?:[-*+|>#]|\d+[.)])\s)")
_TOKEN = re.compile(
    r"[^\W_](?:[\w\u0300-\u036f'’.+#&-]*(?:[^\W_]|[\u0300-\u036f+#]))?|\S"
)  # a word, or one sign


@dataclass(slots=True)
class Word:
    """What YAKE looks at for one word."""

    count: int = 0
    capitals: int = 0
    acronyms: int = 0
    sentences: list[int] = field(default_factory=list)  # the numbers of those it stands in, ascending
    left: list[str] = field(default_factory=list)  # its neighbours, one for each mention that has one
    right: list[str] = field(default_factory=list)
    forms: list[str] = field(default_factory=list)  # as the text writes it, one for each mention

    def form(self) -> str:
        """As the text writes it most often; the first of several that are equally frequent."""
        return Counter(self.forms).most_common(1)[0][0]


@dataclass(slots=True)
class Text:
    """What is counted in one pass over a text; words in lower case."""

    words: dict[str, Word] = field(default_factory=dict)
    runs: dict[Phrase, None] = field(default_factory=dict)  # in order of appearance
    counts: dict[Phrase, int] = field(default_factory=dict)  # of phrases, wherever in a run they stand
    sentence_total: int = 0


def counted(text: str, known: Iterable[str], tags: Set[Phrase]) -> Text:
    """Count a text.

    :param known: phrases whose mentions are passed over
    :param tags: the stems of phrases that are passed over where they stand alone
    """
    analysed = Text()
    for sentence in _SENTENCE_END.split(_without_markup(text, known)):
        tokens = _TOKEN.findall(sentence)
        lower = [token.lower().replace("’", "'") for token in tokens]
        stop_words = stop_words_of(lower)
        run: list[int] = []
        for index, word in enumerate([*lower, "|"]):
            if without_possessive(word) not in stop_words and _is_content(word):
                run.append(index)
            elif run:
                if stems(lower[run[0] : index]) not in tags:
                    _count_run(analysed, tokens, lower, run)
                run = []
        analysed.sentence_total += bool(tokens)
    return analysed


def _without_markup(text: str, known: Iterable[str]) -> str:
    """The text with " | " in place of what is known, code, tags and addresses: no phrase spans them."""
    text = unicodedata.normalize("NFC", text)
    for phrase in known:
        if phrase.strip():
            mention = re.escape(unicodedata.normalize("NFC", phrase).strip())
            text = re.sub(rf"(?<!\w){mention}(?!\w)", " | ", text)
    return _BLANKED.sub(" | ", text)


def _count_run(analysed: Text, tokens: list[str], lower: list[str], run: list[int]) -> None:
    words, counts, sentence = analysed.words, analysed.counts, analysed.sentence_total
    for index in run:
        word = words.get(lower[index])
        if word is None:
            word = words[lower[index]] = Word()
        token = tokens[index]
        word.count += 1
        word.forms.append(token)
        word.capitals += index > 0 and token[0].isupper()
        word.acronyms += token.isupper()
        if word.sentences[-1:] != [sentence]:
            word.sentences.append(sentence)
        if index > 0:
            word.left.append(lower[index - 1])
        if index + 1 < len(lower):
            word.right.append(lower[index + 1])
    phrase = tuple(lower[run[0] : run[-1] + 1])
    analysed.runs[phrase] = None
    for length in range(1, min(LONGEST_PHRASE, len(phrase)) + 1):
        for start in range(len(phrase) - length + 1):
            part = phrase[start : start + length]
            counts[part] = counts.get(part, 0) + 1


def _is_content(word: str) -> bool:
    """Whether a token can be part of a keyword: letters, not a number, a time, a house number or a blob."""
    if word.isalpha():
        return 2 <= len(word) <= LONGEST_WORD
    return len(word) <= LONGEST_WORD and not word[0].isdigit() and sum(map(str.isalpha, word)) >= 2
