"""What goes over the wire? A manager's rows as Server-Sent Events, resumable to the row.

https://html.spec.whatwg.org/multipage/server-sent-events.html. Whole pages are yielded as bytes; they are
byte for byte what sse-starlette's own encoder makes of the same events, which a test checks. That is safe
because a row is one line of ASCII JSON, its id is a number and its event one of four words.
"""

import re
import sqlite3
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any, NamedTuple

from sse_starlette import ServerSentEvent

from jobs.hub import read_page
from jobs.page import Encoded, Page
from jobs.row import encode, now
from jobs.store import rows
from jobs.store.rows import Row, RowFilter

POSITION = re.compile(r"(?:([a-z0-9]{1,40}):)?([0-9]{1,18})(-end)?", re.ASCII)
RETRY_MILLISECONDS = 1_000
BUSY_MILLISECONDS = 15_000
# Silence after which a ping is due, at the next tick: at the latest 15 s after the last event.
PING_SECONDS = 9.0
BATCH = "rows"

Chunks = AsyncGenerator[bytes | ServerSentEvent, None]


@dataclass(frozen=True)
class Position:
    """Where a client was: the last ``seq`` it has, and whether it already has its ``end``."""

    seq: int
    ended: bool = False
    manager_id: str | None = None


def parse_position(text: str, *, latest: bool) -> Position | None:
    """The position that an id or ``after`` names; None if it is malformed.

    :param latest: it is of ``/managers/latest``, where ids are ``ID:SEQ``
    """
    match = POSITION.fullmatch(text)
    if match is None or (match[1] and not latest):
        return None
    return Position(int(match[2]), match[3] is not None, match[1])


class EventView(NamedTuple):
    """Rows as events. A tuple: it is looked up for each viewer of each page.

    :param prefix: what stands before the seq in ids
    :param batch: a page is one event ``rows``, its data an array of them
    """

    filter: RowFilter
    prefix: str = ""
    batch: bool = False

    def encode(self, page: list[Row]) -> Encoded:
        """The events of the rows that pass the filter."""
        wanted = page if self.filter.everything else [row for row in page if self.filter.passes(row)]
        if not wanted:
            return Encoded(b"", 0)
        lines = [row.event for row in wanted].count("job_log")
        if self.batch:
            return Encoded(
                self._batch(wanted[-1].seq, ",".join([row.data for row in wanted]).encode()), lines
            )
        before_seq, before_event, before_data, behind = self._parts
        text = "".join(
            [
                f"{before_seq}{row.seq}{before_event}{row.event}{before_data}{row.data}{behind}"
                for row in wanted
            ]
        )
        return Encoded(text.encode("ascii"), lines)

    @property
    def _parts(self) -> tuple[str, str, str, str]:
        return f"id: {self.prefix}", "\nevent: ", "\ndata: ", "\n\n"

    def _batch(self, last_seq: int, data: bytes) -> bytes:
        return f"id: {self.prefix}{last_seq}\nevent: {BATCH}\ndata: [".encode() + data + b"]\n\n"

    def read(self, db: sqlite3.Connection, manager_id: str, after: int, upto: int, limit: int) -> Page:
        """A page of the past; where all rows are wanted, in this view alone.

        :param limit: about how many rows make a page
        """
        if self.filter.everything:
            parts = (",",) if self.batch else self._parts
            if found := rows.joined(db, manager_id, after, upto, limit, parts):
                body = self._batch(found.last_seq, found.text) if self.batch else found.text
                return Page(after, found.last_seq, after + 1, [], {self: Encoded(body, found.lines)})
        return read_page(db, manager_id, after, upto)


def event(name: str, data: Any, identity: str | None = None) -> ServerSentEvent:
    """An event that is no row."""
    return ServerSentEvent(encode(data), event=name, id=identity, sep="\n")


def retry(milliseconds: int = RETRY_MILLISECONDS) -> ServerSentEvent:
    """How long a client that has lost its stream waits before it comes back."""
    return ServerSentEvent(retry=milliseconds, sep="\n")


def ping(position: int, identity: str | None = None) -> ServerSentEvent:
    """A sign of life.

    :param identity: for a filtered stream, whose client would otherwise resume before rows it did not want
    """
    return event("ping", {"last_seq": position, "now": now()}, identity)


async def busy() -> Chunks:
    """The answer when there are too many streams: come again later, nothing is lost."""
    yield retry(BUSY_MILLISECONDS)
    yield event("busy", {"retry_seconds": BUSY_MILLISECONDS / 1000})
