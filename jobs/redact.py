"""Which texts are secret? Values that must never be stored, and what stands in their place.

What is only shown has ``***`` for a secret. What a retry must read back, as a worker job's arguments and
result and a run's params, is *sealed*: in the stored JSON, else pure ASCII, a secret is ``«1:NAME»``, the
variable of the environment that held it and the form in which it stood. No other text can look like that.
"""

import json
import re
import secrets
from collections.abc import Callable, Mapping
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
SEALED = re.compile("«([^»]*)»")
# A number is a text that begins so.
NUMBER = "«#»"
SEALED_NUMBER = re.compile(f'"{NUMBER}([^"]*)"')


class Redactor:
    """Replaces every known secret in a text.

    A secret is also recognised as it stands escaped in JSON, in Python's own messages and in URLs.
    """

    def __init__(self) -> None:
        self._known: set[tuple[str, str]] = set()
        self._pattern: re.Pattern[str] | None = None
        self._seals: dict[str, str] = {}  # "1:NAME" for every text that the pattern finds
        self._nonce = secrets.token_hex(16)

    def add(self, known: Mapping[str, str]) -> None:
        """Learn further secrets, by the names of their variables.

        They are kept for the life of the process, also those that changed: a late line may hold one.
        """
        if known.items() <= self._known:
            return
        self._known |= known.items()
        for name, value in known.items():
            for index, form in enumerate(FORMS):
                self._seals.setdefault(form(value), f"{index}:{name}")
        # The longest first: a secret may be the beginning of another.
        ordered = sorted(self._seals, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, ordered)))

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
        return _replaced(value, self.clean, lambda number: MASK)

    def seal(self, text: str) -> str:
        """A JSON text with every secret sealed; for ``shown`` and ``unseal``.

        Of two variables with the same value it is the one learnt first.
        """
        pattern = self._pattern
        if pattern is None or not pattern.search(text):
            return text
        # First by a mark that no text can hold by itself; what is not ASCII is put in when all else is.
        nonce = self._nonce

        def mark(seal: str) -> str:
            return f"<{nonce} {seal} {nonce}>"

        value = _replaced(
            json.loads(text),
            lambda part: pattern.sub(lambda found: mark(self._seals[found[0]]), part),
            lambda number: mark("#") + pattern.sub(lambda found: mark(self._seals[found[0]]), number),
        )
        sealed = json.dumps(value, separators=(",", ":"))
        return re.sub(f"<{nonce} (.*?) {nonce}>", "«\\1»", sealed)


def unseal(text: str, environ: Mapping[str, str]) -> str:
    """A sealed JSON text with the present values of its variables.

    :raises KeyError: a variable is not there any more
    """

    def value(found: "re.Match[str]") -> str:
        index, _, name = found[1].partition(":")
        return json.dumps(FORMS[int(index)](environ[json.loads(f'"{name}"')]))[1:-1]

    return SEALED.sub(value, SEALED_NUMBER.sub(r"\1", text))


def shown(text: str) -> str:
    """A sealed JSON text as it may be shown."""
    return text if text.isascii() else SEALED.sub(MASK, SEALED_NUMBER.sub(f'"{MASK}"', text))


def _replaced(value: Any, text: Callable[[str], str], number: Callable[[str], Any]) -> Any:
    """A value of JSON with its texts changed, and its numbers where their text is changed."""
    if isinstance(value, str):
        return text(value)
    if isinstance(value, dict):
        return {text(key): _replaced(item, text, number) for key, item in value.items()}
    if isinstance(value, list):
        return [_replaced(item, text, number) for item in value]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value if text(str(value)) == str(value) else number(str(value))
    return value
