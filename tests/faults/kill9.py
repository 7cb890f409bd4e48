"""What is left when the process is killed? Every committed row at its number; what ran is ``interrupted``."""

import random
import signal
import time
from pathlib import Path

from tests.faults.oracle import check, check_database, check_kept, stored, stored_by_the_dead
from tests.faults.script import FaultService, Figures, alone, wait_until
from tests.faults.viewer import Viewer

RUNS = 4
VIEWERS = 20
READY_SECONDS = 2.0


def kill_9(folder: Path, *, cycles: int = 10, seed: int = 0) -> Figures:
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
        check(max(ready) <= READY_SECONDS, f"ready again after {max(ready):.2f} s")
    return {
        "kills": cycles,
        "rows": sum(len(each) for each in rows.values()),
        "rows delivered": seen,
        "lost or twice": 0,
        "ready again after at most": f"{max(ready):.2f} s",
    }


if __name__ == "__main__":
    alone(kill_9)
