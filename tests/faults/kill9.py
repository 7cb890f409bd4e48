"""What is left when the process is killed? Every committed row at its number; what ran is ``interrupted``."""

import json
import random
import signal
import time
from collections import Counter
from pathlib import Path

from tests.faults.oracle import check, check_database, check_kept, stored, stored_by_the_dead
from tests.faults.script import FaultService, Figures, alone, wait_until
from tests.faults.viewer import Viewer

RUNS = 4
VIEWERS = 20
JOBS = 6


def kill_9(folder: Path, *, cycles: int = 10, seed: int = 0, ready_seconds: float = 2.0) -> Figures:
    """``kill -9`` at random moments of four runs with twenty viewers, who come back and miss nothing."""
    chance = random.Random(seed)
    ready: list[float] = []
    seen = 0
    with FaultService(folder) as service:
        service.define_step("run", "fault_lines", workers=2, pause=0.02)
        service.start()
        for _ in range(cycles):
            runs = [service.run("run") for _ in range(RUNS)]
            viewers = [Viewer(service, runs[number % RUNS]) for number in range(VIEWERS)]
            for viewer in viewers:
                viewer.start()
            if chance.random() < 0.8:  # else while they connect
                wait_until(lambda: all(viewer.rows for viewer in viewers), "every viewer has a row")  # noqa: B023
            time.sleep(chance.uniform(0.0, 0.4))
            service.process.send_signal(signal.SIGKILL)
            service.kill()
            committed = stored_by_the_dead(service.db)
            started = time.monotonic()
            service.start()
            managers = [service.get(f"/managers/{run}") for run in runs]
            ready.append(time.monotonic() - started)
            for manager in managers:
                found = (
                    manager["status"],
                    manager["reason"],
                    manager["running_jobs"],
                    manager["pending_jobs"],
                )
                check(found == ("interrupted", "the service had died", 0, 0), f"after the restart: {found}")
            ends = [viewer.finish(20) for viewer in viewers]
            check({end["status"] for end in ends} == {"interrupted"}, f"viewers were told {ends}")
            rows = stored(service.db)
            check_kept(committed, rows, "committed")
            for viewer in viewers:
                check_kept({viewer.manager_id: viewer.rows}, rows, "seen")
            seen += sum(len(viewer.rows) for viewer in viewers)
        check_database(service.db)
        check(max(ready) <= ready_seconds, f"ready again after {max(ready):.2f} s")
    return {
        "kills": cycles,
        "rows": sum(len(each) for each in rows.values()),
        "rows delivered": seen,
        "lost or twice": 0,
        "ready again after at most": f"{max(ready):.2f} s",
    }


def kill_9_and_retry(folder: Path, *, cycles: int = 10, seed: int = 0) -> Figures:
    """``kill -9`` again and again, and each time a retry of what is left."""
    return _to_the_end(folder, cycles, seed, resume=False)


def kill_9_and_resume(folder: Path, *, cycles: int = 10, seed: int = 0) -> Figures:
    """The same with ``on_restart = "resume"``: it goes on by itself."""
    return _to_the_end(folder, cycles, seed, resume=True)


def _to_the_end(folder: Path, cycles: int, seed: int, *, resume: bool) -> Figures:
    chance = random.Random(seed)
    kills = repeated = 0
    finished = folder / "finished"
    finished.touch()
    with FaultService(folder) as service:
        keys = f'type = "fault_once"\njobs = {JOBS}\nseconds = 0.04\nfile = "{finished}"'
        on_restart = "resume" if resume else "interrupt"
        service.define(
            "run",
            f'on_restart = "{on_restart}"\nmax_running = 100\n'
            f'[step.one]\n{keys}\n[step.two]\ndepends = "one"\n{keys}',
        )
        service.start()
        while kills < cycles:
            runs = [service.run("run") for _ in range(RUNS)]
            viewers = [Viewer(service, runs[number % RUNS], patient=True) for number in range(VIEWERS)]
            for viewer in viewers:
                viewer.start()
            completed: dict[str, int] = {}
            while not all(viewer.end for viewer in viewers):
                if kills < cycles:
                    time.sleep(chance.uniform(0.1, 0.8))
                    kills += 1
                    completed |= _kill_and_go_on(service, runs, finished, resume=resume)
                else:
                    wait_until(lambda: all(viewer.end for viewer in viewers), "every run ends", 60)  # noqa: B023
            check({viewer.finish(5)["status"] for viewer in viewers} == {"completed"}, "every run completes")
            rows = stored(service.db)
            for viewer in viewers:
                check_kept({viewer.manager_id: viewer.rows}, rows, "seen")
            times = _times(finished)
            again = [job for job, count in completed.items() if times[job] != count]
            check(not again, f"completed and ran again: {again[:5]}")
            for run in runs:
                jobs = service.get(f"/managers/{run}/jobs", limit=1000)["items"]
                check(len(jobs) == 4 * JOBS, f"{run} has {len(jobs)} worker jobs, not {4 * JOBS}")
                check({job["status"] for job in jobs} == {"completed"}, "every worker job completes")
                repeated += sum(times[job["job_id"]] - 1 for job in jobs)
        check_database(service.db)
    return {
        "kills": kills,
        "rows": sum(len(each) for each in rows.values()),
        "worker jobs that completed and ran again": 0,
        "that had ended unseen and ran again": repeated,
    }


def _times(finished: Path) -> Counter[str]:
    """How often each worker job ran to its end."""
    return Counter(finished.read_text().split())


def _kill_and_go_on(
    service: FaultService, runs: list[str], finished: Path, *, resume: bool
) -> dict[str, int]:
    """Kill it, start it, let it go on; how often those had run that were told as completed before."""
    service.process.send_signal(signal.SIGKILL)
    service.kill()
    committed = stored_by_the_dead(service.db)
    events = [json.loads(row) for rows in committed.values() for row in rows]
    completed = {
        event["job_id"]
        for event in events
        if event["event"] == "job_status" and event["job_type"] == "worker" and event["status"] == "completed"
    }
    before = _times(finished)
    service.start()
    check_kept(committed, stored(service.db), "committed")
    for run in runs:
        if not resume and service.get(f"/managers/{run}")["status"] == "interrupted":
            answer = service.post(f"/managers/{run}/retry")
            check(answer.status_code == 202, f"retry: {answer.text}")
    return {job: before[job] for job in completed}


if __name__ == "__main__":
    alone(kill_9, kill_9_and_retry, kill_9_and_resume)
