"""Does a path fit a pattern? ``*.md`` by its name, ``docs/**/*.md`` from the top, case and all."""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase


def fits_any(path: str, patterns: Iterable[str]) -> bool:
    """Whether a path, with slashes and relative, fits one of the patterns."""
    return any(fits(path, pattern) for pattern in patterns)


def fits(path: str, pattern: str) -> bool:
    """Whether a path, with slashes and relative, fits a pattern.

    ``*``, ``?`` and ``[…]`` stand for what is within one name, ``**`` for any number of folders. A pattern
    without a slash is for the last name alone; one with a slash at its end for everything below a folder.
    """
    names = path.split("/")
    if "/" not in pattern:
        return fnmatchcase(names[-1], pattern)
    parts = pattern.removeprefix("/").split("/")
    if not parts[-1]:
        parts[-1] = "**"
    return _fits(names, parts)


def _fits(names: Sequence[str], parts: Sequence[str]) -> bool:
    if not parts:
        return not names
    if parts[0] == "**":
        return any(_fits(names[start:], parts[1:]) for start in range(len(names) + 1))
    return bool(names) and fnmatchcase(names[0], parts[0]) and _fits(names[1:], parts[1:])
