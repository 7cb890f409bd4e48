"""How many worker jobs a second? A step spawns 10,000 that return at once, and ends after the last.

From asking for the run until the database, looked at from here every 10 ms, says that it has ended: each job
is stored, started, ended, and its three changes of status are rows of the log. At most 8 run at once.
"""

import time

from tests.bench.figure import Figure
from tests.bench.measured_service import measured_service

JOBS = 10_000
CONCURRENCY = 8


def measure() -> list[Figure]:
    """Jobs a second, on the event loop and in threads."""
    figures = []
    with measured_service() as service:
        for name, plain in (("async function", False), ("plain function in a thread", True)):
            started = time.monotonic()
            service.wait(service.start_load("bench_jobs", jobs=JOBS, plain=plain, concurrency=CONCURRENCY))
            figures.append(Figure(f"{JOBS:,} × {name}", JOBS / (time.monotonic() - started), "jobs/s"))
    return figures
