"""What happens when the disk is full? Nothing is lost, reads go on, and with room again all is written."""

import resource
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import httpx

from tests.bench.process import resident_bytes
from tests.faults.mount import small_disk
from tests.faults.oracle import check, check_database, check_kept, check_lines, stored
from tests.faults.script import FaultService, Figures, alone, wait_until
from tests.faults.viewer import Viewer

DISK_BYTES = 32_000_000
ROOM_SECONDS = 5.0
MEMORY_BYTES = 30_000_000


def _run_out(service: FaultService, fill: Callable[[], None], free: Callable[[], None]) -> Figures:
    """Fill the disk under a run of eight fast workers, look, and make room again."""
    workers, count = 8, 1_500
    service.define_step("ended", "fault_lines", workers=1, count=3, pause=0.0)
    service.define_step("run", "fault_lines", workers=workers, count=count, pause=0.001, thread=True)
    service.start()
    ended = service.run_to_end("ended")["id"]
    viewer = Viewer(service, service.run("run"))
    viewer.start()
    wait_until(lambda: len(viewer.rows) > 500, "the run writes")
    fill()
    wait_until(lambda: service.client.get("/healthz").status_code == 503, "GET /healthz says it")
    full_at = time.monotonic()
    before, memory = stored(service.db), resident_bytes(service.process.pid)
    health = service.client.get("/healthz").json()
    check(health["writer"].startswith("waiting: "), f"the writer is {health['writer']}")
    time.sleep(1)  # enough for the workers to fill the queue
    # What needs the disk waits, here for the queue too; it keeps nobody else waiting.
    waiting = [("DELETE", f"/managers/{ended}"), ("POST", "/definitions/ended/runs")]
    for method, path in waiting:
        with suppress(httpx.ReadTimeout):
            service.client.request(method, path, timeout=0.5)
    slowest = 0.0
    while time.monotonic() - full_at < 16 and not viewer.pings:
        asked = time.monotonic()
        service.get(f"/managers/{viewer.manager_id}")
        service.get("/managers")
        service.get("/search", q="1", manager_id=ended)
        check(service.client.get("/healthz").status_code == 503, "GET /healthz says so as long as it is so")
        slowest = max(slowest, time.monotonic() - asked)
        time.sleep(0.05)
    check(len(viewer.pings) > 0, "a ping comes after 15 s of silence")
    check(before == stored(service.db), "nothing is written to a full disk")
    grown = resident_bytes(service.process.pid) - memory
    check(grown < MEMORY_BYTES, f"memory grew by {grown / 1e6:.0f} MB")
    held = len(viewer.rows)
    free()
    room_at = time.monotonic()
    wait_until(lambda: service.client.get("/healthz").status_code == 200, "it goes on", ROOM_SECONDS)
    went_on = time.monotonic() - room_at
    end = viewer.finish(30)
    check(end["status"] == "completed", f"the run ended {end}")
    rows = stored(service.db)
    check_kept({viewer.manager_id: before[viewer.manager_id]}, rows, "committed")
    check_kept({viewer.manager_id: viewer.rows}, rows, "seen")
    found = check_lines(rows[viewer.manager_id])
    check(found == {str(number): count for number in range(workers)}, f"lines: {found}")
    check(service.stop() == 0, f"it stops: {service.errors()}")
    check_database(service.db)
    return {
        "rows before": held,
        "and in the end": len(viewer.rows),
        "four requests while full took at most": f"{slowest * 1000:.0f} ms",
        "memory grew": f"{grown / 1e6:.1f} MB",
        "went on after": f"{went_on:.2f} s",
    }


def disk_full(folder: Path) -> Figures:
    """A disk of its own, filled up by another file."""
    disk = folder / "disk"
    disk.mkdir()
    with small_disk(disk, DISK_BYTES), FaultService(folder) as service:
        service.db = disk / "stepstream.db"
        filler = disk / "filler"

        def fill() -> None:
            with suppress(OSError), open(filler, "wb", buffering=0) as file:
                while True:
                    file.write(bytes(4096))

        return _run_out(service, fill, filler.unlink)


def file_size_limit(folder: Path) -> Figures:
    """A limit on the size of files (``RLIMIT_FSIZE``), as a quota is."""
    with FaultService(folder) as service:

        def limit(size: int) -> None:
            most = resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE)[1]
            resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE, (size, most))

        return _run_out(service, lambda: limit(100_000), lambda: limit(resource.RLIM_INFINITY))


if __name__ == "__main__":
    alone(disk_full, file_size_limit)
