"""How quick is the service while a worker function blocks the jobs' event loop?

An ``async def`` function blocks for five seconds, asleep (``time.sleep``) or computing; computing, it keeps
the core busy that the service is pinned to. Four of the five seconds long ``GET /healthz`` is asked a hundred
times a second, and a plain function of another run writes a hundred lines a second to a viewer. The warning:
from the start of the worker's step to the row that names it.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from tests.bench.figure import Figure, percentile
from tests.bench.measured_service import MeasuredService, measured_service
from tests.bench.stream import read_to_end, request

BLOCKED_SECONDS = 5.0
SECONDS = 4.0
RATE = 100


def measure() -> list[Figure]:
    """99th percentiles of answers and lines, and the warning's delay, asleep and computing."""
    figures = []
    for name, compute in (("asleep", False), ("computing", True)):
        with measured_service() as service, ThreadPoolExecutor() as pool:
            paced = service.start_paced(int(SECONDS * RATE), RATE, worker_type="bench_paced_thread")
            reading = pool.submit(read_to_end, request(service.url, f"/managers/{paced}/events?after=0"))
            blocked = service.start_load("bench_block", seconds=BLOCKED_SECONDS, compute=compute)
            service.go.touch()
            answers = _asked(service)
            lines = [each / 1e6 for each in reading.result().latencies]
            figures += [
                Figure(f"{name}, /healthz, median", percentile(answers, 0.5), "ms"),
                Figure(f"{name}, /healthz, 99 % (of {len(answers)})", percentile(answers, 0.99), "ms"),
                Figure(f"{name}, {RATE} lines/s, call to socket, median", percentile(lines, 0.5), "ms"),
                Figure(
                    f"{name}, {RATE} lines/s, call to socket, 99 % (of {len(lines)})",
                    percentile(lines, 0.99),
                    "ms",
                ),
                Figure(f"{name}, until the warning", _until_the_warning(service, blocked), "ms"),
            ]
    return figures


def _asked(service: MeasuredService) -> list[float]:
    """Milliseconds of each answer."""
    answers = []
    started = time.monotonic()
    for number in range(int(SECONDS * RATE)):
        time.sleep(max(0.0, started + number / RATE - time.monotonic()))
        asked = time.monotonic()
        service.get("/healthz")
        answers.append((time.monotonic() - asked) * 1000)
    return answers


def _until_the_warning(service: MeasuredService, manager_id: str) -> float:
    service.wait(manager_id)
    rows = service.rows(manager_id)
    (warned,) = (row for row in rows if row.get("level") == "warning")
    started = next(row for row in rows if row.get("step_name") and row.get("status") == "running")
    at = [datetime.fromisoformat(row["created_at"]) for row in (started, warned)]
    return (at[1] - at[0]).total_seconds() * 1000
