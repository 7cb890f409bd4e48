"""How do many viewers follow one manager? Those that have all share its tail, the others read the database.

A viewer that is behind, because it has just come or is slow, reads up to the tail's position by itself, and
is then handed each new page like the others. There is no queue that could overflow.
"""

import asyncio
import logging
import sqlite3
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Protocol

import anyio
from anyio.abc import TaskGroup, TaskStatus

from jobs.page import Page
from jobs.status import Status
from jobs.store import rows
from jobs.store.commit import Commit
from jobs.store.reader import ReadError, Readers
from jobs.store.rows import Head, Row
from jobs.tail import Bell, Tail, Taker, wait_for_it

logger = logging.getLogger(__name__)

# Viewers that have nothing new look at the time this often (seconds).
TICK = 5.0
RETRY_SECONDS = 1.0


class Read(Protocol):
    """Reads a page of the past."""

    def __call__(self, db: sqlite3.Connection, manager_id: str, after: int, upto: int) -> Page:
        """The rows of a manager behind a position, up to another."""


def read_page(db: sqlite3.Connection, manager_id: str, after: int, upto: int) -> Page:
    """A page of the past, as rows."""
    found = rows.rows(db, manager_id, after, upto)
    # Fewer rows than there should be: the others were deleted, and nothing is to come of them.
    return Page.of(after, found) if found else Page(after, upto, upto + 1, [])


class Hub:
    """The tails that have viewers. It lives on their event loop; ``committed`` is for any thread."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers
        self._tails: dict[str, Tail] = {}
        self._waiting: set[Bell] = set()  # of those who follow no manager
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: TaskGroup
        self.streams: set[anyio.CancelScope] = set()  # those that are open, of every kind
        self.delivered = 0  # bytes of their bodies, since the start
        self.stopping = anyio.Event()

    async def run(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Keep the tails going until cancelled."""
        self._loop = asyncio.get_running_loop()
        async with anyio.create_task_group() as self._tasks:
            task_status.started()
            while not self.stopping.is_set():
                with anyio.move_on_after(TICK):
                    await self.stopping.wait()
                self._tick()
            for tail in self._tails.values():
                tail.tell()
            await anyio.sleep_forever()

    def _tick(self) -> None:
        for tail in self._tails.values():  # not in ``run``, whose frame would keep the last one for ever
            tail.tick()
        for bell in self._waiting:
            bell.ring()

    def committed(self, commit: Commit) -> None:
        """Wake the tails of managers that have changed."""
        watched = [manager_id for manager_id in commit.heads if manager_id in self._tails]
        if watched and self._loop:
            appended = commit.rows(watched)
            news = [(manager_id, *commit.heads[manager_id], appended[manager_id]) for manager_id in watched]
            self._loop.call_soon_threadsafe(self._wake, news)

    def _wake(self, news: list[tuple[str, Status, int, list[Row]]]) -> None:
        for manager_id, status, last_seq, appended in news:
            if tail := self._tails.get(manager_id):
                tail.arrived(status, last_seq, appended)

    @contextmanager
    def _watch(self, head: Head) -> Iterator[Tail]:
        tail = self._tails.get(head.manager_id)
        if tail is None:
            tail = self._tails[head.manager_id] = Tail(head, self._read_soon)
            tail.wake()  # for a commit between reading the head and now
        tail.viewers += 1
        try:
            yield tail
        finally:
            tail.viewers -= 1
            if tail.viewers == 0:
                del self._tails[head.manager_id]
                tail.close()

    def _read_soon(self, tail: Tail) -> None:
        self._tasks.start_soon(self._read, tail)

    async def _read(self, tail: Tail) -> None:
        """Read what comes next in a tail's log."""
        try:
            head, page = await self._readers.run(lambda db: _news(db, tail))
        except ReadError as error:  # of the disk; leaving here would end every stream for ever
            logger.error("the log of %s cannot be read: %s", tail.head.manager_id, error)
            await anyio.sleep(RETRY_SECONDS)
            tail.took(tail.head, None)
            tail.wake()
            return
        if head is None:  # deleted
            head = Head(tail.head.manager_id, "cancelled", tail.position, tail.position + 1)
        tail.took(head, page)

    async def follow(
        self,
        head: Head,
        position: int,
        take: Taker = wait_for_it,
        bell: Bell | None = None,
        read: Read = read_page,
    ) -> AsyncGenerator[Page | None, None]:
        """The pages of a manager behind a position; None now and then, when there is nothing new.

        It ends when the run has ended and every row was given, or when ``stopping`` is set.

        :param take: is handed the new pages instead, as long as it takes them, while all before are given
        :param bell: each ring gives a None
        :param read: how pages of the past are read
        """
        with self._watch(head) as tail:
            while not self.stopping.is_set():
                if position >= tail.position:
                    if tail.head.ended and position >= tail.head.last_seq:
                        return
                    position = await tail.wait(position, take, bell.event if bell else None)
                    if bell or (position >= tail.position and not tail.head.ended):
                        yield None
                    continue
                pages = tail.pages_from(position)
                if not pages:
                    past = partial(read, manager_id=head.manager_id, after=position, upto=tail.position)
                    pages = [await self._readers.run(past)]
                while pages:
                    position = pages[0].end
                    yield pages.pop(0)  # and keep it no longer than the viewer does

    async def until_reopened(self, head: Head, position: int, bell: Bell) -> AsyncGenerator[None, None]:
        """None at each ring and now and then, until a run that has ended is retried, or ``stopping``."""
        with self._watch(head) as tail:
            while tail.head.ended and tail.head.last_seq <= position and not self.stopping.is_set():
                await tail.wait(position, wait_for_it, bell.event)
                yield None

    async def without_end(self, bell: Bell) -> AsyncGenerator[None, None]:
        """None at each ring and now and then, until ``stopping`` is set."""
        self._waiting.add(bell)
        try:
            while not self.stopping.is_set():
                await bell.event.wait()
                yield None
        finally:
            self._waiting.discard(bell)


def _news(db: sqlite3.Connection, tail: Tail) -> tuple[Head | None, Page | None]:
    head = rows.head(db, tail.head.manager_id)
    if head is None or head.last_seq <= tail.position:
        return head, None
    found = rows.rows(db, tail.head.manager_id, tail.position, head.last_seq)
    return head, Page.of(tail.position, found) if found else None
