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


def dotted(*keys: str) -> str:
    """The keys as TOML writes them in one name, in quotes where they need them."""
    return ".".join(key if _BARE.fullmatch(key) else json.dumps(key, ensure_ascii=False) for key in keys)
