"""Which known word did the writer mean? The nearest one, and the sentence that offers it."""

import json
from collections.abc import Iterable
from difflib import get_close_matches

FEW = 24
LONGEST = 64  # The longest word shown in full, and the longest one that is compared at all.


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that is most like ``word``, capitals aside, or None if none is much like it."""
    # Comparing takes time in the square of the length, and the word may come from a stranger.
    if len(word) > LONGEST:
        return None
    spelled = {each.lower(): each for each in sorted(known, reverse=True)}
    found = get_close_matches(word.lower(), spelled, n=1)
    return spelled[found[0]] if found else None


def unknown(kind: str, word: str, known: Iterable[str]) -> str:
    """``unknown key "okk", did you mean "ok"?``, or the known words where none is near and they are few."""
    words = sorted(known)
    near = nearest(word, words)
    if near is not None:
        return f"unknown {kind} {quoted(word)}, did you mean {quoted(near)}?"
    if words and len(words) <= FEW:
        return f"unknown {kind} {quoted(word)}, expected {alternatives(words)}"
    return f"unknown {kind} {quoted(word)}"


def quoted(text: str) -> str:
    """The text in double quotes on one line: control characters escaped, cut after 64 characters."""
    shown = text if len(text) <= LONGEST else text[:LONGEST] + "…"
    return json.dumps(shown, ensure_ascii=False)


def alternatives(words: Iterable[str]) -> str:
    """``"a"``, ``"a" or "b"``, ``"a", "b" or "c"``, in the order given."""
    return joined([quoted(word) for word in words])


def joined(parts: list[str]) -> str:
    """The parts with commas between them and ``or`` before the last."""
    return " or ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
