"""What if the database's files are damaged, replaced or read-only? One clear line; they stay as they are."""

import os
import random
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import httpx

from tests.faults.mount import read_only
from tests.faults.oracle import check, check_database, check_kept, stored
from tests.faults.script import FaultService, Figures, alone, wait_until
from tests.faults.viewer import Viewer

PAGE = 4096
NOTICED_SECONDS = 2.0
ENDED_SECONDS = 10.0
Damage = Callable[[Path], None]


def _overwrite(db: Path, start: int, end: int | None = None) -> None:
    with open(db, "r+b") as file:
        length = (end or db.stat().st_size) - start
        file.seek(start)
        file.write(random.Random(0).randbytes(length))


def _text(db: Path) -> None:
    db.write_bytes(b"just text " * 1000)


def _foreign(db: Path) -> None:
    db.unlink()
    with closing(sqlite3.connect(db)) as other:
        other.execute("CREATE TABLE log (id INTEGER)")


def _cut(db: Path, size: int) -> None:
    os.truncate(db, size)


def _halve(db: Path) -> None:
    _cut(db, db.stat().st_size // 2)


# What was done to the file, and what the line says.
AT_THE_START: dict[str, tuple[Damage, str]] = {
    "no database": (_text, "file is not a database"),
    "another program's": (_foreign, "belongs to another program"),
    "all but its head overwritten": (lambda db: _overwrite(db, PAGE), "malformed"),
    "pages overwritten": (lambda db: _overwrite(db, 10 * PAGE, 30 * PAGE), "damaged|malformed"),
    "cut in the middle": (_halve, "damaged|malformed"),
    "cut in its head": (lambda db: _cut(db, 100), "malformed|not a database"),
    "emptied": (lambda db: _cut(db, 0), "it is empty, but was not when it was used last"),
}


def _filled(folder: Path, *, killed: bool) -> FaultService:
    """A service that has written, and was stopped or killed; its file has rows, and its log too if killed."""
    service = FaultService(folder)
    service.define_step("run", "fault_lines", workers=4, count=300, pause=0.0)
    service.start()
    service.run_to_end("run")
    service.stop()
    if killed:
        service.start()
        service.run_to_end("run")
        service.process.send_signal(signal.SIGKILL)
        service.kill()
    service.url = ""
    return service


def _content(service: FaultService) -> dict[str, bytes]:
    files = [service.db, service.db.with_name("stepstream.db-wal")]
    return {file.name: file.read_bytes() for file in files if file.exists() and file.stat().st_size}


def _check_refused(service: FaultService, what: str, message: str) -> None:
    (service.folder / "errors.txt").unlink(missing_ok=True)
    before = _content(service)
    process = service.spawn()
    assert process.stdout is not None
    said = process.stdout.read()  # ends with the process, or with its first line
    check(process.wait(10) == 1 and not said, f"{what}: it is refused, not {process.returncode} {said}")
    lines = service.errors().splitlines()
    clear = len(lines) == 1 and any(word in lines[0] for word in message.split("|"))
    check(clear and str(service.db) in lines[0], f"{what}: one clear line, not {lines}")
    check(_content(service) == before, f"{what}: the files are left as they were")


def damaged_at_the_start(folder: Path) -> Figures:
    """A file that is no whole database of ours is refused, after a clean stop and after ``kill -9``."""
    for killed in (False, True):
        (folder / str(killed)).mkdir()
        with _filled(folder / str(killed), killed=killed) as service:
            parts = [
                service.db.with_name(service.db.name + suffix) for suffix in ("", "-wal", "-shm", ".lock")
            ]
            whole = {part: part.read_bytes() for part in parts if part.exists()}
            for what, (damage, message) in AT_THE_START.items():
                for part in parts:
                    part.unlink(missing_ok=True)
                    if part in whole:
                        part.write_bytes(whole[part])
                damage(service.db)
                if killed:
                    message += "|malformed"  # the log may have the head of the file
                _check_refused(service, f"{what}, {'killed' if killed else 'stopped'}", message)
    return {"refused": 2 * len(AT_THE_START), "changed": 0}


def read_only_at_the_start(folder: Path) -> Figures:
    """A file, or a folder, that cannot be written."""
    disk = folder / "disk"
    disk.mkdir()
    with _filled(folder, killed=False) as service:
        with read_only(service.db):
            _check_refused(service, "a read-only file", "readonly|read-only")
        service.db = service.db.rename(disk / service.db.name)
        with read_only(disk):
            _check_refused(service, "a read-only folder", "Read-only file system")
    return {"refused": 2, "changed": 0}


def _remove(suffix: str) -> Damage:
    return lambda db: db.with_name(db.name + suffix).unlink()


def _replace(db: Path) -> None:
    other = db.with_name("other.db")
    other.write_bytes(db.read_bytes())
    other.rename(db)


WHILE_IT_RUNS: dict[str, tuple[Damage, str]] = {
    "removed": (_remove(""), "stepstream.db was removed"),
    "replaced": (_replace, "stepstream.db was replaced"),
    "emptied": (lambda db: _cut(db, 0), "stepstream.db was cut short"),
    "cut in the middle": (_halve, "stepstream.db was cut short"),
    "overwritten": (lambda db: _overwrite(db, 0), "malformed"),
    "its log removed": (_remove("-wal"), "stepstream.db-wal was removed"),
    "its shared memory removed": (_remove("-shm"), "stepstream.db-shm was removed"),
    "its lock removed": (_remove(".lock"), "stepstream.db.lock was removed"),
}


def damaged_while_it_runs(folder: Path) -> Figures:
    """Under a service that does nothing just then: ``GET /healthz`` tells it."""
    slowest = 0.0
    for number, (what, (damage, message)) in enumerate(WHILE_IT_RUNS.items()):
        (folder / str(number)).mkdir()
        with _filled(folder / str(number), killed=False) as service:
            service.start()
            check(service.get("/healthz")["database"] == "ok", f"{what}: all is well before")
            damage(service.db)
            slowest = max(slowest, wait_until(lambda: _failing(service), f"{what}: told", NOTICED_SECONDS))
            told = service.client.get("/healthz").json()["database"]
            check(message in told, f"{what}: it is told as {told}")
    return {"noticed": len(WHILE_IT_RUNS), "after at most": f"{slowest:.2f} s"}


def _failing(service: FaultService) -> bool:
    return service.client.get("/healthz").status_code == 503


@contextmanager
def _writing(folder: Path) -> Iterator[tuple[FaultService, Viewer]]:
    with _filled(folder, killed=False) as service:
        service.define_step("endless", "fault_lines", workers=2, pause=0.005)
        service.start()
        viewer = Viewer(service, service.run("endless"))
        viewer.start()
        wait_until(lambda: len(viewer.rows) > 50, "the run writes")
        yield service, viewer
        viewer.leave()


def damaged_under_a_run(folder: Path) -> Figures:
    """A file that is overwritten while a run writes: the process ends, it does not write on."""
    with _writing(folder) as (service, viewer):
        _overwrite(service.db, PAGE)
        check(_failing(service), "GET /healthz tells it")
        started = time.monotonic()
        while service.process.poll() is None and time.monotonic() - started < ENDED_SECONDS:
            with suppress(httpx.TransportError):  # more to write: what is written to may be in memory
                service.post("/definitions/run/runs")
        took = time.monotonic() - started
        status = service.process.poll()
        lines = service.errors().splitlines()
        check(status == 1, f"it ended with {status}: {lines}")
        check(
            "malformed" in lines[-1] and "Traceback" not in service.errors(), f"one clear line, not {lines}"
        )
        check(viewer.end is None, f"a stream that was cut had {viewer.end}")
    return {"ended after": f"{took:.1f} s"}


def lock_removed_under_a_run(folder: Path) -> Figures:
    """Without the lock a second process gets in: the first one writes nothing after that, and ends."""
    with _writing(folder) as (service, viewer):
        first = service.process
        service.db.with_name("stepstream.db.lock").unlink()
        started = time.monotonic()
        service.client.close()
        service.start()  # on another port would be the same; here it waits for nobody
        status = first.wait(10)
        took = time.monotonic() - started
        check(status == 1, f"the first one ended with {status}")
        told = "stepstream.db.lock was re"  # moved, or placed by the second one
        check(told in service.errors() and "Traceback" not in service.errors(), service.errors())
        end = viewer.finish(10)
        check(end["status"] == "interrupted", f"the run ended {end}")
        check_kept({viewer.manager_id: viewer.rows}, stored(service.db), "seen")
        check(service.run_to_end("run")["status"] == "completed", "the second one serves")
        check(service.stop() == 0, service.errors())
        check_database(service.db)
    return {"the first one ended after": f"{took:.1f} s", "rows lost or twice": 0}


FAULTS = (
    damaged_at_the_start,
    read_only_at_the_start,
    damaged_while_it_runs,
    damaged_under_a_run,
    lock_removed_under_a_run,
)

if __name__ == "__main__":
    alone(*FAULTS)
