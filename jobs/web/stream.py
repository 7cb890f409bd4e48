"""What goes over the wire? A manager's rows as Server-Sent Events, resumable to the row.

https://html.spec.whatwg.org/multipage/server-sent-events.html. Whole pages are yielded as bytes; they are
byte for byte what sse-starlette's own encoder makes of the same events, which a test checks. That is safe
because a row is one line of ASCII JSON, its id is a number and its event one of four words.
"""

import asyncio
import logging
import math
import re
import time
from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import anyio
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.types import Message, Receive, Scope, Send

from jobs.page import Encoded, Page
from jobs.row import encode, now
from jobs.store import rows, runs
from jobs.store.reader import Readers
from jobs.store.rows import Head, Row, RowFilter
from jobs.tail import Hub
from jobs.web.direct import DIRECT, Writing

logger = logging.getLogger(__name__)

POSITION = re.compile(r"(?:([a-z0-9]{1,40}):)?([0-9]{1,18})(-end)?", re.ASCII)
RETRY_MILLISECONDS = 1_000
BUSY_MILLISECONDS = 15_000
# Silence after which a ping is due, at the tail's next tick: at the latest 15 s after the last event.
PING_SECONDS = 9.0
SEND_SECONDS = 45.0
GRACE_SECONDS = 2.0
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
        prefix = self.prefix
        if not wanted:
            return Encoded(b"", 0)
        if self.batch:
            array = ",".join([row.data for row in wanted])
            text = f"id: {prefix}{wanted[-1].seq}\nevent: {BATCH}\ndata: [{array}]\n\n"
        else:
            text = "".join(
                [f"id: {prefix}{row.seq}\nevent: {row.event}\ndata: {row.data}\n\n" for row in wanted]
            )
        return Encoded(text.encode("ascii"), [row.event for row in wanted].count("job_log"))


class Stream(EventSourceResponse):
    """A streamed body that notices who has left, cuts who takes nothing, and says goodbye at a stop.

    sse-starlette's own pings are off: one is sent beside the rows, and an id in it could be older than what
    went out before it. A client that takes nothing for 45 s is cut, which must not look like a clean end.
    """

    def __init__(
        self, content: AsyncIterable[Any], hub: Hub, media_type: str, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(
            content,
            headers=headers,
            media_type=media_type,
            ping=0,
            sep="\n",
            shutdown_event=hub.stopping,
            shutdown_grace_period=GRACE_SECONDS,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the body."""
        self._loop = asyncio.get_running_loop()
        self._writing: Writing | None = scope.get("extensions", {}).get(DIRECT)
        self._sending_since = math.inf
        with anyio.CancelScope() as self._cut:
            self._watch()
            try:
                await super().__call__(scope, receive, send)
            finally:
                self._timer.cancel()
        if self._cut.cancelled_caught:
            # Returning before the body's end makes a server close the connection in the middle of it, but
            # first it would wait until the client takes what it was sent.
            logger.warning("a client took nothing for %g s and was cut", SEND_SECONDS)
            if self._writing:
                self._writing.cut()

    def _watch(self) -> None:
        """Cut who has taken nothing for too long, else look again when that could be."""
        now = self._loop.time()
        since = now - self._writing.stalled_seconds() if self._writing else min(self._sending_since, now)
        due = since + SEND_SECONDS
        if due <= now:
            self._cut.cancel()
        else:
            self._timer = self._loop.call_at(due, self._watch)

    async def _send_with_timeout(self, send: Send, message: Message) -> None:
        """One timer a stream; sse-starlette's one cancel scope a send is a fifth of what a send costs."""
        self._sending_since = self._loop.time()
        await send(message)
        self._sending_since = math.inf


def event(name: str, data: Any, identity: str | None = None) -> ServerSentEvent:
    """An event that is no row."""
    return ServerSentEvent(encode(data), event=name, id=identity, sep="\n")


@dataclass
class Follower:
    """One client's way through a manager's log.

    :param position: where it was; beyond the log means that it must start again
    :param tail: begin with a snapshot and this many rows, instead of at the position
    :param writing: where pages can be written at once, past the response
    """

    hub: Hub
    readers: Readers
    head: Head
    view: EventView
    position: int
    tail: int | None = None
    writing: Writing | None = None
    lines: int = field(default=0, init=False)

    async def events(self) -> Chunks:
        """Everything the client gets, in order: retry, reset or gap, snapshot, rows, end."""
        self._spoke()
        yield ServerSentEvent(retry=RETRY_MILLISECONDS, sep="\n")
        if self.tail is not None:
            snapshot = await self.readers.run(self._snapshot)
            if snapshot is None:
                return
            if self.position + 1 < self.head.first_seq:
                yield event("gap", {"from": self.position + 1, "to": self.head.first_seq - 1})
                self.position = self.head.first_seq - 1
            yield event("snapshot", snapshot)
        elif self.position > self.head.last_seq:
            yield event("reset", {"last_seq": self.head.last_seq})
            self.position = 0
        take = self._take if self.writing else None
        while True:
            async with aclosing(self.hub.follow(self.head, self.position, take)) as pages:
                async for page in pages:
                    if page is not None:
                        if page.gap:
                            yield event("gap", {"from": page.gap[0], "to": page.gap[1]})
                        encoded = page.encoded(self.view)
                        if encoded.body and not (self.writing and self.writing(encoded)):
                            yield encoded.body
                        # Only now: a ping's id must not be ahead of what the client has.
                        self._sent(page, encoded)
                        del page, encoded  # or each slow client would keep one
                        if self.writing:
                            await self.writing.room()
                    if self._silent:
                        yield self._ping()
                        self._spoke()
            if self.hub.stopping.is_set():
                yield event("bye", {"last_seq": self.position})
                return
            end = await self.readers.run(self._end)
            if end is None:  # deleted meanwhile
                return
            if end["last_seq"] == self.position:
                yield event(
                    "end", {**end, "sent_lines": self.lines}, f"{self.view.prefix}{self.position}-end"
                )
                return

    def _take(self, page: Page) -> bool:
        """Write a new page at once; False where it must go through the response, in its turn."""
        assert self.writing is not None
        encoded = page.encoded(self.view)
        if page.gap or (self._silent and not encoded.body):
            return False
        if encoded.body and not self.writing(encoded):
            return False
        self._sent(page, encoded)
        return True

    def _sent(self, page: Page, encoded: Encoded) -> None:
        if encoded.body:
            self.lines += encoded.lines
            self._spoke()
        self.position = page.end

    def _spoke(self) -> None:
        self._spoke_at = time.monotonic()

    @property
    def _silent(self) -> bool:
        return time.monotonic() - self._spoke_at > PING_SECONDS

    def _ping(self) -> ServerSentEvent:
        identity = None if self.view.filter.everything else f"{self.view.prefix}{self.position}"
        return event("ping", {"last_seq": self.position, "now": now()}, identity)

    def _snapshot(self, db: Any) -> dict[str, Any] | None:
        snapshot = runs.manager(db, self.head.manager_id)
        if snapshot is not None and self.tail is not None:
            self.position = rows.before_last(
                db, self.head.manager_id, self.view.filter, self.tail, snapshot["last_seq"]
            )
        return snapshot

    def _end(self, db: Any) -> dict[str, Any] | None:
        head = rows.head(db, self.head.manager_id)
        if head is None:
            return None
        self.head = head
        lines = rows.line_counts(db, head.manager_id)
        return {
            "status": head.status,
            "last_seq": head.last_seq,
            "lines": lines,
            "total_lines": sum(lines.values()),
        }


async def busy() -> Chunks:
    """The answer when there are too many streams: come again later, nothing is lost."""
    yield ServerSentEvent(retry=BUSY_MILLISECONDS, sep="\n")
    yield event("busy", {"retry_seconds": BUSY_MILLISECONDS / 1000})
