"""What does a viewer cost in memory? Three waves of 5,000 that come, wait and leave; 500 that take nothing.

An idle viewer has every row and waits for the next one. A second wave must find the memory of the first.
"""

import socket
import time
from pathlib import Path

from tests.bench.figure import Figure
from tests.bench.measured_service import POLL_SECONDS, MeasuredService, measured_service
from tests.bench.process import resident_bytes
from tests.bench.stream import request, skip_head

VIEWERS, WAVES = 5_000, 3
STALLED, ROWS, NARROW_BYTES = 500, 20_000, 4_096
SECONDS = 60.0


def measure() -> list[Figure]:
    """What an idle viewer and a stalled one cost, and how much more a second and a third wave."""
    with measured_service() as service:
        before, waves = measure_waves(service, VIEWERS)
        first, *later = waves
        figures = [Figure(f"an idle viewer of {VIEWERS:,}", (first - before) / VIEWERS / 1e3, "kB")]
        figures += [
            Figure(f"wave {number}, more than the one before", 100 * (wave - last) / last, "%")
            for number, (last, wave) in enumerate(zip(waves, later, strict=False), 2)
        ]
    with measured_service() as service:
        each = measure_stalled(service, STALLED)
    return [*figures, Figure(f"a stalled viewer of {STALLED}", each / 1e3, "kB")]


def measure_waves(service: MeasuredService, viewers: int) -> tuple[int, list[int]]:
    """The memory before, and with each of some waves of viewers."""
    manager_id = service.start_paced(1, 1)
    path = f"/managers/{manager_id}/events"
    _come_and_go(service, path, 20)
    before = resident_bytes(service.process.pid)
    return before, [_come_and_go(service, path, viewers) for _ in range(WAVES)]


def _come_and_go(service: MeasuredService, path: str, viewers: int) -> int:
    """The memory while they are there."""
    sockets = _descriptors(service)
    connections = [request(service.url, path) for _ in range(viewers)]
    for connection in connections:
        received = skip_head(connection)
        while b'"running"' not in received:
            received += connection.recv(65536)
    time.sleep(1)
    found = resident_bytes(service.process.pid)
    for connection in connections:
        connection.close()
    _wait_for(service, sockets)
    return found


def measure_stalled(service: MeasuredService, viewers: int) -> float:
    """The memory that a viewer costs that asks for a long log and takes nothing."""
    manager_id = service.start_load("bench_typical", lines=ROWS)
    service.wait(manager_id)
    path = f"/managers/{manager_id}/events"
    for _ in range(3):
        with request(service.url, path) as connection:
            while connection.recv(65536):
                pass
    before = resident_bytes(service.process.pid)
    connections = [_narrow(service.url, path) for _ in range(viewers)]
    time.sleep(5)
    found = (resident_bytes(service.process.pid) - before) / viewers
    for connection in connections:
        connection.close()
    return found


def _narrow(url: str, path: str) -> socket.socket:
    host, _, port = url.removeprefix("http://").rpartition(":")
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, NARROW_BYTES)
    connection.connect((host, int(port)))
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    return connection


def _descriptors(service: MeasuredService) -> int:
    return len(list(Path(f"/proc/{service.process.pid}/fd").iterdir()))


def _wait_for(service: MeasuredService, descriptors: int) -> None:
    deadline = time.monotonic() + SECONDS
    while _descriptors(service) > descriptors:
        if time.monotonic() > deadline:
            raise RuntimeError("connections are left behind")
        time.sleep(POLL_SECONDS)
