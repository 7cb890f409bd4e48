"""Promise: whoever follows a tail gets every row once and in order, whatever comes with the wake-ups."""

import random
import sqlite3
import time
from collections.abc import Iterator
from contextlib import aclosing

import anyio
import anyio.to_thread
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs.creation import NewManager
from jobs.hub import Hub
from jobs.log import Log
from jobs.page import Page
from jobs.redact import Redactor
from jobs.row import Source
from jobs.state import Outcome
from jobs.store import rows
from jobs.store.rows import Row
from jobs.store.store import Store
from jobs.tail import ARRIVED_ROWS


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    path = tmp_path_factory.mktemp("tail") / "x.db"
    store = Store(path, "NORMAL", lambda commit: None, lambda error: None)
    yield store
    assert store.close(lambda tx: None, 10)


class Viewer:
    """Follows a manager, and takes pages that are handed to it or not, as a fast or a slow client does.

    :param chance: how often it takes one
    """

    def __init__(self, seed: int, chance: float) -> None:
        self._random = random.Random(seed)
        self._chance = chance
        self.start = 0
        self.rows: list[Row] = []

    def take(self, page: Page) -> bool:
        if self._random.random() > self._chance:
            return False
        self._got(page)
        return True

    def _got(self, page: Page) -> None:
        self.rows += page.rows  # what is wrong here is seen at the end

    async def follow(self, hub: Hub, store: Store, manager_id: str) -> None:
        """Come at some time, and go on from the first row, from the last, or from one between them."""
        await anyio.sleep(self._random.random() * 0.03)
        head = await store.tail_readers.run(lambda db: rows.head(db, manager_id))
        assert head is not None
        self.start = self._random.choice((0, head.last_seq // 2, head.last_seq))
        async with aclosing(hub.follow(head, self.start, self.take)) as pages:
            async for page in pages:
                if page is not None:
                    self._got(page)
                    await anyio.sleep(self._random.choice((0, 0, 0.002)))


async def keep_busy(seed: int) -> None:
    """Keep the event loop for some milliseconds now and then: several commits come in one go."""
    chance = random.Random(seed)
    while True:
        time.sleep(chance.choice((0, 0.001, 0.01)))  # noqa: ASYNC251 (that is the point)
        await anyio.sleep(0.001)


@pytest.mark.slow
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    bursts=st.lists(st.sampled_from((1, 2, 7, 300, ARRIVED_ROWS + 300)), min_size=5, max_size=20),
    chances=st.lists(st.sampled_from((0.0, 0.5, 0.9, 1.0)), min_size=2, max_size=6),
    seed=st.integers(0, 1000),
)
def test_every_viewer_gets_the_log(store: Store, bursts: list[int], chances: list[float], seed: int) -> None:
    manager = Source(f"m{random.Random().getrandbits(50)}")
    log = Log(store.writer, Redactor())
    log.create(manager, NewManager("d", "n", "", "d.toml", "interrupt", {}), []).result(10)
    log.manager_status(manager, "n", Outcome("pending", "running"))
    log.flush()
    viewers = [Viewer(seed + number, chance) for number, chance in enumerate(chances)]

    def write() -> None:
        for burst in bursts:
            for number in range(burst):
                log.line(manager, "manager", "info", f"line {number}")
            time.sleep(0.002)
        log.manager_status(manager, "n", Outcome("running", "completed"))
        log.flush()

    async def main() -> None:
        hub = Hub(store.tail_readers)
        store.writer._on_commit = hub.committed
        async with anyio.create_task_group() as tasks:
            await tasks.start(hub.run)
            tasks.start_soon(keep_busy, seed)
            async with anyio.create_task_group() as following:
                for viewer in viewers:
                    following.start_soon(viewer.follow, hub, store, manager.manager_id)
                await anyio.to_thread.run_sync(write)
            tasks.cancel_scope.cancel()
        assert not hub._tails

    anyio.run(main)
    with sqlite3.connect(store.path) as db:
        stored = db.execute(
            "SELECT seq, event, step_name, job_id, level, data FROM log WHERE manager_id = ? ORDER BY seq",
            (manager.manager_id,),
        ).fetchall()
    assert [row[0] for row in stored] == list(range(1, len(stored) + 1))
    for viewer in viewers:
        assert [tuple(row) for row in viewer.rows] == stored[viewer.start :]
