"""When are two words forms of one? When they have the same stem; for English, and good for comparing only."""

import re
from collections.abc import Iterable


def stems(words: Iterable[str]) -> tuple[str, ...]:
    """The stems of a phrase, by which two phrases are recognised as the same."""
    return tuple(stem(without_possessive(word)) for word in words)


def without_possessive(word: str) -> str:
    """A word without the 's of who owns what."""
    return word.removesuffix("'s")


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
