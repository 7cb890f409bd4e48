"""What if the writer or the jobs' loop dies? Streams break without ``end``, the process says why it ends."""

import time
from contextlib import closing, suppress
from pathlib import Path

import httpx

from tests.faults.oracle import check, check_database, check_kept, stored, stored_by_the_dead
from tests.faults.script import FaultService, Figures, alone, wait_until
from tests.faults.viewer import Viewer

ENDED_SECONDS = 10.0
# What no service should meet: worker functions that reach into it.
KILLERS = """
import asyncio, threading
import anyio
from jobs import Job, worker

@worker("breaks_the_writer")
async def breaks_the_writer(step: Job) -> None:
    (thread,) = [each for each in threading.enumerate() if each.name == "stepstream-writer"]
    def broken(tx):
        raise SystemExit("a writer that dies")
    thread._target.__self__.submit(broken)
    await anyio.sleep_forever()

@worker("stops_the_loop")
async def stops_the_loop(step: Job) -> None:
    asyncio.get_running_loop().stop()
    await anyio.sleep_forever()
"""


def _die(folder: Path, killer: str, part: str) -> Figures:
    """Kill a part under a run with a viewer, and look at what is told until the process has ended."""
    with FaultService(folder) as service:
        service.add_workers("killers", KILLERS)
        service.define_step("run", "fault_lines", workers=4, pause=0.005)
        service.define_step(killer, killer)
        service.start()
        run = service.run("run")
        viewer = Viewer(service, run)
        viewer.start()
        wait_until(lambda: len(viewer.rows) > 50, "the run writes")
        # Open before: a process that ends accepts no further connection.
        with closing(_Health(service.url)) as health:
            service.run(killer)
            started = time.monotonic()
            while service.process.poll() is None and time.monotonic() - started < ENDED_SECONDS:
                health.look()
        took = time.monotonic() - started
        status = service.process.poll()
        lines = service.errors().splitlines()
        check(status == 1, f"it ended with {status} after {took:.1f} s")
        check(lines[-1].startswith("stepstream: stopped by a failure: "), f"the last line is {lines[-1]}")
        check(health.seen == ["ok", part], f"GET /healthz told {health.seen}")
        service.client.close()
        committed = stored_by_the_dead(service.db)
        check(viewer.end is None, f"a broken stream had the end {viewer.end}")
        service.start()
        end = viewer.finish(10)
        check(end["status"] == "interrupted", f"the run ended {end}")
        rows = stored(service.db)
        check_kept(committed, rows, "committed")
        check_kept({run: viewer.rows}, rows, "seen")
        check(service.stop() == 0, service.errors())
        check_database(service.db)
    return {"ended after": f"{took:.1f} s", "GET /healthz told": health.seen, "rows lost": 0}


class _Health:
    """Asks ``GET /healthz`` on one connection for as long as it is answered; which parts were not ok."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=2)
        self.seen: list[str] = []
        self.look()

    def look(self) -> None:
        """Ask once."""
        with suppress(httpx.TransportError):
            health = self._client.get("/healthz").json()
            failing = [part for part in ("writer", "runner", "database") if health[part] != "ok"]
            found = ", ".join(failing) or "ok"
            if found not in self.seen:
                self.seen.append(found)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


def dead_writer(folder: Path) -> Figures:
    """The writer's thread ends by an error."""
    return _die(folder, "breaks_the_writer", "writer")


def dead_loop(folder: Path) -> Figures:
    """The event loop of the jobs is stopped."""
    return _die(folder, "stops_the_loop", "runner")


if __name__ == "__main__":
    alone(dead_writer, dead_loop)
