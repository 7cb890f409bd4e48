"""Who of a step's jobs has not ended? Its worker jobs by id, how many ended how, and when all have."""

import threading
import time
from collections.abc import Sequence
from typing import Any

import anyio

from jobs.status import LIVE, Status
from jobs.worker_job import WorkerJob


class Roster:
    """The worker jobs of a step, and who else holds the step open.

    :param jobs: those of earlier attempts
    """

    def __init__(self, jobs: Sequence[WorkerJob]) -> None:
        self.live: dict[str, WorkerJob] = {}
        self.counts: dict[Status, int] = {}  # of those that have ended
        self.running = 0
        for job in jobs:
            if job.status in LIVE:
                self.live[job.id] = job
            else:
                self.counts[job.status] = self.counts.get(job.status, 0) + 1
        self.next_number = 1
        for job in jobs:
            self.next_number = max(self.next_number, int(job.id.rpartition(".")[2]) + 1)
        self._ends: dict[str, anyio.Event] = {}
        # Worker jobs that have not ended, and others that hold the step open; entered in any thread.
        self._open = len(self.live) + 1  # the step itself, until it has started
        self._over = False
        self._all_ended = anyio.Event()
        self._lock = threading.Lock()

    @property
    def ended_jobs(self) -> int:
        """How many worker jobs have ended."""
        return sum(self.counts.values())

    @property
    def total(self) -> int:
        """How many worker jobs there are."""
        return self.ended_jobs + len(self.live)

    @property
    def busy(self) -> bool:
        """Whether more than pending worker jobs holds the step open, or it is just ending."""
        return self._open > len(self.live) - self.running or self._open == 0

    def enter(self) -> bool:
        """Hold the step open; False if it is over. In any thread."""
        with self._lock:
            self._open += not self._over
            return not self._over

    def leave(self, number: int = 1) -> None:
        """Undo ``enter``. On the event loop."""
        with self._lock:
            self._open -= number
            self._over = self._open == 0
        if self._over:
            self._all_ended.set()

    async def all_ended(self) -> None:
        """Wait until nobody holds the step open: then it is over."""
        await self._all_ended.wait()

    def ended(self, job: WorkerJob, status: Status, reason: str | None, result: Any = None) -> None:
        """Count a worker job as ended, and tell who waits for it; ``leave`` is up to the caller."""
        job.status, job.reason, job.result = status, reason, result
        job.ended_at = time.monotonic()
        del self.live[job.id]
        self.counts[status] = self.counts.get(status, 0) + 1
        if end := self._ends.pop(job.id, None):
            end.set()

    def reopened(self, job: WorkerJob) -> None:
        """Count a worker job that has ended as live again."""
        self.counts[job.status] -= 1
        self.live[job.id] = job

    async def ending(self, job: WorkerJob) -> None:
        """Wait until a worker job has ended."""
        if job.status in LIVE:
            await self._ends.setdefault(job.id, anyio.Event()).wait()
