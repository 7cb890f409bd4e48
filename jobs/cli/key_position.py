"""Where in a TOML text does a key stand? The reader of TOML tells no positions, but it can be asked.

What comes before a statement can be read by itself, and a key that is there stays there. So a key stands in
the last line with its word for which the text before it can be read and does not have the key.
"""

import json
import re
import tomllib
from collections.abc import Sequence

# One word of a dotted key as ``jobs.problem.dotted`` writes it.
WORD = re.compile(r'"(?:[^"\\]|\\.)*"|[A-Za-z0-9_-]+')
MOST_LOOKS = 100  # Each reads the text before a line.


def position(toml: str, key: str) -> tuple[int, int] | None:
    """The line and the column, from 1 on, of a key, or of the nearest table around it if it is missing.

    :param key: as errors name it, ``step.NAME.key``, perhaps with a place in its value behind
    :returns: None where that is not known
    """
    words = _words(key)
    lines = toml.split("\n")
    while words and not _has(toml, words):
        words.pop()
    if not words:
        return None
    spelled = rf"(?<![\w-]){re.escape(words[-1])}(?![\w-])"
    candidates = [
        (index, found.start()) for index, line in enumerate(lines) if (found := re.search(spelled, line))
    ]
    for index, column in candidates[: -MOST_LOOKS - 1 : -1]:
        if _has("\n".join(lines[:index]), words) is False:
            return index + 1, column + 1
    return None


def _words(key: str) -> list[str]:
    words: list[str] = []
    at = 0
    while found := WORD.match(key, at):
        words.append(json.loads(found[0]) if found[0].startswith('"') else found[0])
        if key[found.end() : found.end() + 1] != ".":
            break
        at = found.end() + 1
    return words


def _has(toml: str, words: Sequence[str]) -> bool | None:
    """Whether a text has a key; None if it cannot be read, as where it ends inside of something."""
    try:
        value = tomllib.loads(toml)
    except (ValueError, RecursionError):
        return None
    for word in words:
        if not isinstance(value, dict) or word not in value:
            return False
        value = value[word]
    return True
