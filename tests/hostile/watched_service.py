"""Did a client leave anything behind? A service that is counted from inside and from outside."""

import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.figure import percentile
from tests.faults.oracle import check
from tests.faults.script import FaultService, wait_until
from tests.faults.viewer import Viewer
from tests.hostile import census
from tests.wire import ask

Counts = dict[str, int]
# Threads are kept for some seconds, and what the service does by itself has a timer at one moment or not.
ROOM = {"threads": 12, "timers": 3}
LATENCY_SECONDS = 2.0  # of one line in a hundred; a machine that does other things as well
STOP_SECONDS = 6.0


class WatchedService(FaultService):
    """A service of which is known what it holds while it has no clients."""

    def __init__(self, folder: Path, environ: dict[str, str] | None = None) -> None:
        super().__init__(folder, environ)
        shutil.copy(census.__file__, self.workers / "census.py")
        self._file = folder / "census.json"
        self.define_step("census", "census", file=str(self._file))
        self.define_step("lines", "fault_lines", workers=1, pause=0.01)
        self.define_step("three", "fault_lines", workers=1, count=3, pause=0.0)
        self.define_step("waits", "fault_lines", workers=1, pause=1000.0)
        self.define_step("flood", "fault_flood", rate=5_000, seconds=1.5, thread=False)
        self.define_step("many", "fault_lines", workers=1, count=5_000, pause=0.0, thread=True)

    def start(self) -> "WatchedService":
        """Start it, use it once, and count."""
        super().start()
        self.client.headers["Connection"] = "close"
        self.three = self.run_to_end("three")["id"]
        self.idle = self.counts()
        while "Protocol" in self.idle:  # the one that asked for the census
            self.idle = self.counts()
        return self

    def counts(self) -> Counts:
        """What it holds, and its open sockets."""
        go = self._file.with_name("census.json.go")
        for file in (self._file, go):
            file.unlink(missing_ok=True)
        assert ask(self, "POST", "/definitions/census/runs").status == 201
        go.touch()  # only now, when that request is answered
        wait_until(self._file.exists, "the census")
        found: Counts = json.loads(self._file.read_text())
        return {**found, "sockets": self.sockets()}

    def sockets(self) -> int:
        """How many sockets it has open."""
        folder = Path(f"/proc/{self.process.pid}/fd")
        return sum(_link(file).startswith("socket:") for file in folder.iterdir())

    def check_idle(self, seconds: float = 20) -> None:
        """Check that it holds no more than it did before it had clients.

        :param seconds: it may take so long to let go
        """
        deadline = time.monotonic() + seconds
        while more := self._more(self.counts()):
            check(time.monotonic() < deadline, f"is left behind: {more}")

    def _more(self, counts: Counts) -> Counts:
        return {
            what: count - self.idle.get(what, 0)
            for what, count in counts.items()
            if count > self.idle.get(what, 0) + ROOM.get(what, 0)
        }

    @contextmanager
    def unharmed(self) -> Iterator[Viewer]:
        """A viewer beside: it gets every row once, in time; and nothing of anybody is left behind."""
        viewer = Viewer(self, self.run("lines"))
        viewer.start()
        wait_until(lambda: len(viewer.rows) > 5, "rows come")
        viewer.latencies.clear()
        yield viewer
        seen = len(viewer.latencies)
        wait_until(lambda: len(viewer.latencies) > seen + 5, "rows go on")
        latency = percentile(list(viewer.latencies), 0.99)
        check(latency < LATENCY_SECONDS, f"lines came after {latency:.2f} s")
        assert self.post(f"/managers/{viewer.manager_id}/cancel").status_code == 202
        viewer.finish(20)
        self.check_idle()

    def check_stop(self) -> None:
        """Check that a signal ends it in time, with whoever is connected."""
        started = time.monotonic()
        check(self.stop(timeout=30) == 0, f"exit status {self.process.returncode}: {self.errors()}")
        took = time.monotonic() - started
        check(took < STOP_SECONDS, f"it took {took:.1f} s to stop")


def _link(file: Path) -> str:
    try:
        return os.readlink(file)
    except OSError:  # closed meanwhile
        return ""
