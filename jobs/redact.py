"""Which texts are secret? Values that must never be stored, and their replacement."""

import re
from collections.abc import Iterable
from json.encoder import encode_basestring_ascii

MASK = "***"


class Redactor:
    """Replaces every known secret in a text by ``***``.

    A secret is also recognised in the escaped form that it has inside JSON.
    """

    def __init__(self) -> None:
        self._secrets: frozenset[str] = frozenset()
        self._pattern: re.Pattern[str] | None = None

    def add(self, secrets: Iterable[str]) -> None:
        """Learn further secrets. They are kept for the life of the process: a late line may hold one."""
        known = self._secrets | frozenset(secrets)
        if known == self._secrets:
            return
        forms = known | {encode_basestring_ascii(secret)[1:-1] for secret in known}
        # The longest first: a secret may be the beginning of another.
        ordered = sorted(forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, ordered)))
        self._secrets = known

    def clean(self, text: str) -> str:
        """The text with every secret replaced."""
        pattern = self._pattern
        return pattern.sub(MASK, text) if pattern else text
