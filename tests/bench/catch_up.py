"""How soon does everybody have everything after a restart? A thousand viewers that come back at once.

The service is killed under a run that 1,000 viewers follow, and starts again; all of them connect at once,
each with the id of a row a hundred rows before the end. From the first connection until the last viewer has
its ``end``. What they get is counted: each must have a hundred rows.
"""

import select
import socket
import time
from collections.abc import Iterator

from tests.bench.figure import Figure
from tests.bench.measured_service import MeasuredService, measured_service
from tests.bench.stream import RECEIVE_BYTES

VIEWERS = 1_000
BEHIND = 100
LINES = 2_000
SECONDS = 60
END = b"\nevent: end\n"


def measure() -> list[Figure]:
    """Seconds."""
    with measured_service() as service:
        manager_id = service.start_paced(lines=10**9, rate=10_000)
        service.go.touch()
        while service.get(f"/managers/{manager_id}")["last_seq"] < LINES:
            time.sleep(0.05)
        service.kill()
        service.start()
        last = service.get(f"/managers/{manager_id}")["last_seq"]
        started = time.monotonic()
        latest = max(_caught_up(service, f"/managers/{manager_id}/events", last - BEHIND))
        return [Figure(f"{VIEWERS:,} viewers, each {BEHIND} rows behind", latest - started, "s")]


def _caught_up(service: MeasuredService, path: str, position: int) -> Iterator[float]:
    """When each viewer had its end."""
    host, _, port = service.url.removeprefix("http://").rpartition(":")
    asked = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: {position}\r\n\r\n".encode()
    viewers: dict[int, socket.socket] = {}
    received: dict[int, bytes] = {}
    with select.epoll() as epoll:
        for _ in range(VIEWERS):
            viewer = socket.socket()
            viewer.setblocking(False)
            viewer.connect_ex((host, int(port)))
            viewers[viewer.fileno()] = viewer
            received[viewer.fileno()] = b""
            epoll.register(viewer, select.EPOLLOUT)
        deadline = time.monotonic() + SECONDS
        while viewers and time.monotonic() < deadline:
            for number, event in epoll.poll(1):
                viewer = viewers[number]
                if event & select.EPOLLOUT:
                    viewer.sendall(asked)
                    epoll.modify(viewer, select.EPOLLIN)
                    continue
                received[number] += viewer.recv(RECEIVE_BYTES)
                if END not in received[number]:
                    continue
                rows = received[number].count(b"\nid: ") - 1
                if rows != BEHIND:
                    raise RuntimeError(f"a viewer got {rows} rows, not {BEHIND}")
                yield time.monotonic()
                epoll.unregister(viewer)
                viewers.pop(number).close()
    if viewers:
        raise RuntimeError(f"{len(viewers)} viewers have no end after {SECONDS} s")
