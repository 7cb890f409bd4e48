"""What if somebody sets the clock? Rows keep their order, durations and time limits do not notice."""

import json
import time
from itertools import pairwise
from pathlib import Path

import pytest

from tests.faults.oracle import check, check_database, check_kept, check_lines, stored
from tests.faults.script import FaultService, Figures, alone, wait_until
from tests.faults.viewer import Viewer

LIBRARIES = ("/usr/lib", "/usr/local/lib")
STEPS = {"a day ahead": "+1d", "an hour back": "-1h"}
LIMIT_SECONDS = 8
OFF_SECONDS = 5.0  # whoever asks for the time under libfaketime reads a file


def _library() -> Path:
    found = [file for folder in LIBRARIES for file in Path(folder).glob("**/faketime/libfaketime.so.1")]
    if not found:
        pytest.skip("libfaketime is not installed")
    return found[0]


def clock_steps(folder: Path) -> Figures:
    """The wall clock steps by a day and by an hour under runs: one writes, one is silent, one too slow."""
    clock = folder / "clock"
    clock.write_text("+0\n")
    environ = {
        "LD_PRELOAD": str(_library()),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }
    workers, count, pause = 2, 150, 0.05
    with FaultService(folder, environ) as service:
        service.define_step("run", "fault_lines", workers=workers, count=count, pause=pause)
        service.define_step("silent", "fault_lines", workers=1, pause=1000.0)
        limit = f'timeout = "{LIMIT_SECONDS}s"\n'
        service.define("slow", f'[step.only]\ntype = "fault_lines"\npause = 1000.0\n{limit}')
        service.start()
        started = time.monotonic()
        viewers = [Viewer(service, service.run(name)) for name in ("run", "silent", "slow")]
        for viewer in viewers:
            viewer.start()
        writing, silent, slow = viewers
        wait_until(lambda: all(viewer.rows for viewer in viewers), "all runs have begun")
        for offset in STEPS.values():
            rows = len(writing.rows)
            time.sleep(1)
            clock.write_text(f"{offset}\n")
            stepped = time.monotonic()
            wait_until(lambda: len(writing.rows) > rows + 20, "lines still come")  # noqa: B023
            went_on = time.monotonic() - stepped
            check(went_on < 2, f"lines came again after {went_on:.1f} s")
        end = slow.finish(LIMIT_SECONDS + 5)
        check(end["status"] == "failed", f"the run with a time limit ended {end}")
        limited = time.monotonic() - started
        check(0 <= limited - LIMIT_SECONDS < OFF_SECONDS, f"{LIMIT_SECONDS} s took {limited:.1f} s")
        check(writing.finish(60)["status"] == "completed", "the run ends")
        took = time.monotonic() - started
        manager = service.get(f"/managers/{writing.manager_id}")
        check(
            abs(manager["duration"] - took) < OFF_SECONDS, f"{took:.1f} s are told as {manager['duration']}"
        )
        wait_until(lambda: bool(silent.pings), "pings come", 16)
        check(silent.pings[0] - started < 17, f"the first ping came after {silent.pings[0] - started:.1f} s")
        newest = [each["id"] for each in service.get("/managers")["items"]]
        check(newest == [viewer.manager_id for viewer in reversed(viewers)], f"newest first: {newest}")
        check(bool(service.get("/search", q="20", manager_id=writing.manager_id)["items"]), "lines are found")
        rows_stored = stored(service.db)
        check_kept({writing.manager_id: writing.rows}, rows_stored, "seen")
        check(check_lines(writing.rows) == {str(n): count for n in range(workers)}, "all lines came")
        times = [json.loads(row)["created_at"] for row in writing.rows]
        back = sum(later < earlier for earlier, later in pairwise(times))
        check(back > 0 and max(times)[:10] > times[0][:10], "the clock was set")
        service.post(f"/managers/{silent.manager_id}/cancel")
        check(silent.finish(10)["status"] == "cancelled", "a run is cancelled")
        check(service.stop() == 0, service.errors())
        check_database(service.db)
    return {
        "steps of the clock": ", ".join(STEPS),
        "rows": len(writing.rows),
        f"a limit of {LIMIT_SECONDS} s held": f"{limited:.1f} s",
        "a duration is off by": f"{abs(manager['duration'] - took):.1f} s",
    }


if __name__ == "__main__":
    alone(clock_steps)
