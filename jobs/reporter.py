"""When is a step's progress reported? At once after a change; changes soon after it share the next report."""

import threading
from collections.abc import Callable, Mapping

import anyio

Progress = tuple[float, float | None]  # how much is done, and of how much

REPORT_SECONDS = 0.05
# A worker job's own progress is shown ten times a second.
JOB_PROGRESS_SECONDS = 0.1


class Reporter:
    """Gathers what changed in a step. It lives on the event loop of the step's jobs.

    :param write: writes a report with the worker jobs' own progress, by id
    :param on_loop: calls a function on the event loop, from any thread
    """

    def __init__(
        self,
        write: Callable[[Mapping[str, Progress]], None],
        on_loop: Callable[[Callable[[], None]], None],
    ) -> None:
        self._write = write
        self._on_loop = on_loop
        self._news = anyio.Event()
        self._counts_changed = False
        self._progress: dict[str, Progress] = {}  # not reported yet
        self._said: dict[str, Progress] = {}  # by worker jobs that run
        self._lock = threading.Lock()

    def changed(self) -> None:
        """Report a change of a worker job's status. On the event loop."""
        self._counts_changed = True
        self._news.set()

    def progress(self, job_id: str, done: float, total: float | None) -> None:
        """Report how far a worker job says it is. In any thread."""
        with self._lock:
            known = job_id in self._progress
            self._progress[job_id] = self._said[job_id] = (done, total)
        if not known:  # else a report is on its way
            self._on_loop(self._wake)

    def said(self) -> list[tuple[str, Progress]]:
        """What the worker jobs that run have said last, with their ids."""
        return list(self._said.items())

    def ended(self, job_id: str) -> Progress | None:
        """What a worker job said last, now that it has ended."""
        with self._lock:
            return self._said.pop(job_id, None)

    def forget(self, job_id: str) -> None:
        """Drop what a worker job said in a try that is over: its next one has said nothing yet."""
        with self._lock:
            self._said.pop(job_id, None)
            self._progress.pop(job_id, None)

    def _wake(self) -> None:
        self._news.set()

    def rest(self) -> Mapping[str, Progress]:
        """What was not reported yet, for the last report."""
        with self._lock:
            progress, self._progress = self._progress, {}
        return progress

    async def run(self) -> None:
        """Report until cancelled."""
        progress_at = 0.0
        while True:
            await self._news.wait()
            self._news = anyio.Event()
            now = anyio.current_time()
            progress: Mapping[str, Progress] = {}
            if now - progress_at >= JOB_PROGRESS_SECONDS:
                progress = self.rest()
                if progress:
                    progress_at = now
            if self._counts_changed or progress:
                self._counts_changed = False
                self._write(progress)
            await anyio.sleep(REPORT_SECONDS)
            if self._progress:
                self._news.set()
