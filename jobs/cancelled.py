"""What becomes of pending worker jobs that are cancelled? They end in pieces, so that others have their turn.

There may be a hundred thousand. From the moment that they are cancelled none of them will run.
"""

import asyncio
from collections import deque
from collections.abc import Iterable
from functools import partial

from jobs.log import Log
from jobs.reporter import Reporter
from jobs.roster import Roster
from jobs.store.writer import Closed
from jobs.worker_job import WorkerJob

PIECE = 1_000


class Cancelled:
    """Those of one step that have not ended yet. It lives on the event loop of the step's jobs.

    :param roster: where they are counted as ended
    """

    def __init__(self, log: Log, reporter: Reporter, roster: Roster) -> None:
        self._log = log
        self._reporter = reporter
        self._roster = roster
        self._jobs: deque[WorkerJob] = deque()

    @property
    def all_ended(self) -> bool:
        """Whether there are none."""
        return not self._jobs

    def end(self, jobs: Iterable[WorkerJob]) -> None:
        """End them: the first ones now, if no others are before them."""
        idle = self.all_ended
        self._jobs.extend(jobs)
        if idle and self._jobs:
            self._end_some()

    def _end_some(self) -> None:
        """End some, and when that is committed the next."""
        piece = [self._jobs.popleft() for _ in range(min(PIECE, len(self._jobs)))]
        for job in piece:
            self._roster.ended(job, "cancelled", job.cancelled)
        try:
            committed = self._log.cancel_jobs([(job.source, job.name, job.cancelled or "") for job in piece])
        except Closed:  # the service stops
            return
        self._reporter.changed()
        self._roster.leave(len(piece))
        if self._jobs:
            go_on = partial(asyncio.get_running_loop().call_soon_threadsafe, self._end_some)
            committed.add_done_callback(lambda _: go_on())
