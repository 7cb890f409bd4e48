"""How many viewers can follow one run? Lines delivered a second to all of them, and how old they were.

One run writes lines at a rate for three seconds to 1, 100 and 1,000 viewers, and for ten seconds at higher
rates to show where it saturates; then 200 runs write five lines a second each to five viewers each.
Connecting is not part of it. Delivered: lines received by all viewers, by the time
between the first and the last receipt. Latency: from the worker's call to a viewer's ``recv``; of the
viewers, some 20 are looked at, spread over the order in which they connected, and every id they get is
checked; the lines of the others are counted. Complete: viewers that got every line. Server CPU: of its one
core, while the lines ran; the client has the other core, and a client that is at its limit reads late.

The client is ``viewers.py``, in a process of its own. If STEPSTREAM_SSEBENCH names the C client ``ssebench``,
it is used instead; that one checks every viewer's rows and takes every line's latency.
"""

import json
import os
import shlex
import subprocess
import sys
from typing import Any

from tests.bench.figure import Figure
from tests.bench.measured_service import MeasuredService, measured_service

TIMEOUT = 60
# Viewers, lines a second, seconds.
LOADS = (
    (1, 100, 3),
    (100, 100, 3),
    (1_000, 100, 3),
    (1_000, 1_000, 10),
    (1_000, 3_000, 10),
    (1_000, 6_000, 10),
)
RUNS, RUN_VIEWERS, RUN_RATE, RUN_SECONDS = 200, 5, 5, 10


def measure() -> list[Figure]:
    """Delivery, latency, completeness and CPU under each load."""
    figures = []
    for viewers, rate, seconds in LOADS:
        with measured_service() as service:
            lines = rate * seconds
            path = f"/managers/{service.start_paced(lines, rate)}/events?after=0"
            client = _ssebench if os.environ.get("STEPSTREAM_SSEBENCH") else _viewers
            seen = client(service, path, viewers, lines)
            load = f"{viewers:,} viewer{'s' if viewers > 1 else ''} × {rate:,} lines/s"
            figures += [Figure(f"{load}, {what}", seen[key], unit) for what, key, unit in FIGURES]
    return figures + _many_runs()


def _many_runs() -> list[Figure]:
    with measured_service() as service:
        lines = RUN_RATE * RUN_SECONDS
        first = service.start_paced(lines, RUN_RATE, max_running=RUNS)
        others = [service.run("bench_paced") for _ in range(RUNS - 1)]
        paths = ",".join(f"/managers/{manager_id}/events?after=0" for manager_id in [first, *others])
        seen = _viewers(service, paths, RUN_VIEWERS, lines)
    load = f"{RUNS} runs × {RUN_VIEWERS} viewers × {RUN_RATE} lines/s"
    return [Figure(f"{load}, {what}", seen[key], unit) for what, key, unit in FIGURES]


FIGURES = (
    ("delivered", "delivered", "lines/s"),
    ("latency, median", "p50", "ms"),
    ("latency, 99 %", "p99", "ms"),
    ("complete", "complete", "viewers"),
    ("gaps and duplicates", "faults", "rows"),
    ("server CPU", "server_cpu", "% of a core"),
)


def _viewers(service: MeasuredService, paths: str, viewers: int, lines: int) -> dict[str, float]:
    given = (service.url, paths, viewers, lines, service.go, service.process.pid, TIMEOUT)
    command = [sys.executable, "-m", "tests.bench.viewers", *map(str, given)]
    seen: dict[str, float] = _json_of(command)
    return seen


def _ssebench(service: MeasuredService, path: str, viewers: int, lines: int) -> dict[str, float]:
    options = {
        "-p": service.url.rpartition(":")[2],
        "-u": path,
        "-s": viewers,
        "-e": lines,
        "-f": 0,
        "-X": f"touch {shlex.quote(str(service.go))}",
        "-P": service.process.pid,
        "-d": TIMEOUT,
    }
    seen = _json_of(
        [os.environ["STEPSTREAM_SSEBENCH"], *(str(word) for pair in options.items() for word in pair)]
    )
    return {
        "delivered": seen["ev_s"],
        "p50": seen["p50"],
        "p99": seen["p99"],
        "complete": seen["done"],
        "faults": seen["gaps"] + seen["dups"] + seen["idback"],
        "server_cpu": seen["srv_cpu"] * 100,
    }


def _json_of(command: list[str]) -> dict[str, Any]:
    done = subprocess.run(command, capture_output=True, text=True, timeout=2 * TIMEOUT)
    if done.returncode:
        raise RuntimeError(f"the client failed: {done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found
