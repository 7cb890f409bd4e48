"""How does a step run? Its own function, its worker jobs, and its end."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import anyio

from jobs.call import Call
from jobs.caller import Caller
from jobs.ending import Ending
from jobs.job import Handle, Job
from jobs.log import Log
from jobs.reporter import Progress, Reporter
from jobs.roster import Roster
from jobs.row import Level, Source
from jobs.signature import check
from jobs.state import Outcome
from jobs.status import Status, roll_up_step
from jobs.step_definition import StepDefinition
from jobs.step_eta import StepEta
from jobs.store.documents import document, documents
from jobs.store.reader import Readers
from jobs.worker_job import Spawner, WorkerJob
from jobs.worker_jobs import WorkerJobs

Stopped = Literal["cancelled", "failed"]


@dataclass(frozen=True)
class Earlier:
    """What is left of a step's earlier attempts.

    :param function_completed: its own function is not called again
    :param own: the worker jobs that its own function spawned, in order
    :param jobs: all its worker jobs; the pending ones run again
    """

    function_completed: bool = False
    own: list[WorkerJob] = field(default_factory=list)
    jobs: list[WorkerJob] = field(default_factory=list)


class StepRun:
    """One step of one run; the host of its jobs.

    :param function: the worker type's function
    :param config: its keyword arguments
    """

    def __init__(
        self,
        definition: StepDefinition,
        source: Source,
        function: Callable[..., Any],
        config: Mapping[str, Any],
        *,
        log: Log,
        readers: Readers,
        caller: Caller,
        params: Mapping[str, Any],
        definition_path: Path,
        max_child_failures: int | None,
        earlier: Earlier,
    ) -> None:
        self.definition = definition
        self.source = source
        self.params = params
        self.definition_path = definition_path
        self._function = function
        self._config = config
        self._log = log
        self._readers = readers
        self._caller = caller
        self._max_child_failures = max_child_failures
        self._earlier = earlier
        self._due = time.monotonic()  # worker jobs of an earlier attempt end after this
        self._stopped: Stopped | None = None
        self._reason: str | None = None
        self._call: Call | None = None  # of its own function
        self._reporter = Reporter(self._report, self._on_loop)
        self._roster = Roster(earlier.jobs)
        self._function_ended = earlier.function_completed
        self._eta = StepEta(self._roster, self._reporter)
        self._jobs = WorkerJobs(
            self,
            source,
            definition,
            log,
            self._reporter,
            caller,
            self._roster,
            self._tolerate,
        )

    # -- its life

    async def run(self, definition_id: str) -> Status:
        """Run the step to its end, whatever happens in it; its final status.

        :param definition_id: whose earlier runs tell how long it may take
        """
        if self._stopped:  # before its turn on the event loop came
            return await self.end_unstarted("cancelled", self._reason or "")
        started = time.monotonic()
        self._eta.start()
        self._write_status("pending", "running")
        async with anyio.create_task_group() as tasks:
            self._jobs.start()
            tasks.start_soon(self._reporter.run)
            tasks.start_soon(self._eta.look_back, self._readers, definition_id, self.definition.name)
            if self.definition.timeout is not None:
                tasks.start_soon(self._time_out, self.definition.timeout)
            if check(self._function, self._config):
                # Told of the config without its secrets: in a message, where they may be cut, none is known.
                wrong = check(self._function, self._log.redactor.clean_value(self._config))
                self._refuse([str(misfit) for misfit in wrong])
            elif not self._earlier.function_completed:
                self._roster.enter()
                self._call_function()
            self._roster.leave()
            await self._roster.all_ended()
            tasks.cancel_scope.cancel()
        status = roll_up_step(
            self._roster.counts,
            cancelled=self._stopped == "cancelled",
            failed=self._stopped == "failed",
            max_child_failures=self._max_child_failures,
        )
        reason = self._reason or self._shortfall(status)
        self._write_status("running", status, reason, time.monotonic() - started)
        return status

    async def end_unstarted(self, status: Status, reason: str) -> Status:
        """End a step that does not start, with the worker jobs that it has of earlier attempts."""
        self._jobs.stop(reason)
        self._roster.leave()
        await self._roster.all_ended()
        self._write_status("pending", status, reason)
        return status

    def _shortfall(self, status: Status) -> str | None:
        """Why a step did not simply complete, where nothing else says so."""
        if status == "completed":
            return None
        words: tuple[Status, ...] = ("failed", "cancelled")
        counts = self._roster.counts
        missing = [f"{counts[word]} {word}" for word in words if counts.get(word)]
        total = sum(counts.values())
        return f"of {total} worker job{'' if total == 1 else 's'}, {' and '.join(missing)}"

    def _write_status(
        self, previous: Status, status: Status, reason: str | None = None, duration: float | None = None
    ) -> None:
        outcome = Outcome(previous, status, reason, duration)
        self._log.step_status(self.source, self.definition.name, outcome, self._reporter.rest())

    def _refuse(self, problems: list[str]) -> None:
        """Fail without a call: the run's params made the configuration wrong."""
        for problem in problems:
            self._log.line(self.source, "step", "error", problem)
        self.stop("failed", problems[0])

    def _call_function(self) -> None:
        """The step's own function; its end alone does not end the step."""
        spawner = Spawner(queued_at=self._due)
        spawner.remember(self._earlier.own)
        job = Job(self, self.source, "step", self.definition.name, spawner)
        self._call = self._caller.call(job, self._function, self._config, self._end_of_function)

    def _end_of_function(self, ending: Ending) -> None:
        self._function_ended = True
        if ending.status == "completed":
            self._log.function_completed(self.source)
        elif ending.status == "failed" and not self._stopped:
            # What it spawned before runs to its end.
            self._stopped, self._reason = "failed", ending.reason
        self._roster.leave()

    async def _time_out(self, seconds: float) -> None:
        await anyio.sleep(seconds)
        self.stop("failed", f"timed out after {seconds:g} s")

    def _tolerate(self, failed: int) -> None:
        """End the step early once more worker jobs have failed than may."""
        limit = self._max_child_failures
        if limit is not None and failed > limit and not self._stopped:
            self.stop("failed", f"more than {limit} worker jobs failed")

    def stop(self, status: Stopped, reason: str) -> None:
        """End the step early: pending worker jobs are cancelled now, running work at its next ``await``."""
        if self._stopped == "cancelled":
            return
        self._stopped, self._reason = status, reason
        if self._call is not None:
            self._call.cancel()
        self._jobs.stop(reason)

    def cancel(self, reason: str) -> None:
        """Cancel the step for a user."""
        if self._stopped != "cancelled":
            self._log.line(self.source, "step", "warning", reason[0].upper() + reason[1:])
            self.stop("cancelled", reason)

    def cancel_job(self, job_id: str, reason: str) -> bool:
        """Cancel a worker job, with all that it has spawned; False if it has ended."""
        return self._jobs.cancel(job_id, reason)

    def drain(self) -> None:
        """Start no further worker job: the service stops."""
        self._jobs.drain()

    @property
    def settled(self) -> bool:
        """Whether its worker jobs that were cancelled while they were pending have ended."""
        return self._jobs.settled

    @property
    def busy(self) -> bool:
        """Whether something of it runs that may still end by itself."""
        return self._roster.busy

    def _report(self, progress: Mapping[str, Progress]) -> None:
        self._log.progress(self.source, progress, self._eta.seconds(function_ended=self._function_ended))

    def _on_loop(self, function: Callable[[], None]) -> None:
        self._jobs.call_on_loop(function)

    # -- what a job asks for

    def spawn(self, parent: Job, function: Callable[..., Any], arguments: dict[str, Any]) -> Handle:
        """Queue a worker job; see ``Job.spawn``."""
        return self._jobs.spawn(parent, function, arguments)

    async def wait(self, job: WorkerJob) -> None:
        """Wait until a worker job has ended; see ``Host.wait``."""
        await self._jobs.wait(job)

    def write_line(self, job: Job, level: Level, message: str, data: Any) -> None:
        """Append a line; see ``Job.write``."""
        self._log.line(job.source, job.originator, level, message, data)

    def save(self, job: Job, document: Mapping[str, Any]) -> None:
        """Keep a document; see ``Job.save``."""
        self._log.save(job.source, document)

    def documents(self, **wanted: Any) -> list[dict[str, Any]]:
        """Read documents, those just saved included; see ``Job.documents``."""
        self._log.flush()
        return [found for _, found in self._readers.read(lambda db: documents(db, **wanted))]

    def document(self, identity: str) -> dict[str, Any] | None:
        """Read one document; see ``Job.document``."""
        self._log.flush()
        return self._readers.read(lambda db: document(db, identity))

    def progress(self, job: Job, done: float, total: float | None) -> None:
        """Show how far a worker job is; see ``Job.progress``."""
        if job.source.job_id is not None:
            self._reporter.progress(job.source.job_id, done, total)
