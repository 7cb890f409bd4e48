"""What if the disk refuses a single call? The N-th write or sync fails, by ``strace``; no row is lost."""

import re
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.faults.oracle import check, check_database, check_kept, check_lines, stored, stored_by_the_dead
from tests.faults.script import FaultService, Figures, alone, wait_until
from tests.faults.viewer import Viewer

WRITES = (1, 2, 5, 13, 34)
SYNCS = (1, 2, 3, 5)
CALL = re.compile(r"(\d+) +(?:<\.\.\. )?(pwrite64|fdatasync)(?:\(\d+<([^>]*)>| resumed)(.*)")
OFFSET = re.compile(r", (\d+)(?:\)| <unfinished)")


class Faulty(NamedTuple):
    """Which calls fail, each counted in its thread: ``first`` and those up to ``last``."""

    call: str
    error: str
    first: int
    last: int

    def strace(self, *flags: str) -> tuple[str, ...]:
        """The command that makes them fail."""
        inject = f"inject={self.call}:error={self.error}:when={self.first}..{self.last}"
        return ("strace", "-f", "-y", "-o", "trace", "-e", "trace=pwrite64,fdatasync", "-e", inject, *flags)

    def __str__(self) -> str:
        return f"{self.call} {self.first}..{self.last} {self.error}"


def _need_strace() -> None:
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    refused = subprocess.run(["strace", "-f", "-o", "/dev/null", "true"], capture_output=True, check=False)
    if refused.returncode:
        pytest.skip(f"strace may not trace here: {refused.stderr.decode().strip()}")


def _faults(length: int) -> list[Faulty]:
    writes = [Faulty("pwrite64", "ENOSPC", first, first + length - 1) for first in WRITES]
    return writes + [Faulty("fdatasync", "EIO", first, first + length - 1) for first in SYNCS]


def calls_that_fail_at_the_start(folder: Path) -> Figures:
    """A new database: it is made in spite of it, or one line says why not; the next start makes it."""
    _need_strace()
    refused = 0
    for number, faulty in enumerate(_faults(1)):
        (folder / str(number)).mkdir()
        with FaultService(folder / str(number)) as service:
            service.define_step("run", "fault_lines", workers=1, count=3, pause=0.0)
            service.command = faulty.strace("-D")
            try:
                service.start()
            except RuntimeError:
                refused += 1
                check(service.process.wait(10) == 1, f"{faulty}: status {service.process.returncode}")
                lines = service.errors().splitlines()
                clear = len(lines) == 1 and lines[0].startswith(f"stepstream: {service.db}: ")
                check(clear, f"{faulty}: one clear line, not {lines}")
            else:
                service.kill()
            service.command = ()
            service.start()
            check(service.run_to_end("run")["status"] == "completed", f"{faulty}: the next start serves")
            check(service.stop() == 0, f"{faulty}: {service.errors()}")
            check_database(service.db)
    return {"faults": len(_faults(1)), "refused to start": refused, "damaged": 0}


def calls_that_fail_in_a_run(folder: Path, *, failures: int = 3) -> Figures:
    """Some calls in a row fail under a run; it ends complete, also for who killed it meanwhile."""
    _need_strace()
    rewritten = 0
    with FaultService(folder) as service:
        service.define_step("run", "fault_lines", workers=2, count=60, pause=0.005)
        service.define_step("killed", "fault_lines", workers=2, pause=0.005)
        service.start()
        for faulty in _faults(failures):
            tracer = _attach(service, faulty)
            viewer = Viewer(service, service.run("run"))
            viewer.start()
            end = viewer.finish(30)
            check(end["status"] == "completed", f"{faulty}: the run ended {end}")
            check(service.get("/healthz")["status"] == "ok", f"{faulty}: healthy afterwards")
            killed = Viewer(service, service.run("killed"))
            killed.start()
            wait_until(lambda: len(killed.rows) > 50, "the other run writes")  # noqa: B023
            service.process.send_signal(signal.SIGKILL)
            service.kill()
            tracer.communicate(timeout=10)
            trace = (folder / "trace").read_text(errors="replace").splitlines()
            check(any("(INJECTED)" in line for line in trace), f"{faulty}: nothing failed")
            rewritten += _check_written_again(trace)
            committed = stored_by_the_dead(service.db)
            service.start()
            killed.finish(10)
            rows = stored(service.db)
            check_kept(committed, rows, f"{faulty}: committed")
            check_kept({each.manager_id: each.rows for each in (viewer, killed)}, rows, f"{faulty}: seen")
            check(check_lines(rows[viewer.manager_id]) == {"0": 60, "1": 60}, f"{faulty}: all lines")
        check(service.stop() == 0, f"it stops: {service.errors()}")
        check_database(service.db)
    return {
        "faults": len(_faults(failures)),
        "pages written again after a failed sync": rewritten,
        "rows lost": 0,
    }


def _attach(service: FaultService, faulty: Faulty) -> "subprocess.Popen[str]":
    tracer = subprocess.Popen(
        faulty.strace("-p", str(service.process.pid)), cwd=service.folder, stderr=subprocess.PIPE, text=True
    )
    assert tracer.stderr is not None
    said = tracer.stderr.readline()
    check("attached" in said, f"strace: {said}")
    return tracer


def _check_written_again(trace: Sequence[str]) -> int:
    """Check that whatever a sync failed for is written again before a sync of it succeeds; how much was.

    The system reports a failed sync once and may forget the pages: the next sync says nothing of them.
    """
    unsynced: set[int] = set()
    lost: set[int] = set()
    syncing: set[str] = set()  # threads whose sync is under way
    again = 0
    for line in trace:
        if not (match := CALL.match(line)):
            continue
        thread, call, path, rest = match.groups()
        if path is not None and not path.endswith("-wal"):
            continue
        if call == "pwrite64":
            if path is not None and (offset := OFFSET.search(rest[-60:])) and "INJECTED" not in rest:
                unsynced.add(int(offset[1]))
        elif path is not None and rest.endswith("<unfinished ...>"):
            syncing.add(thread)
        elif path is not None or thread in syncing:
            syncing.discard(thread)
            if "= 0" not in rest:
                lost |= unsynced
            elif unsynced == {0}:  # the header of a log that starts anew: its pages come after it
                lost.discard(0)
            else:
                missing = lost - unsynced
                check(not missing, f"not written again after a failed sync: offsets {sorted(missing)[:5]}")
                again += len(lost)
                lost = set()
            unsynced = set()
    return again


if __name__ == "__main__":
    alone(calls_that_fail_at_the_start, calls_that_fail_in_a_run)
