"""Promise: a viewer that is fast and slow by turns, while pages are written at once or not, gets the log."""

import random
import threading
import time

import pytest

from tests.faults.oracle import stored
from tests.hostile.clients import events, get, narrow
from tests.hostile.reading import Client
from tests.hostile.watched_service import WatchedService

SECONDS = 1.5


class Moody(threading.Thread):
    """A viewer with small buffers, that reads much, little or nothing for a while.

    :param version: of HTTP
    """

    def __init__(self, service: WatchedService, manager_id: str, version: str, batch: str, seed: int) -> None:
        super().__init__(daemon=True)
        path = f"{events(manager_id)}?batch={batch}"
        self._connection = narrow(service, get(path, "Connection: close", version=version))
        self._chance = random.Random(seed)
        self._chunks: list[bytes] = []

    def run(self) -> None:
        """Read to the end; after the first seconds without a rest."""
        started = time.monotonic()
        with self._connection:
            while received := self._connection.recv(self._chance.choice((1, 100, 5_000, 100_000))):
                self._chunks.append(received)
                if time.monotonic() - started < 2 * SECONDS:
                    time.sleep(self._chance.choice((0, 0, 0, 0, 0, 0.001, 0.2)))

    def client(self) -> Client:
        """What it has got."""
        self.join(30)
        return Client().take(self._chunks)


@pytest.mark.parametrize(
    ("version", "batch"),
    [
        ("1.1", "false"),
        pytest.param("1.0", "false", marks=pytest.mark.slow),
        pytest.param("1.2", "true", marks=pytest.mark.slow),
    ],
)
def test_the_log_is_whole(service: WatchedService, version: str, batch: str) -> None:
    manager_id = service.run("flood")
    viewers = [Moody(service, manager_id, version, batch, seed) for seed in range(5)]
    for viewer in viewers:
        viewer.start()
    clients = [viewer.client() for viewer in viewers]
    rows = stored(service.db)[manager_id]
    assert len(rows) > 1_000
    for client in clients:
        assert client.rows == rows
        assert client.ends == [f"{len(rows)}-end"]
    service.check_idle()


@pytest.mark.slow
def test_viewers_that_leave_while_pages_are_written(service: WatchedService) -> None:
    with service.unharmed():
        manager_id = service.run("flood")
        chance = random.Random(0)
        for _ in range(100):
            connection = narrow(service, get(events(manager_id)))
            if chance.random() < 0.5:
                connection.recv(2_000)
            time.sleep(chance.random() * 0.02)
            connection.close()
        service.finish(manager_id)
