"""What if another process holds the database? Streams and requests go on, lines wait, all arrive after."""

import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import httpx

from tests.faults.oracle import check, check_lines, stored
from tests.faults.script import FaultService, Figures, alone, wait_until
from tests.faults.viewer import Viewer

AFTER_SECONDS = 5.0


class Prober(threading.Thread):
    """Asks for ``GET /managers`` again and again; how long the slowest answer took."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.slowest = 0.0
        self.answers = 0
        self._url = url
        self._enough = threading.Event()

    def run(self) -> None:
        """Ask."""
        with httpx.Client(base_url=self._url, timeout=30) as client:
            while not self._enough.wait(0.01):
                asked = time.monotonic()
                client.get("/managers?limit=1").raise_for_status()
                self.slowest = max(self.slowest, time.monotonic() - asked)
                self.answers += 1

    def stop(self) -> None:
        """Stop asking."""
        self._enough.set()
        self.join(30)


def locked(folder: Path, *, seconds: float = 8.0, stall_seconds: float = 0.1) -> Figures:
    """``BEGIN IMMEDIATE`` in another process's connection, held for some seconds."""
    workers, count = 4, 200
    with FaultService(folder) as service:
        service.define_step("run", "fault_lines", workers=workers, count=count, pause=0.005)
        service.start()
        viewer = Viewer(service, service.run("run"))
        viewer.start()
        wait_until(lambda: len(viewer.rows) > 100, "the run writes")
        with closing(sqlite3.connect(service.db, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            prober = Prober(service.url)
            prober.start()
            held_at = time.monotonic()
            told = wait_until(
                lambda: "locked" in service.client.get("/healthz").json()["writer"], "GET /healthz says it"
            )
            rows = len(viewer.rows)
            time.sleep(max(0.0, held_at + seconds - time.monotonic()))
            check(len(viewer.rows) == rows, "nothing is written meanwhile")
            check(viewer.is_alive() and viewer.connections == 1, "the stream stays")
            check(bool(viewer.pings) or seconds < 16, "a ping comes after 15 s of silence")
            prober.stop()
            other.execute("ROLLBACK")
        released = time.monotonic()
        wait_until(lambda: len(viewer.rows) > rows, "lines come again", AFTER_SECONDS)
        went_on = time.monotonic() - released
        end = viewer.finish(30)
        found = check_lines(stored(service.db)[viewer.manager_id])
    check(end["status"] == "completed", f"the run ended {end}")
    check(found == {str(number): count for number in range(workers)}, f"lines: {found}")
    check(prober.slowest < stall_seconds, f"a request took {prober.slowest:.2f} s")
    return {
        "requests meanwhile": prober.answers,
        "the slowest": f"{prober.slowest * 1000:.0f} ms",
        "told after": f"{told:.1f} s",
        "lines came again after": f"{went_on:.2f} s",
    }


if __name__ == "__main__":
    alone(locked)
