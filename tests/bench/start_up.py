"""How soon does it listen, and how much memory does it hold?

Start-up: from starting the process until it says that it listens, on a database that is not there yet and on
one that is; the median of five. Memory: resident, a second after the start, and with 1,000 viewers that have
got the first rows of a run in which nothing else happens.
"""

import statistics
import time

from tests.bench.figure import Figure
from tests.bench.measured_service import measured_service, new_service
from tests.bench.process import resident_bytes
from tests.bench.stream import request, skip_head

STARTS = 5
VIEWERS = 1_000
SETTLE_SECONDS = 1.0


def measure() -> list[Figure]:
    """Seconds and bytes."""
    fresh: list[float] = []
    again: list[float] = []
    for _ in range(STARTS):
        with new_service() as service:
            for times in (fresh, again):
                started = time.monotonic()
                process = service.spawn()
                assert process.stdout is not None
                process.stdout.readline()
                times.append(time.monotonic() - started)
                process.terminate()
                process.communicate()
    return [
        Figure("start until listening, no database yet", statistics.median(fresh) * 1000, "ms"),
        Figure("start until listening, database there", statistics.median(again) * 1000, "ms"),
        *_memory(),
    ]


def _memory() -> list[Figure]:
    with measured_service() as service:
        pid = service.process.pid
        time.sleep(SETTLE_SECONDS)
        idle = resident_bytes(pid)
        manager_id = service.start_paced(lines=1, rate=1)
        connections = [request(service.url, f"/managers/{manager_id}/events?after=0") for _ in range(VIEWERS)]
        for connection in connections:
            skip_head(connection)
        time.sleep(SETTLE_SECONDS)
        watched = resident_bytes(pid)
        for connection in connections:
            connection.close()
    return [
        Figure("resident memory, idle", idle / 2**20, "MiB"),
        Figure(f"resident memory, {VIEWERS:,} viewers", watched / 2**20, "MiB"),
        Figure("resident memory for each viewer", (watched - idle) / VIEWERS / 1024, "KiB"),
    ]
