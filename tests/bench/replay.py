"""How fast does a viewer catch up? A finished run of 100,000 lines, read from its first row to its end.

From sending the request until the server closes the stream; the client counts rows in the raw bytes and
checks nothing, so that it is not the limit. The database is in the page cache.
"""

import time

from tests.bench.figure import Figure
from tests.bench.measured_service import measured_service
from tests.bench.stream import RECEIVE_BYTES, request

LINES = 100_000
MARK = b"\nevent: "


def measure() -> list[Figure]:
    """Rows and bytes a second."""
    with measured_service() as service:
        manager_id = service.start_load("bench_typical", lines=LINES)
        last_seq = service.wait(manager_id)
        started = time.monotonic()
        events = size = 0
        last = b""
        with request(service.url, f"/managers/{manager_id}/events?after=0") as connection:
            while received := connection.recv(RECEIVE_BYTES):
                size += len(received)
                events += received.count(MARK) + (last + received[: len(MARK) - 1]).count(MARK)
                last = (last + received)[-len(MARK) + 1 :]
        seconds = time.monotonic() - started
    if events != last_seq + 1:
        raise RuntimeError(f"{events} events came, not {last_seq} rows and the end")
    return [
        Figure(f"{LINES:,} lines to one viewer", events / seconds, "rows/s"),
        Figure(f"{LINES:,} lines to one viewer, bytes", size / seconds / 1e6, "MB/s"),
    ]
