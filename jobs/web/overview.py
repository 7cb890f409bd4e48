"""How do panels learn of all managers? What changed is read and encoded once for all, four times a second.

Every panel has a seat. After a commit the managers that changed are noted; a round later they are read
together with the totals, and each panel gets those that changed since it looked last: the newest state of
each, so that one that is slow gets fewer, not older ones.
"""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import aclosing, contextmanager

import anyio
from anyio.abc import TaskStatus

from jobs.hub import Hub
from jobs.store import runs
from jobs.store.commit import Commit
from jobs.store.reader import ReadError, Readers
from jobs.tail import Bell
from jobs.web.stream import PING_SECONDS, Chunks, event, ping, retry

logger = logging.getLogger(__name__)

ROUND_SECONDS = 0.25
NEWEST = 50
# Managers that are read in one round, and that are kept for panels that are slow to look.
AT_ONCE = 200
KEPT = 1_000


class Overview:
    """The state of all managers, as far as panels look. It lives on their event loop."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers
        self._loop: asyncio.AbstractEventLoop | None = None
        self._seats: set[Seat] = set()
        self._changed: dict[str, None] = {}
        self._stirred = anyio.Event()
        self._round = 0
        # The newest event of each manager, with its round; the latest round last.
        self._events: OrderedDict[str, tuple[int, bytes]] = OrderedDict()
        self._forgotten = 0  # the last round of which an event is not kept any more
        self._joined: dict[int, bytes] = {}  # what was said since a round, shared by those who ask
        self._stats = b""  # the totals, as the last round found them
        self._greeting: tuple[bytes, bytes] | None = None
        self._greeted = anyio.Lock()
        self._deletions = 0
        self._gone: set[str] = set()  # deleted since the present round began to read

    async def run(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Look at what changed until cancelled."""
        self._loop = asyncio.get_running_loop()
        task_status.started()
        while True:
            await self._stirred.wait()
            at = anyio.current_time()
            self._stirred = anyio.Event()
            ids = list(self._changed)[:AT_ONCE]
            for manager_id in ids:
                del self._changed[manager_id]
            try:
                await self._look(ids)
            except ReadError as error:  # of the disk; leaving here would keep every panel waiting for ever
                logger.error("the managers cannot be read: %s", error)
                self._stir(ids)
            if self._changed:
                self._stirred.set()
            await anyio.sleep_until(at + ROUND_SECONDS)

    async def _look(self, ids: list[str]) -> None:
        self._gone = set()
        found, totals = await self._readers.run(lambda db: (runs.some_managers(db, ids), runs.totals(db)))
        self._round += 1
        self._joined, self._greeting = {}, None
        for manager in found:
            if manager["id"] not in self._gone:
                self._note(manager["id"], event("manager", manager).encode())
        self._stats = event("stats", totals).encode()
        while len(self._events) > KEPT:
            _, (self._forgotten, _) = self._events.popitem(last=False)
        for seat in self._seats:
            seat.bell.ring()

    def _note(self, key: str, encoded: bytes) -> None:
        self._events[key] = (self._round, encoded)
        self._events.move_to_end(key)

    def committed(self, commit: Commit) -> None:
        """Note what has changed; in any thread."""
        if self._seats and self._loop and ((changed := commit.changed()) or commit.deleted):
            self._loop.call_soon_threadsafe(self._stir, changed, commit.deleted)

    def _stir(self, ids: Iterable[str], deleted: Iterable[str] = ()) -> None:
        if self._seats:
            for manager_id in deleted:  # no event follows that would take back what is said of it
                self._events.pop(manager_id, None)
                self._gone.add(manager_id)
                self._greeting, self._joined = None, {}
                self._deletions += 1
            self._changed.update(dict.fromkeys(ids))
            self._stirred.set()

    @contextmanager
    def seat(self) -> Iterator["Seat"]:
        """A place to look from."""
        seat = Seat(self)
        self._seats.add(seat)
        try:
            yield seat
        finally:
            self._seats.discard(seat)
            if not self._seats:  # nobody notes what changes from now on
                self._greeting = None
                self._events.clear()

    async def since(self, seen: int | None) -> tuple[int, bytes, bytes]:
        """The round that this is, and as events the totals and the managers that changed after a round.

        :param seen: the round; None to begin with. If it is the present one, both are empty

        :raises ReadError: the database cannot be read now
        """
        if seen is None or seen < self._forgotten:
            return await self._all()
        if seen == self._round:
            return seen, b"", b""
        if (joined := self._joined.get(seen)) is None:
            found = []
            for at, encoded in reversed(self._events.values()):
                if at <= seen:
                    break
                found.append(encoded)
            joined = self._joined[seen] = b"".join(reversed(found))
        return self._round, self._stats, joined

    async def _all(self) -> tuple[int, bytes, bytes]:
        async with self._greeted:  # a thousand panels that come back at once read it once
            at, deletions = self._round, self._deletions
            greeting = self._greeting
            if greeting is None:
                newest, totals = await self._readers.run(
                    lambda db: (runs.managers(db, (), None, None, NEWEST), runs.totals(db))
                )
                events = [event("manager", each).encode() for _, each in reversed(newest)]
                greeting = event("stats", totals).encode(), b"".join(events)
                if (at, deletions) == (self._round, self._deletions) and not self._stirred.is_set():
                    self._greeting = greeting
            return at, *greeting


class Seat:
    """One panel's look at the overview; its bell is rung when there is something new."""

    def __init__(self, overview: Overview) -> None:
        self._overview = overview
        self._seen: int | None = None
        self._stats = b""  # what it was told of the totals
        self.bell = Bell()

    async def news(self) -> bytes:
        """What is new since the last time."""
        self.bell.answer()
        self._seen, stats, managers = await self._overview.since(self._seen)
        if stats in (b"", self._stats):
            return managers
        begins, self._stats = not self._stats, stats
        return stats + managers if begins else managers + stats


async def panel(hub: Hub, overview: Overview) -> Chunks:
    """What a panel gets that has chosen no manager."""
    with overview.seat() as seat:
        yield retry()
        yield await seat.news()
        spoke_at = time.monotonic()
        async with aclosing(hub.without_end(seat.bell)) as ticks:
            async for _ in ticks:
                if news := await seat.news():
                    yield news
                elif time.monotonic() - spoke_at > PING_SECONDS:
                    yield ping(0)
                else:
                    continue
                spoke_at = time.monotonic()
        yield event("bye", {"last_seq": 0})
