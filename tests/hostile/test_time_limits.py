"""Promise: who says or takes nothing is gone within a minute; who takes a little, however little, is served.

The same with the limits that the service has, all at once since it takes a minute, and with short ones.
"""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.bench.process import resident_bytes
from tests.faults.oracle import check
from tests.faults.script import wait_until
from tests.hostile.clients import asks, events, get, narrow
from tests.hostile.reading import arriving
from tests.hostile.watched_service import WatchedService
from tests.wire import answer, check_problem, connect

SHORT = """
from jobs.web import protocol, server, streaming
protocol.REQUEST_SECONDS, server.USER_TIMEOUT, streaming.SEND_SECONDS = 1, 3, 2.0
"""
TEXT = "/managers/{}/log"
CUT = "a client took nothing for 2 s and was cut"
STALLED = 200
STALLED_BYTES = 150_000
A_SECOND = 400
WINDOW = 512
HEAD = get("/healthz")


@pytest.fixture(scope="module")
def hurried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WatchedService]:
    """A service with short limits; all else is as it is."""
    with WatchedService(tmp_path_factory.mktemp("hurried")) as service:
        service.add_workers("short", SHORT)
        service.start()
        yield service
        service.check_stop()


def closed(connection: socket.socket) -> bytes:
    """What came before the connection was closed."""
    received = b""
    with suppress(ConnectionError):
        for chunk in arriving(connection):
            received += chunk
    return received


# -- those that say nothing, or not all


def incomplete(service: WatchedService) -> list[socket.socket]:
    """Connections that owe a part of a request, each in its way; ``check_limits`` says what they get."""
    behind_an_answer = asks(service, HEAD)
    assert answer(behind_an_answer).status == 200
    behind_an_answer.sendall(HEAD[:20])
    refused_early = get("/definitions/three/runs", "Content-Length: 99999999", method="POST")
    early = asks(service, refused_early)
    assert answer(early).status == 413
    return [
        connect(service),
        asks(service, HEAD[:-2]),
        behind_an_answer,
        asks(service, get("/definitions/three/runs", "Content-Length: 9", method="POST"), b"{"),
        asks(service, get(events(service.three), "Content-Length: 9")),
        early,
    ]


def check_limits(connections: list[socket.socket]) -> None:
    for connection in connections:
        connection.settimeout(90)
    nothing, half_a_head, behind_an_answer, half_a_body, stream, early = connections
    assert closed(nothing) == b""
    for connection in (half_a_head, behind_an_answer, half_a_body):
        check_problem(answer(connection), 408)
        assert closed(connection) == b""
    assert b"event: end" in closed(stream)
    closed(early)
    for connection in connections:
        connection.close()


class Dribble(threading.Thread):
    """Sends a byte now and then, until it is told that it has had its time."""

    def __init__(self, connection: socket.socket, pause: float) -> None:
        super().__init__(daemon=True)
        self._connection = connection
        self._pause = pause
        self.seconds = 0.0

    def run(self) -> None:
        """Send."""
        started = time.monotonic()
        with self._connection, suppress(OSError):
            self._connection.sendall(HEAD[:-2])
            self._connection.settimeout(self._pause)
            while True:
                with suppress(TimeoutError):
                    if not self._connection.recv(1000):
                        break
                self._connection.sendall(b"a")
        self.seconds = time.monotonic() - started


def test_a_request_has_its_time(hurried: WatchedService) -> None:
    with hurried.unharmed():
        dribbling = Dribble(connect(hurried), 0.05)
        dribbling.start()
        check_limits(incomplete(hurried))
        dribbling.join(20)
        assert 0.9 < dribbling.seconds < 20


@pytest.mark.slow
def test_a_stream_and_a_kept_connection_have_no_such_limit(hurried: WatchedService) -> None:
    manager_id = hurried.run("lines")
    with asks(hurried, get(events(manager_id))) as connection:
        started = time.monotonic()
        while time.monotonic() < started + 3:
            assert connection.recv(65536)
    with asks(hurried) as connection:
        for _ in range(4):
            connection.sendall(HEAD)
            assert answer(connection).status == 200
            time.sleep(0.4)
    assert hurried.post(f"/managers/{manager_id}/cancel").status_code == 202
    hurried.check_idle()


# -- those that take nothing


def stall(service: WatchedService, count: int) -> list[socket.socket]:
    many = service.run_to_end("many")["id"]
    return [narrow(service, get(events(many))) for _ in range(count)]


def check_cut(connections: list[socket.socket]) -> None:
    """It was no clean end: what came was not all, and the connection broke off."""
    for connection in connections:
        received = b""
        try:
            for chunk in arriving(connection):
                received += chunk
        except ConnectionResetError:
            assert b"event: end" not in received
        else:
            pytest.fail(f"it ended cleanly, after {len(received):,} bytes: …{received[-300:]!r}")


@pytest.mark.slow
def test_who_takes_nothing_is_cut(hurried: WatchedService) -> None:
    with hurried.unharmed():
        before = hurried.errors().count(CUT)
        stalled = stall(hurried, 20)
        text = [narrow(hurried, get(TEXT.format("latest"))) for _ in range(5)]
        wait_until(lambda: hurried.errors().count(CUT) == before + 25, "they are cut")
        check_cut(stalled)
        for connection in (*stalled, *text):
            connection.close()


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_the_limits_as_they_are(service: WatchedService) -> None:
    """At most 150 kB each, gone within a minute; and who takes 400 bytes a second is there all the time."""
    pid = service.process.pid
    many = service.run_to_end("many")["id"]
    live = service.run("lines")
    for _ in range(3):
        service.events(many)
    memory, sockets, started = resident_bytes(pid), service.sockets(), time.monotonic()
    stalled = stall(service, STALLED)
    began = time.monotonic()
    stalled += [narrow(service, get(events(live)), WINDOW) for _ in range(5)]
    trickles = [Trickle(service, path) for path in (events(many), events(live), TEXT.format(many)) * 2]
    for trickle in trickles:
        trickle.start()
    time.sleep(5)
    each = (resident_bytes(pid) - memory) / len(stalled)
    check(each <= STALLED_BYTES, f"a stalled viewer costs {each / 1000:.0f} kB")
    check_limits(incomplete(service))
    wait_until(lambda: service.sockets() <= sockets + len(trickles), "who takes nothing is gone", 65)
    assert time.monotonic() - began < 65
    wait_until(lambda: time.monotonic() - began > 70, "they trickle on", 30)
    for trickle in trickles:
        trickle.leave()
    assert [trickle.cut for trickle in trickles] == [False] * len(trickles)
    for connection in stalled:
        connection.close()
    assert service.post(f"/managers/{live}/cancel").status_code == 202
    service.check_idle()
    assert time.monotonic() - started < 180


class Trickle(threading.Thread):
    """A viewer that reads 400 bytes a second, and whose system takes four kilobytes at a time."""

    def __init__(self, service: WatchedService, path: str) -> None:
        super().__init__(daemon=True)
        self._connection = narrow(service, get(path), WINDOW)
        self._left = threading.Event()
        self.cut = False

    def run(self) -> None:
        """Read until it leaves or is cut."""
        with self._connection:
            while not self._left.wait(1) and not self.cut:
                try:
                    self.cut = not self._connection.recv(A_SECOND)
                except ConnectionError:
                    self.cut = True

    def leave(self) -> None:
        """Go away."""
        self._left.set()
        self.join(20)


@pytest.mark.slow
def test_connections_that_take_every_place(tmp_path: Path) -> None:
    """The service keeps descriptors for itself, those who are there go on, and soon there is room again."""
    with WatchedService(tmp_path) as service:
        service.add_workers("short", SHORT)
        service.descriptors = 120
        service.start()
        with service.unharmed() as live:
            idle = [connect(service) for _ in range(300)]
            rows = len(live.rows)
            wait_until(lambda: len(live.rows) > rows + 20, "others go on")
            open_files = len(list(Path(f"/proc/{service.process.pid}/fd").iterdir()))
            assert open_files < service.descriptors
            for connection in idle:
                assert closed(connection) == b""
                connection.close()
            assert service.get("/healthz")["status"] == "ok"
        service.check_stop()
