"""What did a client receive? Answers read from raw sockets, whole or as far as they came."""

import json
import re
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from tests.bench.stream import Chunked
from tests.sse import Event, parse


def arriving(connection: socket.socket, size: int = 65536) -> Iterator[bytes]:
    """What arrives on a connection, until the service closes it."""
    while received := connection.recv(size):
        yield received


def body(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The body of an answer with status 200, chunked or bare, as it comes."""
    head, chunked = b"", None
    for received in chunks:
        if b"\r\n\r\n" not in head:
            head, end, received = (head + received).partition(b"\r\n\r\n")
            if not end:
                continue
            assert head.startswith(b"HTTP/1.1 200 "), head
            chunked = Chunked() if b"chunked" in head.lower() else None
            head += end
        yield chunked.feed(received) if chunked else received


def answers(received: bytes) -> list[bytes]:
    """The answers that came one after the other on a connection."""
    return [b"HTTP/1.1 " + each for each in re.split(rb"(?:^|(?<=\n))HTTP/1\.1 (?=[0-9]{3} )", received)[1:]]


@dataclass
class Client:
    """What a client has: whole rows, the last id, and the receipts."""

    rows: list[str] = field(default_factory=list)
    last_id: str | None = None
    told: list[Event] = field(default_factory=list)

    def take(self, chunks: Iterable[bytes]) -> "Client":
        """Take an answer, as far as it comes: an event counts once it is whole."""
        for event in parse(body(chunks)):
            self.last_id = event.id or self.last_id
            if event.name == "rows":
                self.rows += [json.dumps(row, separators=(",", ":")) for row in event.json]
            elif event.is_row:
                self.rows.append(event.data)
            else:
                self.told.append(event)
        return self

    @property
    def ends(self) -> list[str | None]:
        """The ids of the receipts."""
        return [event.id for event in self.told if event.name == "end"]

    @property
    def seqs(self) -> list[int]:
        """The numbers of the rows."""
        return [json.loads(row)["seq"] for row in self.rows]
