"""Promise: a panel's last word is how things are, however changes, rounds and arrivals meet."""

import asyncio
import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import anyio
import anyio.lowlevel

from jobs.creation import NewManager
from jobs.log import Log
from jobs.redact import Redactor
from jobs.row import Source
from jobs.store.deletion import delete_manager
from jobs.store.reader import Readers
from jobs.store.store import Store
from jobs.web.overview import Overview, Seat
from tests.sse import parse

T = TypeVar("T")


class HeldReaders(Readers):
    """Readers whose answers are held back, while they shall, once they are read."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers
        self.hold = False
        self._held: list[anyio.Event] = []
        self._more = anyio.Event()

    async def run(self, query: Callable[[sqlite3.Connection], T]) -> T:
        found = await self._readers.run(query)
        if self.hold:
            go = anyio.Event()
            self._held.append(go)
            self._more.set()
            await go.wait()
        return found

    async def held(self, number: int) -> list[anyio.Event]:
        """What lets the held ones go, once they are so many."""
        while len(self._held) < number:
            await self._more.wait()
            self._more = anyio.Event()
        return self._held


class Town:
    """Managers that come and go, and an overview of them."""

    def __init__(self, path: Path) -> None:
        self.store = Store(path, "NORMAL", lambda commit: self.overview.committed(commit), lambda error: None)
        self.readers = HeldReaders(self.store.readers)
        self.overview = Overview(self.readers)
        self._log = Log(self.store.writer, Redactor())

    async def create(self, manager_id: str) -> None:
        new = NewManager("d", "d", "", "d.toml", "interrupt", {})
        await asyncio.wrap_future(self._log.create(Source(manager_id), new, []))

    async def delete(self, manager_id: str) -> None:
        await asyncio.wrap_future(self.store.commit(partial(delete_manager, manager_id=manager_id)))


async def pending(seat: Seat, told: int = 0) -> int:
    """How many pending managers it has been told of by now.

    :param told: of how many before
    """
    stats = [event.json for event in parse([await seat.news()]) if event.name == "stats"]
    count: int = stats[-1]["managers"].get("pending", 0) if stats else told
    return count


def test_who_came_while_a_manager_was_there_for_a_moment_is_told_that_it_has_gone(tmp_path: Path) -> None:
    town = Town(tmp_path / "x.db")

    async def story() -> None:
        async with anyio.create_task_group() as tasks:
            await tasks.start(town.overview.run)
            with town.overview.seat() as first, town.overview.seat() as second:
                assert await pending(first) == 0
                await town.create("a")
                await first.bell.event.wait()
                assert await pending(first) == 1
                # All of this before the next round.
                await town.create("b")
                assert await pending(second) == 2
                await town.delete("b")
                await first.bell.event.wait()
                assert await pending(first, 1) == 1
                assert await pending(second, 2) == 1
            tasks.cancel_scope.cancel()

    anyio.run(story)
    assert town.store.close(lambda tx: None, 10)


def managers(news: bytes) -> list[str]:
    return [event.json["id"] for event in parse([news]) if event.name == "manager"]


def test_what_is_deleted_while_it_is_read_is_told_of_no_more(tmp_path: Path) -> None:
    town = Town(tmp_path / "x.db")

    async def story() -> None:
        async with anyio.create_task_group() as tasks:
            await tasks.start(town.overview.run)
            with town.overview.seat() as seat:
                assert managers(await seat.news()) == []
                town.readers.hold = True
                await town.create("a")
                (of_the_round,) = await town.readers.held(1)
                await town.delete("a")
                of_the_round.set()
                await seat.bell.event.wait()
                assert managers(await seat.news()) == []
            tasks.cancel_scope.cancel()

    anyio.run(story)
    assert town.store.close(lambda tx: None, 10)


def test_what_one_was_told_before_a_deletion_is_told_to_nobody_after_it(tmp_path: Path) -> None:
    town = Town(tmp_path / "x.db")

    async def story() -> None:
        async with anyio.create_task_group() as tasks:
            await tasks.start(town.overview.run)
            with town.overview.seat() as first, town.overview.seat() as second, town.overview.seat() as third:
                await town.create("a")
                await first.bell.event.wait()
                town.readers.hold = True
                tasks.start_soon(second.news)
                (of_the_second,) = await town.readers.held(1)
                await town.delete("a")
                await town.readers.held(2)  # the next round reads
                town.readers.hold = False
                of_the_second.set()
                await anyio.lowlevel.checkpoint()
                assert managers(await third.news()) == []
            tasks.cancel_scope.cancel()

    anyio.run(story)
    assert town.store.close(lambda tx: None, 10)
