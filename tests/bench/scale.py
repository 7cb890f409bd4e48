"""Does it get slower as it grows? Steps of 100 and of 10,000 worker jobs, and a run of a million lines.

**Worker jobs.** A step spawns jobs that return at once, awaits them all, and then waits until everything
before is committed; the step's function tells how long that took. Three rounds of ten steps of 100 and one
step of 10,000, in turn; medians, for each job.

**Lines.** Groups of 1,000 lines of 80 characters, prepared beforehand, are handed to the writer one after
the other, each timed until it is on the disk with its words in the index. The first hundred groups beside
the last hundred: the median tells what most groups cost, the mean has the merges of that index too.
"""

import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from jobs.row import LEVELS, PreparedLine, Source, prepare_line
from jobs.store.store import Store
from jobs.store.transaction import Transaction
from tests.bench.figure import Figure
from tests.bench.load import typical
from tests.bench.measured_service import MeasuredService, measured_service
from tests.bench.process import SERVER_CORE, on_core

FEW, MANY = 100, 10_000
LINES, GROUP = 1_000_000, 1_000
RUN = Source("mgr_0000000000000000")


def measure() -> list[Figure]:
    """What a worker job and what a line costs, early and late, and how many times more."""
    return [*_jobs(), *_lines()]


# -- worker jobs


def _jobs() -> list[Figure]:
    costs: dict[int, list[float]] = {FEW: [], MANY: []}
    with measured_service() as service:
        for _ in range(3):
            costs[FEW] += [_seconds_each(service, FEW) for _ in range(10)]
            costs[MANY].append(_seconds_each(service, MANY))
    few, many = statistics.median(costs[FEW]), statistics.median(costs[MANY])
    return [
        Figure(f"a worker job in a step of {FEW}", few * 1e6, "µs"),
        Figure(f"a worker job in a step of {MANY:,}", many * 1e6, "µs"),
        Figure("a worker job, many to few", many / few, "times"),
    ]


def _seconds_each(service: MeasuredService, jobs: int) -> float:
    manager_id = service.start_load("bench_jobs_timed", jobs=jobs)
    service.wait(manager_id)
    told = service.get(f"/managers/{manager_id}/log", format="json", step="load")
    return float(told["items"][0]["message"]) / jobs


# -- lines


def _lines() -> list[Figure]:
    with TemporaryDirectory(prefix="stepstream-bench-") as folder, on_core(SERVER_CORE):
        store = Store(Path(folder) / "scale.db", "FULL", lambda managers: None, _died)
        store.commit(_create_run).result()
        costs = [_commit(store, first) for first in range(0, LINES, GROUP)]
        store.close(lambda tx: None, 10)
    tenth = len(costs) // 10
    first, last = costs[:tenth], costs[-tenth:]
    figures = []
    for name, average in (("median", statistics.median), ("mean", statistics.mean)):
        early, late = average(first), average(last)
        figures += [
            Figure(f"commit of a line, first tenth, {name}", early / GROUP * 1e6, "µs"),
            Figure(f"commit of a line, last tenth, {name}", late / GROUP * 1e6, "µs"),
            Figure(f"commit of a line, last to first, {name}", late / early, "times"),
        ]
    slowest = max(costs)
    return [*figures, Figure(f"slowest commit of {GROUP:,} lines", slowest * 1e3, "ms")]


def _create_run(tx: Transaction) -> None:
    levels = {f"{level}_lines": 0 for level in LEVELS}
    run = {"id": RUN.manager_id, "definition": "scale", "status": "running"}
    tx.insert("managers", {**run, "last_seq": 0, "lines": 0, **levels})


def _commit(store: Store, first: int) -> float:
    """Commit a group of lines; in how many seconds."""
    lines = [prepare_line(RUN, "manager", "info", typical(first + number)) for number in range(GROUP)]
    started = time.perf_counter()
    store.commit(lambda tx: _append(tx, lines)).result()
    return time.perf_counter() - started


def _append(tx: Transaction, lines: list[PreparedLine]) -> None:
    for line in lines:
        tx.line(line)


def _died(error: BaseException) -> None:
    raise error
