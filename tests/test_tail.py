"""Promise: whoever follows a tail gets every row once and in order, whatever comes with the wake-ups."""

import random
import sqlite3
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs.log import Log, NewManager
from jobs.page import Page
from jobs.redact import Redactor
from jobs.row import Source
from jobs.state import Outcome
from jobs.store import rows
from jobs.store.rows import Row
from jobs.store.store import Store
from jobs.tail import ARRIVED_ROWS, Hub


class Viewer:
    """Follows a manager; takes pages past the generator now and then, as a slow or a fast client does.

    :param chance: how often it takes a page that is handed to it
    """

    def __init__(self, seed: int, chance: float) -> None:
        self._random = random.Random(seed)
        self._chance = chance
        self.rows: list[Row] = []
        self.position = 0

    def take(self, page: Page) -> bool:
        if self._random.random() > self._chance:
            return False
        self._got(page)
        return True

    def _got(self, page: Page) -> None:
        assert page.start == self.position, "pages follow each other"
        self.position = page.end
        self.rows += page.rows

    async def follow(self, pages: AsyncGenerator[Page | None, None]) -> None:
        async with aclosing(pages):
            async for page in pages:
                if page is not None:
                    self._got(page)
                    await anyio.sleep(self._random.choice((0, 0, 0.002)))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    path = tmp_path_factory.mktemp("tail") / "x.db"
    store = Store(path, "NORMAL", lambda commit: None, lambda error: None)
    yield store
    assert store.close(lambda tx: None, 10)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    bursts=st.lists(st.sampled_from((1, 2, 7, ARRIVED_ROWS + 300)), min_size=1, max_size=8),
    chances=st.lists(st.sampled_from((0.0, 0.5, 0.9, 1.0)), min_size=1, max_size=5),
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
            log.flush()
        log.manager_status(manager, "n", Outcome("running", "completed"))
        log.flush()

    async def main() -> None:
        hub = Hub(store.tail_readers)
        store.writer._on_commit = hub.committed
        async with anyio.create_task_group() as tasks:
            await tasks.start(hub.run)
            async with anyio.create_task_group() as following:
                for viewer in viewers:
                    head = await store.tail_readers.run(lambda db: rows.head(db, manager.manager_id))
                    assert head is not None
                    following.start_soon(viewer.follow, hub.follow(head, 0, viewer.take))
                    await anyio.lowlevel.checkpoint()
                await anyio.to_thread.run_sync(write)
            tasks.cancel_scope.cancel()
        assert hub.viewers == 0

    anyio.run(main)
    with sqlite3.connect(store.path) as db:
        stored = db.execute(
            "SELECT seq, event, step_name, job_id, level, data FROM log WHERE manager_id = ? ORDER BY seq",
            (manager.manager_id,),
        ).fetchall()
    assert [row[0] for row in stored] == list(range(1, len(stored) + 1))
    for viewer in viewers:
        assert [tuple(row) for row in viewer.rows] == stored
