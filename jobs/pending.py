"""Which worker job runs next? The pending ones, in order; one that is tried again has its delay before."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable

from jobs.worker_job import WorkerJob


class Pending:
    """The pending worker jobs of a step. It lives on the event loop of the step's jobs.

    :param jobs: those of earlier attempts
    :param on_due: called when one has had its delay
    """

    def __init__(self, jobs: Iterable[WorkerJob], on_due: Callable[[], None]) -> None:
        self._queue = deque(jobs)
        self._delayed: dict[str, asyncio.TimerHandle] = {}
        self._on_due = on_due

    def add(self, job: WorkerJob) -> None:
        """Let one wait for its turn."""
        self._queue.append(job)

    def add_later(self, job: WorkerJob, seconds: float) -> None:
        """Let one wait for its turn after a delay."""
        self._delayed[job.id] = asyncio.get_running_loop().call_later(seconds, self._due, job)

    def _due(self, job: WorkerJob) -> None:
        del self._delayed[job.id]
        self._queue.append(job)
        self._on_due()

    @property
    def empty(self) -> bool:
        """Whether nobody's turn has come. Forgets those that were cancelled in the queue."""
        while self._queue and self._queue[0].cancelled is not None:
            self._queue.popleft()
        return not self._queue

    def next(self) -> WorkerJob:
        """Take the one whose turn it is; there is one."""
        return self._queue.popleft()

    def forget(self, jobs: Iterable[WorkerJob]) -> None:
        """Let no delay of these end: they are cancelled."""
        for job in jobs:
            if timer := self._delayed.pop(job.id, None):
                timer.cancel()
