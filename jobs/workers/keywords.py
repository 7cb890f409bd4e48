"""Which words and phrases is a text about?

Two published methods, joined. Candidates are found as in RAKE (S. Rose, D. Engel, N. Cramer, W. Cowley,
"Automatic keyword extraction from individual documents", in: Text Mining: Applications and Theory, Wiley
2010, 1–20): the runs of words between stop words and punctuation. They are weighed by the five word
features of YAKE (R. Campos et al., "YAKE! Keyword extraction from single documents using multiple local
features", Information Sciences 509, 2020, 257–289): case, position, frequency, relatedness to context, and
spread over sentences. Nothing is learned, nothing is loaded, the same text has always the same keywords.

Where it departs from them: of a run of more than three words the best three are taken, and beside the runs
whatever stands in them more than once; a word that looks like a verb is doubted; the scores of words
are divided by their median before they are multiplied, so that a longer phrase is no worse in a short text;
of phrases that repeat each other one is kept; and a score becomes a confidence (see :func:`keywords`). Stop
lists: English, German, French, Italian and Spanish, chosen by sentence. Languages written without spaces are
beyond it.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Set
from dataclasses import dataclass, field
from math import log, prod, sqrt
from statistics import fmean, median

from jobs.workers.stop_words import stop_words_of

LONGEST_PHRASE = 3
ALONE = 4.0
"""By so much worse is what looks like a verb, as a keyword by itself."""
MOSTLY = 4
"""A word that is so much more frequent than a phrase with it is kept in place of the phrase."""
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


@dataclass(frozen=True)
class Keyword:
    """A phrase as the text writes it, and how sure it is, from 1.0 downwards (see :func:`keywords`)."""

    keyword: str
    confidence: float


@dataclass(slots=True)
class _Word:
    """What YAKE looks at for one word."""

    count: int = 0
    capitals: int = 0
    acronyms: int = 0
    sentences: list[int] = field(default_factory=list)  # the numbers of those it stands in, ascending
    left: list[str] = field(default_factory=list)  # its neighbours, one for each mention that has one
    right: list[str] = field(default_factory=list)
    forms: list[str] = field(default_factory=list)  # as the text writes it, one for each mention

    def score(self, typical_count: float, top_count: int, sentence_total: int) -> float:
        """YAKE's S(t): the smaller, the more telling."""
        case = max(self.capitals, self.acronyms) / (1 + log(self.count))
        total = len(self.sentences)
        middle = (self.sentences[(total - 1) // 2] + self.sentences[total // 2]) / 2
        position = log(log(3 + middle))
        spread = total / sentence_total
        variety = sum(len(set(side)) / len(side) for side in (self.left, self.right) if side)
        relatedness = 1 + variety * self.count / top_count
        frequency = self.count / typical_count
        return relatedness * position / (case + frequency / relatedness + spread / relatedness)

    def form(self) -> str:
        """As the text writes it most often; the first of several that are equally frequent."""
        return Counter(self.forms).most_common(1)[0][0]


@dataclass(slots=True)
class _Text:
    """What is counted in one pass over a text; words in lower case."""

    words: dict[str, _Word] = field(default_factory=dict)
    runs: dict[Phrase, None] = field(default_factory=dict)  # in order of appearance
    counts: dict[Phrase, int] = field(default_factory=dict)  # of phrases, wherever in a run they stand
    sentence_total: int = 0


def keywords(
    text: str, limit: int = 10, *, known: Iterable[str] = (), tags: Iterable[str] = ()
) -> list[Keyword]:
    """The at most ``limit`` most telling words and phrases of a text, the strongest first.

    The confidence of a phrase with the score S is 1 / (1 + S / M), where M is the median score of all
    candidates of this text: 0.5 is "as telling as any other phrase in it", and 1 the limit that nothing
    reaches but by rounding. A text with a single candidate says nothing about it, and has 0.5.

    ``known`` and ``tags`` are what a reader of the result has already. Mentions of what is ``known``, such
    as the title, are passed over wherever they stand; a tag is no keyword by itself, but may be part of
    one.
    """
    tag_phrases = {_normal(re.split(r"[\s_-]+", tag.lower())) for tag in tags}
    analysed = _analyse(_without_markup(text, known), tag_phrases)
    scores = _phrase_scores(analysed)
    if not scores:
        return []
    ranked = sorted(scores, key=scores.__getitem__)  # a stable sort: what comes first in the text wins a tie
    typical = median(scores.values())
    return [
        Keyword(_spoken(phrase, analysed), round(1 / (1 + score / typical), 3))
        for phrase, score in _without_repeats(ranked, scores, analysed.counts, limit)
    ]


def _spoken(phrase: Phrase, analysed: _Text) -> str:
    """A phrase as the text writes it, but for the 's of who owns what is no part of it."""
    return re.sub("['’]s$", "", " ".join(analysed.words[word].form() for word in phrase))


def _without_markup(text: str, known: Iterable[str]) -> str:
    """The text with " | " in place of what is known, code, tags and addresses: no phrase spans them."""
    text = unicodedata.normalize("NFC", text)
    for phrase in known:
        if phrase.strip():
            mention = re.escape(unicodedata.normalize("NFC", phrase).strip())
            text = re.sub(rf"(?<!\w){mention}(?!\w)", " | ", text)
    return _BLANKED.sub(" | ", text)


def _analyse(text: str, tags: Set[Phrase]) -> _Text:
    analysed = _Text()
    for sentence in _SENTENCE_END.split(text):
        tokens = _TOKEN.findall(sentence)
        lower = [token.lower().replace("’", "'") for token in tokens]
        stop_words = stop_words_of(lower)
        run: list[int] = []
        for index, word in enumerate([*lower, "|"]):
            if _without_possessive(word) not in stop_words and _is_content(word):
                run.append(index)
            elif run:
                if _normal(lower[run[0] : index]) not in tags:
                    _count_run(analysed, tokens, lower, run)
                run = []
        analysed.sentence_total += bool(tokens)
    return analysed


def _count_run(analysed: _Text, tokens: list[str], lower: list[str], run: list[int]) -> None:
    words, counts, sentence = analysed.words, analysed.counts, analysed.sentence_total
    for index in run:
        word = words.get(lower[index])
        if word is None:
            word = words[lower[index]] = _Word()
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


def _phrase_scores(analysed: _Text) -> dict[Phrase, float]:
    """YAKE's S(kw) of every candidate: the smaller, the more telling."""
    word_counts = [word.count for word in analysed.words.values()]
    if not word_counts:
        return {}
    mean = fmean(word_counts)
    typical_count = mean + sqrt(fmean((count - mean) ** 2 for count in word_counts))
    top_count = max(word_counts)
    word_scores = {
        text: word.score(typical_count, top_count, analysed.sentence_total)
        for text, word in analysed.words.items()
    }
    typical_score = median(word_scores.values())

    def score(phrase: Phrase) -> float:
        parts = [word_scores[word] / typical_score for word in phrase]
        doubt = ALONE if len(phrase) == 1 and _looks_like_a_verb(analysed.words[phrase[0]]) else 1.0
        return doubt * prod(parts) / (analysed.counts[phrase] * (1 + sum(parts)))

    scores: dict[Phrase, float] = {}
    for run in analysed.runs:
        windows = [run[i : i + LONGEST_PHRASE] for i in range(max(1, len(run) - LONGEST_PHRASE + 1))]
        best = min(windows, key=score)
        scores[best] = score(best)
    for phrase, count in analysed.counts.items():
        if len(phrase) > 1 and count > 1:
            scores[phrase] = score(phrase)
    return scores


def _without_repeats(
    ranked: list[Phrase], scores: dict[Phrase, float], counts: dict[Phrase, int], limit: int
) -> list[tuple[Phrase, float]]:
    """The best phrases of which none repeats another, with their scores.

    Of a short phrase and a longer one that contains it, the longer is kept if at least half of the mentions
    of the short one are in it ("sourdough pizza" for "pizza"), or if it is the better one and not rare beside
    the short one ("Chrome" for "old Chrome"). It has the better score of the two.
    """
    chosen: dict[Phrase, tuple[Set[str], float]] = {}
    for phrase in ranked:
        words = set(_normal(phrase))
        alike = [other for other, (others, _) in chosen.items() if _repeats(words, others)]
        if not alike:
            if len(chosen) >= limit:
                break
            chosen[phrase] = (words, scores[phrase])
        elif all(_is_preferred(phrase, words, other, chosen[other][0], counts) for other in alike):
            best = min(chosen.pop(other)[1] for other in alike)
            chosen[phrase] = (words, best)
    return sorted(((phrase, score) for phrase, (_, score) in chosen.items()), key=lambda pair: pair[1])


def _is_preferred(
    phrase: Phrase, words: Set[str], other: Phrase, others: Set[str], counts: dict[Phrase, int]
) -> bool:
    """Whether a phrase is kept instead of another, better one that it repeats."""
    if words > others:
        return 2 * counts[phrase] >= counts[other]
    return words < others and MOSTLY * counts[other] < counts[phrase]


def _repeats(words: Set[str], others: Set[str]) -> bool:
    """Whether two phrases share more than half of the words of the shorter one."""
    return 2 * len(words & others) > min(len(words), len(others))


def _looks_like_a_verb(word: _Word) -> bool:
    """Whether a word says what is done, and by itself not to what: "computed", "including"; names do not."""
    return not word.capitals and word.forms[0].lower().endswith(("ing", "ed", "ly"))


def _without_possessive(word: str) -> str:
    return word.removesuffix("'s")


def _is_content(word: str) -> bool:
    """Whether a token can be part of a keyword: letters, not a number, a time, a house number or a blob."""
    if word.isalpha():
        return 2 <= len(word) <= LONGEST_WORD
    return len(word) <= LONGEST_WORD and not word[0].isdigit() and sum(map(str.isalpha, word)) >= 2


def _normal(words: Iterable[str]) -> Phrase:
    """The phrase with English endings taken back, by which two phrases are recognised as the same."""
    return tuple(stem(_without_possessive(word)) for word in words)


def stem(word: str) -> str:
    """A word in lower case without the endings of English plurals and verbs; good for comparing only.

    ``parties`` and ``party``, ``cancelled``, ``cancelling`` and ``cancel`` are the same.
    """
    if len(word) > 4 and word.endswith("ies"):
        return f"{word[:-3]}y"
    if len(word) > 4 and word.endswith(("shes", "ches", "sses", "xes")):
        word = word[:-2]
    elif len(word) > 2 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for ending in ("ing", "ed"):
        bare = word.removesuffix(ending)
        if bare != word and len(bare) >= 3 and re.search("[aeiouy]", bare):
            doubled = bare[-1] == bare[-2] and bare[-1] not in "sz"
            return bare[:-1] if doubled else bare.removesuffix("e")
    return word.removesuffix("e") if len(word) > 4 else word
