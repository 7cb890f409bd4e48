"""How many lines a second can workers write? From a run's start to its last commit, synchronous=FULL.

Lines of 80 characters, written without a pause by one ``async`` function, by four ``async`` worker jobs that
take turns, or by a plain function in a thread. Every run is done twice. Without a viewer: rows committed by
the time from asking for the run until the database, looked at from here every 10 ms, says that it has ended.
With a viewer that checks every id: the same rate until the stream's end, and the oldest line on arrival:
the longest way through the queue, which holds a bounded number of lines and then makes the worker wait.
"""

import time
from typing import Any

from tests.bench.figure import Figure
from tests.bench.measured_service import MeasuredService, measured_service
from tests.bench.stream import read_to_end, request

LINES = 100_000
LOADS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("one async function", "bench_flood", {}),
    ("four async worker jobs", "bench_flood_workers", {"workers": 4}),
    ("one plain function in a thread", "bench_flood_thread", {}),
)


def measure() -> list[Figure]:
    """Rates without and with a viewer, for each kind of worker."""
    figures = []
    with measured_service() as service:
        for name, worker_type, config in LOADS:
            figures += _unwatched(service, name, worker_type, config)
            figures += _watched(service, name, worker_type, config)
    return figures


def _unwatched(service: MeasuredService, name: str, worker_type: str, config: dict[str, Any]) -> list[Figure]:
    started = time.monotonic()
    manager_id = service.start_load(worker_type, lines=LINES, **config)
    rows = service.wait(manager_id)
    return [Figure(f"{name}, no viewer", rows / (time.monotonic() - started), "rows/s")]


def _watched(service: MeasuredService, name: str, worker_type: str, config: dict[str, Any]) -> list[Figure]:
    started = time.monotonic()
    manager_id = service.start_load(worker_type, lines=LINES, **config)
    reading = read_to_end(request(service.url, f"/managers/{manager_id}/events?after=0"))
    seconds = time.monotonic() - started
    return [
        Figure(f"{name}, one viewer", reading.rows / seconds, "rows/s"),
        Figure(f"{name}, oldest line on arrival", max(reading.latencies) / 1e6, "ms"),
        Figure(f"{name}, gaps and duplicates", reading.gaps + reading.duplicates, "rows"),
    ]
