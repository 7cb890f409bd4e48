"""Does a TOML table hold what it should? Keys read with their type; what does not fit is an error."""

from collections.abc import Iterable, Mapping
from typing import Any

from jobs import duration
from jobs.nearest import unknown
from jobs.problem import Findings, dotted
from jobs.signature import Misfit, given, misfits


class Table:
    """One table of a file. Each reading method gives the default where the key is absent or wrong."""

    def __init__(self, values: Mapping[str, Any], findings: Findings, *path: str) -> None:
        self.values = values
        self._findings = findings
        self._path = path

    def error(self, key: str, message: str) -> None:
        """Add an error about one key of this table."""
        self._findings.error(dotted(*self._path, key), message)

    def warn(self, key: str, message: str) -> None:
        """Add a warning about one key of this table."""
        self._findings.warn(dotted(*self._path, key), message)

    def misfit(self, found: Misfit) -> None:
        """Add what is wrong with the value of a key, or with an item inside it, as an error."""
        self._findings.error(dotted(*self._path, found.parameter) + found.place, found.message + found.advice)

    def string(self, key: str, default: str = "") -> str:
        """A string."""
        return str(self._value(key, str, default))

    def boolean(self, key: str, default: bool) -> bool:
        """``true`` or ``false``."""
        return bool(self._value(key, bool, default))

    def strings(self, key: str) -> tuple[str, ...]:
        """A list of strings, empty where absent."""
        return tuple(self._value(key, list[str], []))

    def names(self, key: str) -> tuple[str, ...]:
        """Names, as ``"a, b"`` or ``["a", "b"]``, each once."""
        value = self._value(key, str | list[str], "")
        parts = value.split(",") if isinstance(value, str) else value
        return tuple(dict.fromkeys(part.strip() for part in parts if part.strip()))

    def table(self, key: str) -> Mapping[str, Any]:
        """A table inside this one, empty where absent."""
        found: Mapping[str, Any] = self._value(key, dict, {})
        return found

    def integer(self, key: str, default: int, least: int) -> int:
        """An integer of at least ``least``."""
        value = self._value(key, int, default)
        if least <= value < 2**63:
            return int(value)
        self.error(key, f"expected an integer of at least {least}, got {given(value)}")
        return default

    def choice(self, key: str, words: tuple[str, ...]) -> str:
        """One of the words; the first is the default."""
        value = self.string(key, words[0])
        if value in words:
            return value
        self.error(key, unknown("value", value, words))
        return words[0]

    def seconds(self, key: str, default: float) -> float:
        """A duration, in seconds."""
        if key not in self.values:
            return default
        try:
            return duration.seconds(self.values[key])
        except ValueError as error:
            self.error(key, str(error))
            return default

    def limit(self, key: str) -> float | None:
        """A duration in seconds; None, for no limit, where the key is absent or an empty string."""
        return self.seconds(key, 0.0) or None if self.values.get(key, "") != "" else None

    def without_effect(self, keys: Iterable[str]) -> None:
        """Warn about keys that are accepted for the sake of files written for Quaero, and do nothing."""
        for key in keys:
            if key in self.values:
                self.warn(key, "has no effect: accepted so that files written for Quaero load unchanged")

    def only(self, known: Iterable[str], besides: Iterable[str] = ()) -> None:
        """Every other key is an error that offers the nearest of the known ones, not of those ``besides``."""
        words = frozenset(known)
        for key in self.values:
            if key not in words.union(besides):
                self.error(key, unknown("key", key, words))

    def _value(self, key: str, annotation: Any, default: Any) -> Any:
        if key not in self.values:
            return default
        value = self.values[key]
        wrong = misfits(annotation, value, key)
        for each in wrong:
            self.misfit(each)
        return default if wrong else value
