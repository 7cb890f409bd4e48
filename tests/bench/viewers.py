"""How do a thousand viewers fit into one process? One epoll loop; most of them only count their lines.

``python -m tests.bench.viewers URL PATHS VIEWERS LINES GO PID SECONDS`` connects VIEWERS to each of PATHS
(with commas between them), makes the file GO, reads until the server has ended every stream, and prints what
it saw as JSON.
"""

import json
import select
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bench.figure import percentile
from tests.bench.process import cpu_seconds
from tests.bench.stream import RECEIVE_BYTES, Reading, request, skip_head

SAMPLED = 20
MARK = b"#n="


class Counter:
    """A viewer that only counts lines."""

    def __init__(self) -> None:
        self.lines = 0
        self._last = b""

    def feed(self, received: bytes, at: int) -> None:
        """Take bytes that arrived; a mark may be cut in two between them and those before."""
        joint = self._last + received[: len(MARK) - 1]
        self.lines += received.count(MARK) + joint.count(MARK)
        self._last = (received if len(received) >= len(MARK) else self._last + received)[1 - len(MARK) :]


class Crowd:
    """Viewers of one stream or several.

    :param viewers: how many each has; some of all are sampled, evenly spread, and read every row
    """

    def __init__(self, url: str, paths: Sequence[str], viewers: int) -> None:
        step = max(1, len(paths) * viewers // SAMPLED)
        self.samples: list[Reading] = []
        self.counters: list[Counter] = []
        self._all: dict[int, tuple[socket.socket, Reading | Counter]] = {}
        self._first = self._last = 0
        connections = [request(url, path) for _ in range(viewers) for path in paths]
        for number, connection in enumerate(connections):
            viewer: Reading | Counter
            if number % step == 0:
                viewer = Reading()
                self.samples.append(viewer)
            else:
                viewer = Counter()
                self.counters.append(viewer)
            viewer.feed(skip_head(connection), time.monotonic_ns())
            connection.setblocking(False)
            self._all[connection.fileno()] = (connection, viewer)

    def read(self, seconds: float) -> None:
        """Read until every stream has ended, or the time is over."""
        deadline = time.monotonic() + seconds
        with select.epoll() as epoll:
            for descriptor in self._all:
                epoll.register(descriptor, select.EPOLLIN)
            while self._all and time.monotonic() < deadline:
                for descriptor, _ in epoll.poll(1):
                    connection, viewer = self._all[descriptor]
                    if received := connection.recv(RECEIVE_BYTES):
                        self._take(viewer, received)
                    else:
                        epoll.unregister(descriptor)
                        connection.close()
                        del self._all[descriptor]

    def _take(self, viewer: Reading | Counter, received: bytes) -> None:
        at = time.monotonic_ns()
        viewer.feed(received, at)
        self._first, self._last = self._first or at, at

    def seen(self, lines: int) -> dict[str, float]:
        """What they saw.

        :param lines: how many each of them should have got
        """
        counts = [len(each.latencies) for each in self.samples] + [each.lines for each in self.counters]
        latencies = [latency / 1e6 for each in self.samples for latency in each.latencies]
        return {
            "delivered": sum(counts) / ((self._last - self._first) / 1e9),
            "p50": percentile(latencies, 0.5),
            "p99": percentile(latencies, 0.99),
            "complete": sum(count == lines for count in counts),
            "faults": sum(each.gaps + each.duplicates for each in self.samples),
        }


def main(url: str, paths: str, viewers: str, lines: str, go: str, pid: str, seconds: str) -> None:
    """Run a crowd and print what it saw."""
    crowd = Crowd(url, paths.split(","), int(viewers))
    cpu, started = cpu_seconds(int(pid)), time.monotonic()
    Path(go).touch()
    crowd.read(float(seconds))
    share = (cpu_seconds(int(pid)) - cpu) / (time.monotonic() - started)
    print(json.dumps({**crowd.seen(int(lines)), "server_cpu": share * 100}))


if __name__ == "__main__":
    main(*sys.argv[1:])
