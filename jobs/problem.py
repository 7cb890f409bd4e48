"""What is wrong with a file, and where? Problems that name the place, collected while a file is read."""

import json
import re
from dataclasses import dataclass, field

_BARE = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True)
class Problem:
    """One message and its place: ``file.toml:3:6``, ``file.toml key`` or ``file.toml step.NAME.key``."""

    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.message}"


@dataclass
class Findings:
    """The errors and warnings of one file, in the order in which they were found."""

    file: str
    errors: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)

    def error(self, key: str, message: str) -> None:
        """Add an error about a key, given with its tables: ``step.NAME.key``."""
        self.errors.append(Problem(f"{self.file} {key}", message))

    def warn(self, key: str, message: str) -> None:
        """Add a warning: the file can be used, but the key does not do what it may seem to do."""
        self.warnings.append(Problem(f"{self.file} {key}", message))


_MENTION = re.compile(r"\s*(?:\[+([^\]]+)\]|([^=#]+)=)")
_EXACT = re.compile(r":(\d+):\d+$")


def line_of(toml: str, where: str) -> tuple[int, str] | None:
    """The line that a place is about, and what it says; a key that is missing is so in its table."""
    exact = _EXACT.search(where)
    wanted = _plain(re.sub(r"^.*?\.toml ?", "", where))
    table, longest, found = "", "", None
    for number, text in enumerate(toml.split("\n"), 1):
        header, key = mention.groups() if (mention := _MENTION.match(text)) else (None, None)
        if header:
            table = _plain(header)
        here = table + _plain(key) if key else table if header else ""
        if int(exact[1]) == number if exact else len(here) > len(longest) and wanted.startswith(here):
            longest, found = here, (number, text.strip())
    return found


def _plain(name: str) -> str:
    """A name without quotes, blanks and numbers in lists, and with a dot at its end."""
    return re.sub(r"[\"'\s]|\[\d+\]", "", name) + "."


def dotted(*keys: str) -> str:
    """The keys as TOML writes them in one name, in quotes where they need them."""
    return ".".join(key if _BARE.fullmatch(key) else json.dumps(key, ensure_ascii=False) for key in keys)
