"""How does a step run? Its function, its worker jobs within their places, and its end."""

import asyncio
import contextvars
import itertools
import json
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import anyio
from anyio import CancelScope, CapacityLimiter

from jobs.arguments import exact_json
from jobs.call import Ending, call
from jobs.job import Handle, Job, WorkerJob, current
from jobs.log import Log
from jobs.places import Places
from jobs.row import Level, Source
from jobs.signature import check
from jobs.state import Outcome
from jobs.status import Status, roll_up_step
from jobs.step_definition import StepDefinition
from jobs.store.documents import document, documents
from jobs.store.reader import Readers

PROGRESS_SECONDS = 0.05
Stopped = Literal["cancelled", "failed"]


class StepRun:
    """One step of one run; the host of its jobs.

    A worker job holds one of the step's ``concurrency`` places while it runs. One that awaits another gives
    its place away and takes one back, before pending jobs do, when it goes on.

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
        params: Mapping[str, Any],
        definition_path: Path,
        max_child_failures: int | None,
    ) -> None:
        self.definition = definition
        self.source = source
        self.params = params
        self.definition_path = definition_path
        self._function = function
        self._config = config
        self._log = log
        self._readers = readers
        self._max_child_failures = max_child_failures
        self._numbers = itertools.count(1)
        self._stopped: Stopped | None = None
        self._reason: str | None = None
        self._cancelling = False
        self._draining = False
        self._function_scope = CancelScope()
        self._running: dict[str, CancelScope] = {}
        self._ends: dict[str, anyio.Event] = {}
        self._pending: deque[WorkerJob] = deque()
        self._places = Places(definition.concurrency, self._fill_places)
        # The step's function and its worker jobs that have not ended; spawned in any thread.
        self._alive = 0
        self._over = False
        self._count = threading.Lock()
        self._counts: dict[Status, int] = {}
        self._threads = CapacityLimiter(math.inf)

    # -- its life

    async def run(self) -> Status:
        """Run the step to its end, whatever happens in it; its final status."""
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._changed = anyio.Event()
        self._idle = anyio.Event()
        started = time.monotonic()
        self._write_status("pending", "running")
        async with anyio.create_task_group() as self._tasks:
            # Worker jobs start in this context, not in that of whoever spawned them or ended before them.
            self._context = contextvars.copy_context()
            self._tasks.start_soon(self._report_progress)
            if self.definition.timeout is not None:
                self._tasks.start_soon(self._time_out, self.definition.timeout)
            if check(self._function, self._config):
                # Told of the config without its secrets: in a message, where they may be cut, none is known.
                wrong = check(self._function, self._log.redactor.clean_value(self._config))
                self._refuse([str(misfit) for misfit in wrong])
            else:
                self._tasks.start_soon(self._call_function)
            await self._idle.wait()
            self._tasks.cancel_scope.cancel()
        status = roll_up_step(
            self._counts,
            cancelled=self._stopped == "cancelled",
            failed=self._stopped == "failed",
            max_child_failures=self._max_child_failures,
        )
        reason = self._reason or self._shortfall(status)
        self._write_status("running", status, reason, time.monotonic() - started)
        return status

    def _shortfall(self, status: Status) -> str | None:
        """Why a step did not simply complete, where nothing else says so."""
        if status == "completed":
            return None
        words: tuple[Status, ...] = ("failed", "cancelled")
        missing = [f"{self._counts[word]} {word}" for word in words if self._counts.get(word)]
        return f"of {sum(self._counts.values())} worker jobs, {' and '.join(missing)}"

    def _write_status(
        self, previous: Status, status: Status, reason: str | None = None, duration: float | None = None
    ) -> None:
        outcome = Outcome(previous, status, reason, duration)
        self._log.step_status(self.source, self.definition.name, outcome)

    def _refuse(self, problems: list[str]) -> None:
        """Fail without a start: the run's params made the configuration wrong."""
        for problem in problems:
            self._log.line(self.source, "step", "error", problem)
        self._stopped, self._reason = "failed", problems[0]
        self._over = True
        self._idle.set()

    async def _call_function(self) -> None:
        """The step's own function; its end alone does not end the step."""
        job = Job(self, self.source, "step", self.definition.name)
        self._enter()
        ending = await call(job, self._function, self._config, self._function_scope, self._threads)
        if ending.status == "failed" and not self._stopped:
            # What it spawned before runs to its end.
            self._stopped, self._reason = "failed", ending.reason
        self._leave()

    async def _time_out(self, seconds: float) -> None:
        await anyio.sleep(seconds)
        self.stop("failed", f"timed out after {seconds:g} s")

    async def _report_progress(self) -> None:
        """One report at once for a change; changes within the next 50 ms share the one after."""
        while True:
            await self._changed.wait()
            self._changed = anyio.Event()
            self._log.progress(self.source)
            await anyio.sleep(PROGRESS_SECONDS)

    def _enter(self) -> bool:
        """Count one more that is alive; False if the step is over."""
        with self._count:
            self._alive += not self._over
            return not self._over

    def _leave(self) -> None:
        with self._count:
            self._alive -= 1
            self._over = self._alive == 0
        if self._over:
            self._idle.set()

    def stop(self, status: Stopped, reason: str) -> None:
        """End the step early: pending worker jobs are cancelled now, running work at its next ``await``."""
        if self._stopped == "cancelled":
            return
        self._stopped, self._reason, self._cancelling = status, reason, True
        self._cancel_pending()
        for scope in (self._function_scope, *self._running.values()):
            scope.cancel()

    def _cancel_pending(self) -> None:
        while self._pending:
            self._end(self._pending.popleft(), "pending", Ending("cancelled"))
            self._leave()

    def drain(self) -> None:
        """Start no further worker job: the service stops."""
        self._draining = True

    @property
    def busy(self) -> bool:
        """Whether its function or a worker job is running."""
        return self._alive > len(self._pending)

    # -- worker jobs

    def spawn(self, parent: Job, function: Callable[..., Any], arguments: dict[str, Any]) -> Handle:
        """Queue a worker job; see ``Job.spawn``."""
        text = exact_json(arguments, f"spawn({function.__name__}): its arguments are")
        if not self._enter():  # nothing comes after the end
            raise RuntimeError(f"spawn({function.__name__}): the step has ended")
        ids = self.source
        source = Source(
            ids.manager_id, ids.step_id, ids.step_name, f"{ids.step_id}.{next(self._numbers)}", parent.id
        )
        job = WorkerJob(self, source, function, json.loads(text))
        self._log.spawn(source, job.name, f"{function.__module__}:{job.name}", text)
        self._on_loop(self._enqueue, job)
        return Handle(self, job)

    def _on_loop(self, function: Callable[..., None], *args: Any) -> None:
        """Call in the event loop's thread: now if this is it, else as soon as it can, in order."""
        if threading.get_ident() == self._thread:
            function(*args)
        else:
            self._loop.call_soon_threadsafe(function, *args)

    def _enqueue(self, job: WorkerJob) -> None:
        self._pending.append(job)
        self._changed.set()
        if self._cancelling:
            self._cancel_pending()
        self._fill_places()

    def _fill_places(self) -> None:
        while self._pending and not self._draining and self._places.take():
            job = self._pending.popleft()
            self._running[job.id] = CancelScope()
            self._context.run(self._tasks.start_soon, self._run_job, job)

    async def _run_job(self, job: WorkerJob) -> None:
        job.status = "running"
        self._log.job_status(job.source, job.name, Outcome("pending", "running"))
        self._changed.set()
        started = time.monotonic()
        ending = await call(job, job.function, job.arguments, self._running[job.id], self._threads)
        del self._running[job.id]
        self._end(job, "running", ending, time.monotonic() - started)
        self._leave()
        self._places.give()

    def _end(self, job: WorkerJob, previous: Status, ending: Ending, duration: float | None = None) -> None:
        extra: dict[str, Any] = {}
        if ending.status == "completed":
            try:
                extra["result"] = exact_json(ending.result, f"the result of {job.name} is")
                ending = replace(ending, result=json.loads(extra["result"]))
            except TypeError as error:
                job.write("error", str(error), {"exception": {"class": "TypeError", "text": str(error)}})
                ending = Ending("failed", reason=str(error))
        if job.unsaved_progress:
            extra["progress_done"], extra["progress_total"] = job.unsaved_progress
        reason = self._reason if ending.status == "cancelled" and self._reason else ending.reason
        job.status, job.result, job.reason = ending.status, ending.result, reason
        self._counts[job.status] = self._counts.get(job.status, 0) + 1
        self._log.job_status(job.source, job.name, Outcome(previous, job.status, reason, duration, extra))
        self._changed.set()
        if end := self._ends.pop(job.id, None):
            end.set()
        limit = self._max_child_failures
        if limit is not None and self._counts.get("failed", 0) > limit and not self._stopped:
            self.stop("failed", f"more than {limit} worker jobs failed")

    async def wait(self, job: WorkerJob) -> None:
        """Wait until a worker job has ended; see ``Host.wait``."""
        if job.status not in ("pending", "running"):
            return
        if threading.get_ident() != self._thread:
            raise RuntimeError(
                "a handle is awaited in async worker functions, not in a thread's own event loop"
            )
        end = self._ends.setdefault(job.id, anyio.Event())
        waiting = current.get()
        if not isinstance(waiting, WorkerJob) or waiting.source.step_id != self.source.step_id:
            await end.wait()
            return
        waiting.waits += 1
        if waiting.waits == 1:  # its child tasks may wait for several at once
            self._places.give()
        try:
            await end.wait()
        finally:
            waiting.waits -= 1
            if waiting.waits == 0:
                await self._places.take_back()

    # -- what else a job asks for

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
        """Keep how far a worker job is; see ``Job.progress``."""
        if isinstance(job, WorkerJob):
            self._log.job_progress(job.id, done, total)
