"""What does one process consist of? The database, the log, the definitions, the runner and the scheduler.

Order of a start: lock the database, check it, bring its schema up to date, mark what a dead process left
running ``interrupted``, then run jobs. Order of a stop: start nothing further, a grace for what runs, mark
the rest ``interrupted`` as the last rows, close.
"""

import logging
import sqlite3
import time
from asyncio import wrap_future
from collections.abc import Callable, Mapping
from functools import partial
from importlib import metadata
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from jobs import worker_types
from jobs.caller import Caller
from jobs.capture import capture, release
from jobs.catalogue import Catalogue
from jobs.log import Log
from jobs.process.processes import Processes
from jobs.recovery import interrupt
from jobs.redact import Redactor
from jobs.row import now
from jobs.runner import Runner
from jobs.scheduler import Scheduler
from jobs.store import runs
from jobs.store.commit import Commit
from jobs.store.deletion import delete_manager, delete_rows
from jobs.store.kept import to_resume
from jobs.store.reader import ReadError
from jobs.store.store import Store, Synchronous
from jobs.store.tally import Tally
from jobs.workers import SHIPPED

logger = logging.getLogger(__name__)

DEFINITIONS = Path(__file__).parent / "definitions"
GRACE_SECONDS = 2.0
# The last rows may be many, or the disk slow: they have what is left of the seconds that a stop may take.
STOP_SECONDS = 5.0
LEAST_CLOSE_SECONDS = 2.0


class Figures(NamedTuple):
    """What can be said of a service in numbers.

    :param health: as ``Engine.health``
    :param totals: managers and worker jobs by status; None if the database cannot be read now
    :param tally: what was written
    :param queued: how many changes wait for the writer
    :param blocked_seconds: how long the jobs' event loop has been blocked by now
    :param sizes: bytes of the files
    """

    health: dict[str, Any]
    totals: dict[str, dict[str, int]] | None
    tally: Tally
    queued: int
    blocked_seconds: float
    sizes: dict[str, int]


class Engine:
    """Everything but HTTP.

    :param database: the file
    :param definitions: a folder of definitions that adds to the shipped ones
    :param workers: a folder of Python files with worker functions
    :param environ: what ``{env.NAME}`` in definitions reads
    :param log_level: the lowest level taken from ``logging``
    :param clock: what schedules go by: the present time, seconds since 1970
    :param secrets: what must not be stored in any text, by the names of its variables
    :raises DatabaseError: the database cannot be used
    :raises ValueError: a folder does not exist
    """

    def __init__(
        self,
        database: Path,
        definitions: Path | None,
        workers: Path | None,
        environ: Mapping[str, str],
        synchronous: Synchronous,
        log_level: int,
        clock: Callable[[], float] = time.time,
        secrets: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        types = worker_types.load(SHIPPED, workers)
        for file, error in types.broken.items():
            logger.warning("worker functions of %s are not there: %s", file, error)
        self.catalogue = Catalogue(DEFINITIONS, definitions, types.functions, environ, types.broken)
        self.on_commit: Callable[[Commit], None] = lambda commit: None
        self.on_death: Callable[[BaseException], None] = lambda error: None
        self.started_at = now()
        self._store = Store(
            database, synchronous, lambda commit: self.on_commit(commit), lambda error: self.on_death(error)
        )
        self.readers = self._store.readers
        self.tail_readers = self._store.tail_readers
        left = self._store.commit(partial(interrupt, reason="the service had died")).result()
        if left:
            logger.warning("interrupted by the death of the service: %s", ", ".join(left))
        redactor = Redactor()
        redactor.add(secrets)
        self._log = Log(self._store.writer, redactor)
        self._processes = Processes(workers, log_level)
        self.runner = Runner(
            self._log,
            self._store.job_readers,
            Caller(self._processes),
            types.functions,
            environ,
            lambda error: self.on_death(error),
        )
        self.runner.thread.start()
        unfinished = self.readers.read(to_resume)
        resumed = self.runner.resume(unfinished) if unfinished else None
        self.scheduler = Scheduler(self.catalogue, self.runner, self._store.commit, clock, resumed)
        self._handler = capture(log_level)
        self._stop_at = 0.0

    def drain(self) -> None:
        """Start nothing further, and give what runs 2 s to end by itself."""
        self._stop_at = time.monotonic()
        self.scheduler.stop()
        self.runner.drain(GRACE_SECONDS)

    def close(self) -> bool:
        """Mark the rest ``interrupted`` and close; False if the disk did not take the last rows in time."""
        seconds = max(LEAST_CLOSE_SECONDS, self._stop_at + STOP_SECONDS - time.monotonic())
        written = self._store.close(partial(interrupt, reason="the service was stopped"), seconds)
        self._processes.close()
        self.runner.thread.stop()
        release(self._handler)
        return written

    def health(self) -> dict[str, Any]:
        """What ``GET /healthz`` answers. Looks at the disk."""
        parts = {
            "writer": self._store.writer.state,
            "runner": "ok" if self.runner.thread.alive else "dead",
            "database": self._store.state(),
        }
        return {
            "status": "ok" if set(parts.values()) == {"ok"} else "failing",
            "version": version(),
            "started_at": self.started_at,
            **parts,
            "sqlite_version": sqlite3.sqlite_version,
            "synchronous": self._store.synchronous,
        }

    def figures(self) -> Figures:
        """What ``GET /metrics`` answers. Looks at the disk; what it costs does not grow with the log."""
        try:
            totals = self.readers.read(runs.totals)
        except ReadError:
            totals = None
        writer = self._store.writer
        return Figures(
            self.health(),
            totals,
            writer.tally,
            writer.queued,
            self.runner.thread.blocked_seconds,
            self._store.sizes(),
        )

    async def delete(self, manager_id: str) -> None:
        """Remove a manager that has ended, with its rows, in pieces that leave others' writes their turn.

        :raises Busy: it is being retried or deleted
        """
        with self.runner.claim(manager_id):
            while await wrap_future(self._store.commit(partial(delete_rows, manager_id=manager_id))):
                pass
            await wrap_future(self._store.commit(partial(delete_manager, manager_id=manager_id)))


def version() -> str:
    """The version that runs."""
    try:
        return metadata.version("stepstream")
    except metadata.PackageNotFoundError:  # run from its folder, not installed
        return "unknown"
