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
from collections.abc import Iterable, Set
from dataclasses import dataclass
from math import log, prod, sqrt
from statistics import fmean, median

from jobs.workers.phrases import LONGEST_PHRASE, Phrase, Text, Word, counted
from jobs.workers.stem import stems

ALONE = 4.0
"""By so much worse is what looks like a verb, as a keyword by itself."""
MOSTLY = 4
"""A word that is so much more frequent than a phrase with it is kept in place of the phrase."""


@dataclass(frozen=True)
class Keyword:
    """A phrase as the text writes it, and how sure it is, from 1.0 downwards (see :func:`keywords`)."""

    keyword: str
    confidence: float


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
    tag_phrases = {stems(re.split(r"[\s_-]+", tag.lower())) for tag in tags}
    analysed = counted(text, known, tag_phrases)
    scores = _phrase_scores(analysed)
    if not scores:
        return []
    ranked = sorted(scores, key=scores.__getitem__)  # a stable sort: what comes first in the text wins a tie
    typical = median(scores.values())
    return [
        Keyword(_spoken(phrase, analysed), round(1 / (1 + score / typical), 3))
        for phrase, score in _without_repeats(ranked, scores, analysed.counts, limit)
    ]


def _spoken(phrase: Phrase, analysed: Text) -> str:
    """A phrase as the text writes it, without the 's of who owns what comes next."""
    return re.sub("['’]s$", "", " ".join(analysed.words[word].form() for word in phrase))


def _phrase_scores(analysed: Text) -> dict[Phrase, float]:
    """YAKE's S(kw) of every candidate: the smaller, the more telling."""
    word_counts = [word.count for word in analysed.words.values()]
    if not word_counts:
        return {}
    mean = fmean(word_counts)
    typical_count = mean + sqrt(fmean((count - mean) ** 2 for count in word_counts))
    top_count = max(word_counts)
    word_scores = {
        text: _word_score(word, typical_count, top_count, analysed.sentence_total)
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


def _word_score(word: Word, typical_count: float, top_count: int, sentence_total: int) -> float:
    """YAKE's S(t): the smaller, the more telling."""
    case = max(word.capitals, word.acronyms) / (1 + log(word.count))
    total = len(word.sentences)
    middle = (word.sentences[(total - 1) // 2] + word.sentences[total // 2]) / 2
    position = log(log(3 + middle))
    spread = total / sentence_total
    variety = sum(len(set(side)) / len(side) for side in (word.left, word.right) if side)
    relatedness = 1 + variety * word.count / top_count
    frequency = word.count / typical_count
    return relatedness * position / (case + frequency / relatedness + spread / relatedness)


def _looks_like_a_verb(word: Word) -> bool:
    """Whether a word says what is done, and by itself not to what: "computed", "including"; names do not."""
    return not word.capitals and word.forms[0].lower().endswith(("ing", "ed", "ly"))


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
        words = set(stems(phrase))
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
