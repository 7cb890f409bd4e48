"""How does one client get through a log? From where it was to the end, whatever happens meanwhile."""

import sqlite3
import time
from contextlib import aclosing, nullcontext
from dataclasses import dataclass, field
from typing import Any

from sse_starlette import ServerSentEvent

from jobs.hub import Hub
from jobs.page import Encoded, Page
from jobs.store import rows, runs
from jobs.store.reader import Readers
from jobs.store.rows import PAGE_CHARACTERS, PAGE_ROWS, Head
from jobs.tail import wait_for_it
from jobs.web.direct import Writing
from jobs.web.overview import Overview, Seat
from jobs.web.stream import PING_SECONDS, Chunks, EventView, event, ping, retry

# Pages of the past are aimed at this size: a little less than the most that one may have.
ROOMY_BYTES = PAGE_CHARACTERS * 7 // 8


@dataclass
class Follower:
    """One client's way through a manager's log.

    :param position: where it was; beyond the log means that it must start again
    :param tail: begin with a snapshot and this many rows, instead of at the position
    :param writing: where pages can be written at once, past the response
    :param overview: the news of all managers come, too, and the client stays when the run has ended
    :param told: whether it has had the ``end`` that belongs to its position
    """

    hub: Hub
    readers: Readers
    head: Head
    view: EventView
    position: int
    tail: int | None = None
    writing: Writing | None = None
    overview: Overview | None = None
    told: bool = False
    lines: int = field(default=0, init=False)
    _page_rows: int = field(default=PAGE_ROWS, init=False)

    async def events(self) -> Chunks:
        """Everything the client gets, in order: retry, reset or gap, snapshot, rows, end."""
        with self.overview.seat() if self.overview else nullcontext() as seat:
            self._spoke()
            yield retry()
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
            async with aclosing(self._on(seat)) as chunks:
                async for chunk in chunks:
                    yield chunk

    async def _on(self, seat: Seat | None) -> Chunks:
        """From the position on."""
        take = self._take if self.writing else wait_for_it
        bell = seat.bell if seat else None
        for chunk in await self._aside(seat):
            yield chunk
        while not self.hub.stopping.is_set():
            async with aclosing(self.hub.follow(self.head, self.position, take, bell, self._read)) as pages:
                async for page in pages:
                    if page is not None:
                        if page.gap:
                            yield event("gap", {"from": page.gap[0], "to": page.gap[1]})
                        encoded = page.encoded(self.view)
                        if self.writing and encoded.body and self.writing.in_pieces(encoded):
                            self.hub.delivered += len(encoded.body)
                        elif encoded.body:
                            yield encoded.body
                        # Only now: a ping's id must not be ahead of what the client has.
                        self._sent(page, encoded)
                        del page, encoded  # or each slow client would keep one
                        if self.writing:
                            await self.writing.room()
                    for chunk in await self._aside(seat):
                        yield chunk
            if self.hub.stopping.is_set():
                break
            end = await self.readers.run(self._end)
            if end is None:  # deleted meanwhile
                return
            if end["last_seq"] != self.position:
                continue
            if not self.told:
                self._spoke()
                identity = f"{self.view.prefix}{self.position}-end"
                yield event("end", {**end, "sent_lines": self.lines}, identity)
                self.told = True
            if bell is None:
                return
            async with aclosing(self.hub.until_reopened(self.head, self.position, bell)) as ticks:
                async for _ in ticks:
                    for chunk in await self._aside(seat):
                        yield chunk
        yield event("bye", {"last_seq": self.position})

    async def _aside(self, seat: Seat | None) -> list[bytes | ServerSentEvent]:
        """What is to be said between rows: news of other managers, or that the stream lives."""
        chunks: list[bytes | ServerSentEvent] = []
        if seat and (news := await seat.news()):
            chunks.append(news)
        elif self._silent:
            identity = None if self.view.filter.everything else f"{self.view.prefix}{self.position}"
            chunks.append(ping(self.position, identity))
        if chunks:
            self._spoke()
        return chunks

    def _take(self, page: Page) -> bool:
        """Write a new page at once; False where it must go through the response, in its turn."""
        assert self.writing is not None
        encoded = page.encoded(self.view)
        if page.gap or (self._silent and not encoded.body):
            return False
        if encoded.body:
            if not self.writing(encoded):
                return False
            self.hub.delivered += len(encoded.body)
        self._sent(page, encoded)
        return True

    def _sent(self, page: Page, encoded: Encoded) -> None:
        if encoded.body:
            self.lines += encoded.lines
            self._spoke()
        self.position = page.end
        self.told = False

    def _read(self, db: sqlite3.Connection, manager_id: str, after: int, upto: int) -> Page:
        """A page of the past, of as many rows as will make a page if they are like those before."""
        page = self.view.read(db, manager_id, after, upto, self._page_rows)
        size = len(page.encoded(self.view).body)
        if size:
            self._page_rows = max(1, (page.end - page.start) * ROOMY_BYTES // size)
        return page

    def _spoke(self) -> None:
        self._spoke_at = time.monotonic()

    @property
    def _silent(self) -> bool:
        return time.monotonic() - self._spoke_at > PING_SECONDS

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
        return rows.receipt(db, head)
