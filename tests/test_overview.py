"""Promise: a panel's last word on the totals is what they are, however changes, looks and arrivals meet."""

import asyncio
from functools import partial
from pathlib import Path

import anyio

from jobs.creation import NewManager
from jobs.log import Log
from jobs.redact import Redactor
from jobs.row import Source
from jobs.store.deletion import delete_manager
from jobs.store.store import Store
from jobs.web.overview import Overview, Seat
from tests.sse import parse


class Town:
    """Managers that come and go, and an overview of them."""

    def __init__(self, path: Path) -> None:
        self.store = Store(path, "NORMAL", lambda commit: self.overview.committed(commit), lambda error: None)
        self.overview = Overview(self.store.readers)
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
