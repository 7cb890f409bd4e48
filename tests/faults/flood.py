"""What does one flooding worker cost the others? Bounded memory, a bounded wait, and no line of anybody."""

import json
import time
from pathlib import Path

from tests.bench.figure import percentile
from tests.bench.process import resident_bytes
from tests.faults.oracle import check, check_database, check_kept, check_lines, stored
from tests.faults.script import FaultService, Figures, alone
from tests.faults.viewer import Viewer

MEMORY_BYTES = 100_000_000
LINES_A_SECOND = 20


def _flood(folder: Path, rate: int, seconds: float, latency_seconds: float, *, thread: bool) -> Figures:
    with FaultService(folder) as service:
        service.define_step("flood", "fault_flood", rate=rate, seconds=seconds, thread=thread)
        count = int(seconds * LINES_A_SECOND)
        service.define_step("quiet", "fault_lines", workers=1, count=count, pause=1 / LINES_A_SECOND)
        service.start()
        quiet = Viewer(service, service.run("quiet"))
        quiet.start()
        before = most = resident_bytes(service.process.pid)
        started = time.monotonic()
        flooding = service.run("flood")
        while quiet.end is None and time.monotonic() - started < 10 * seconds:
            most = max(most, resident_bytes(service.process.pid))
            time.sleep(0.05)
        quiet.finish(5)
        flood = Viewer(service, flooding)
        flood.start()
        end = flood.finish(120)
        (job,) = service.get(f"/managers/{flooding}/jobs")["items"]
        rows = stored(service.db)
        check_database(service.db)
    check_kept({flood.manager_id: flood.rows, quiet.manager_id: quiet.rows}, rows, "seen")
    check(end["status"] == "completed", f"the flood ended {end}")
    check(check_lines(rows[flooding]) == {"0": job["result"]}, f"{job['result']} lines were written")
    check(check_lines(rows[quiet.manager_id]) == {"0": count}, f"{count} quiet lines were written")
    last = json.loads(rows[flooding][-1])
    latency = percentile(quiet.latencies, 0.99)
    figures = {
        "lines": job["result"],
        "a second": round(job["result"] / last["duration"]),
        "another run's lines after p50": f"{percentile(quiet.latencies, 0.5) * 1000:.0f} ms",
        "p99": f"{latency * 1000:.0f} ms",
        "memory grew": f"{(most - before) / 1e6:.0f} MB",
    }
    check(latency <= latency_seconds, f"another run's lines came late: {figures}")
    check(most - before <= MEMORY_BYTES, f"memory: {figures}")
    return figures


def flood_from_a_thread(
    folder: Path, *, rate: int = 50_000, seconds: float = 10.0, latency_seconds: float = 0.25
) -> Figures:
    """A worker function in a thread writes 50,000 lines a second."""
    return _flood(folder, rate, seconds, latency_seconds, thread=True)


def flood_on_the_loop(
    folder: Path, *, rate: int = 50_000, seconds: float = 10.0, latency_seconds: float = 0.25
) -> Figures:
    """An async worker function does."""
    return _flood(folder, rate, seconds, latency_seconds, thread=False)


if __name__ == "__main__":
    alone(flood_from_a_thread, flood_on_the_loop)
