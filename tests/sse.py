"""How does a client read a stream? Server-Sent Events parsed from bytes, as the specification says.

Not by lines of text: ``httpx`` also splits those at U+2028 and U+0085, which end no line here.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass
class Event:
    """One dispatched event; ``retry`` stands alone in one without a name."""

    name: str
    data: str
    id: str | None = None
    retry: int | None = None

    @property
    def json(self) -> Any:
        """Its data, decoded."""
        return json.loads(self.data)

    @property
    def is_row(self) -> bool:
        """Whether it is a row of the log."""
        return bool(self.data) and "seq" in self.json


def parse(chunks: Iterable[bytes]) -> Iterator[Event]:
    """The events of a stream of bytes, as they become complete."""
    buffer = b""
    for chunk in chunks:
        buffer += chunk
        while b"\n\n" in buffer:
            block, _, buffer = buffer.partition(b"\n\n")
            yield _event(block)


def _event(block: bytes) -> Event:
    event = Event("", "")
    for line in block.split(b"\n"):
        field, _, value = line.partition(b":")
        text = value.removeprefix(b" ").decode()
        match field:
            case b"event":
                event.name = text
            case b"data":
                event.data += text
            case b"id":
                event.id = text
            case b"retry":
                event.retry = int(text)
    return event
