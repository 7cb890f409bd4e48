"""How long will this step still take? Its worker jobs and its earlier runs, given to the estimate."""

import time
from statistics import median

from jobs.eta import estimate
from jobs.reporter import Reporter
from jobs.roster import Roster
from jobs.store.history import step_durations
from jobs.store.reader import ReadError, Readers


class StepEta:
    """What is known of a step's end.

    :param roster: its worker jobs, those of earlier attempts ended or pending
    :param reporter: how far those that run say they are
    """

    def __init__(self, roster: Roster, reporter: Reporter) -> None:
        self._roster = roster
        self._reporter = reporter
        self._ended_before = roster.ended_jobs
        self._started = time.monotonic()
        self._median: float | None = None  # seconds that earlier runs of it took

    def start(self) -> None:
        """This attempt of the step starts now."""
        self._started = time.monotonic()

    async def look_back(self, readers: Readers, definition_id: str, step_name: str) -> None:
        """See how long earlier runs of the step took."""
        try:
            durations = await readers.run(lambda db: step_durations(db, definition_id, step_name))
        except ReadError:
            return  # of the disk; it is only an estimate
        if durations:
            self._median = median(durations)
            self._reporter.changed()

    def seconds(self, *, function_ended: bool) -> float | None:
        """Seconds until the step ends; None when nothing tells.

        :param function_ended: whether its own function has
        """
        now = time.monotonic()
        parts, least = 0.0, None
        for job_id, (done, total) in self._reporter.said():
            job = self._roster.live.get(job_id)
            if job is not None and total is not None and 0 < done <= total:
                parts += done / total
                least = max(least or 0.0, (now - job.started_at) * (total - done) / done)
        return estimate(
            self._roster.total - self._ended_before,
            self._roster.ended_jobs - self._ended_before + parts,
            function_ended=function_ended,
            elapsed=now - self._started,
            median=self._median,
            least=least,
        )
