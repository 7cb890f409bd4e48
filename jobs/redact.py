"""Which texts are secret? Values that must never be stored, and their replacement."""

import json
import re
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import quote, quote_plus

MASK = "***"
# How texts stand in other texts: in JSON, in Python's own messages (a KeyError's), in URLs.
FORMS: tuple[Callable[[str], str], ...] = (
    lambda text: text,
    lambda text: json.dumps(text)[1:-1],
    lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    lambda text: repr(text)[1:-1],
    lambda text: quote(text, errors="replace"),
    lambda text: quote(text, safe="", errors="replace"),
    lambda text: quote_plus(text, errors="replace"),
)


class Redactor:
    """Replaces every known secret in a text by ``***``.

    A secret is also recognised as it stands escaped in JSON, in Python's own messages and in URLs.
    """

    def __init__(self) -> None:
        self._secrets: frozenset[str] = frozenset()
        self._pattern: re.Pattern[str] | None = None

    def add(self, secrets: Iterable[str]) -> None:
        """Learn further secrets. They are kept for the life of the process: a late line may hold one."""
        known = self._secrets | frozenset(secrets)
        if known == self._secrets:
            return
        forms = {form(secret) for secret in known for form in FORMS}
        # The longest first: a secret may be the beginning of another.
        ordered = sorted(forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, ordered)))
        self._secrets = known

    def clean(self, text: str) -> str:
        """The text with every secret replaced."""
        pattern = self._pattern
        return pattern.sub(MASK, text) if pattern else text

    def clean_json(self, text: str) -> str:
        """A JSON text with every secret replaced; JSON again, also where a number is the secret."""
        if self._pattern is None:
            return text
        value = json.loads(text)
        cleaned = self.clean_value(value)
        return text if cleaned == value else json.dumps(cleaned, separators=(",", ":"))

    def clean_value(self, value: Any) -> Any:
        """A value of JSON or TOML with every secret in it replaced."""
        if isinstance(value, str):
            return self.clean(value)
        if isinstance(value, dict):
            return {self.clean(key): self.clean_value(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.clean_value(item) for item in value]
        if isinstance(value, int | float) and not isinstance(value, bool):
            return value if self.clean(str(value)) == str(value) else MASK
        return value
