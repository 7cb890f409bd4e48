"""Promise: what is written to viewers past the response is the same bytes, in the order of the log."""

import json
import socket
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench.stream import Chunked
from tests.service_process import Service
from tests.sse import Event, parse
from tests.wire import connect

WORKERS = """
    from pathlib import Path
    import anyio
    from jobs import Job, worker

    @worker("when_told")
    async def when_told(step: Job, folder: str, rounds: int, lines: int) -> None:
        for number in range(rounds):
            while not Path(folder, str(number)).exists():
                await anyio.sleep(0.005)
            for line in range(lines):
                step.log.info("round %d line %d \\u2028", number, line)
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("direct"))
    service.add_workers("direct", WORKERS)
    params = '[params]\nfolder = ""\nlines = 1\nrounds = 3\n'
    keys = "".join(f'{key} = "{{params.{key}}}"\n' for key in ("folder", "rounds", "lines"))
    service.define("told", f'max_running = 10\n{params}[step.one]\ntype = "when_told"\n{keys}')
    yield service.start()
    assert service.stop() == 0
    assert service.errors() == ""


def stored(service: Service, manager_id: str) -> bytes:
    """The rows of a run as they stand in a stream."""
    with sqlite3.connect(service.db) as db:
        rows = db.execute("SELECT seq, event, data FROM log WHERE manager_id = ? ORDER BY seq", (manager_id,))
        return "".join(f"id: {seq}\nevent: {event}\ndata: {data}\n\n" for seq, event, data in rows).encode()


def viewer(service: Service, manager_id: str, version: str) -> socket.socket:
    connection = connect(service)
    request = f"GET /managers/{manager_id}/events HTTP/{version}\r\nHost: localhost\r\n\r\n"
    connection.sendall(request.encode())
    return connection


class Body:
    """The body of a stream, as it arrives."""

    def __init__(self, connection: socket.socket, version: str) -> None:
        self._connection = connection
        self._chunked = Chunked() if version == "1.1" else None
        self.bytes = b""
        self.raw = b""
        self._head = False

    def until(self, mark: bytes) -> None:
        """Read until the body has a text."""
        while mark not in self.bytes:
            received = self._connection.recv(65536)
            assert received, "the stream has ended"
            self.raw += received
            if not self._head and b"\r\n\r\n" in self.raw:
                _, _, received = self.raw.partition(b"\r\n\r\n")
                self._head = True
            if self._head:
                self.bytes += self._chunked.feed(received) if self._chunked else received


@pytest.mark.parametrize("lines", [1, 40])
@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_a_live_stream_is_the_log_byte_for_byte(
    service: Service, tmp_path: Path, version: str, lines: int
) -> None:
    manager_id = service.run("told", folder=str(tmp_path), lines=lines)
    with viewer(service, manager_id, version) as connection:
        body = Body(connection, version)
        body.until(b'"running"')
        for number in range(3):  # each round finds the viewer waiting
            (tmp_path / str(number)).touch()
            body.until(f"round {number} line {lines - 1} ".encode())
        body.until(b"event: end")
        body.until(b"}\n\n")
    assert body.bytes.startswith(b"retry: 1000\n\n" + stored(service, manager_id))
    assert body.bytes.count(b"event: end\n") == 1
    assert end(body.bytes)["sent_lines"] == 3 * lines + 1


def end(body: bytes) -> dict[str, int]:
    last: Event = list(parse([body]))[-1]
    assert last.name == "end"
    found: dict[str, int] = json.loads(last.data)
    return found
