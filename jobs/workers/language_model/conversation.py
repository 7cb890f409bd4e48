"""What is said to a model, and what comes back? The same for every server."""

from dataclasses import dataclass
from typing import Literal

Form = Literal["schema", "json", "text"]
"""What a server is asked to hold the answer to: a schema, JSON of any kind, or nothing."""

FORMS: tuple[Form, ...] = ("schema", "json", "text")


@dataclass(frozen=True)
class Turn:
    """What one side said."""

    by: Literal["user", "model"]
    text: str


@dataclass(frozen=True)
class Model:
    """A model, the server that has it, and how that is asked.

    :param base_url: without a slash at its end
    :param api_key: empty: none is sent
    :param timeout: seconds that one request may take
    :param pause: seconds, at least, between the starts of two requests to the server
    """

    provider: str
    base_url: str
    name: str
    api_key: str
    timeout: float = 120.0
    pause: float = 0.0


@dataclass(frozen=True)
class Usage:
    """How many tokens a server counted."""

    read: int = 0
    written: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(self.read + other.read, self.written + other.written)

    def __str__(self) -> str:
        return f"{self.read} tokens in, {self.written} out"


@dataclass(frozen=True)
class Reply:
    """A model's answer.

    :param text: what it said
    :param obstacle: why what it said is of no use: refused, cut, blocked; empty if nothing is wrong
    """

    text: str
    usage: Usage
    obstacle: str = ""


def count(value: object) -> int:
    """A number of tokens as a server gives it; 0 for what is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
