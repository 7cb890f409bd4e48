"""How do a step's worker jobs go? Spawned, queued, run within its places, tried again, cancelled."""

import asyncio
import itertools
import json
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import replace
from functools import partial
from typing import Any

from jobs.arguments import exact_json
from jobs.caller import Caller
from jobs.cancelled import Cancelled
from jobs.ending import Ending, as_read_back
from jobs.job import Handle, Host, Job, current
from jobs.log import Log
from jobs.pending import Pending
from jobs.places import Places
from jobs.reporter import Reporter
from jobs.retry_delay import retry_delay
from jobs.roster import Roster
from jobs.row import Source
from jobs.state import Outcome
from jobs.status import LIVE, Status
from jobs.step_definition import StepDefinition
from jobs.worker_job import Spawner, WorkerJob

# Bounds of a recursion that has no end.
MOST_DEPTH = 100
MOST_JOBS = 1_000_000


class WorkerJobs:
    """The worker jobs of one step.

    A worker job holds one of the step's ``concurrency`` places while it runs. One that awaits another gives
    its place away and takes one back, before pending jobs do, when it goes on.

    :param host: what the jobs are given
    :param roster: with the worker jobs of earlier attempts; those that are pending run again
    :param on_failure: called with the number of those that failed, at each further one
    """

    def __init__(
        self,
        host: Host,
        source: Source,
        definition: StepDefinition,
        log: Log,
        reporter: Reporter,
        caller: Caller,
        roster: Roster,
        on_failure: Callable[[int], None],
    ) -> None:
        self._host = host
        self._source = source
        self._definition = definition
        self._log = log
        self._reporter = reporter
        self._caller = caller
        self._on_failure = on_failure
        self._places = Places(definition.concurrency, self._fill_places)
        self._roster = roster
        self._pending = Pending(roster.live.values(), self._fill_places)
        self._cancelled = Cancelled(log, reporter, roster)
        self._stopped: str | None = None  # the reason
        self._draining = False
        self._spawning = threading.Lock()
        self._numbers = itertools.count(roster.next_number)

    # -- its life, driven by the step

    def start(self) -> None:
        """Begin, in the event loop that all of it belongs to."""
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._fill_places()

    def stop(self, reason: str) -> None:
        """Cancel them all: the pending ones now, the running ones at their next ``await``."""
        self._stopped = reason
        self._cancel(list(self._roster.live.values()), reason)

    def drain(self) -> None:
        """Start no further one: the service stops."""
        self._draining = True

    @property
    def settled(self) -> bool:
        """Whether those that were cancelled while they were pending have ended."""
        return self._cancelled.all_ended

    def call_on_loop(self, function: Callable[..., None], *args: Any) -> None:
        """Call in the event loop's thread: now if this is it, else as soon as it can, in order."""
        if threading.get_ident() == self._thread:
            function(*args)
        else:
            self._loop.call_soon_threadsafe(function, *args)

    # -- spawning, in any thread

    def spawn(self, parent: Job, function: Callable[..., Any], arguments: dict[str, Any]) -> Handle:
        """Queue a worker job, or find the one that an earlier try of the parent spawned with this call.

        See ``Job.spawn``.
        """
        name = function.__name__
        text = exact_json(arguments, f"spawn({name}): its arguments are")
        arguments = json.loads(text)  # as they are read back
        spawner, path = parent.spawner, f"{function.__module__}:{name}"
        if spawner.depth >= MOST_DEPTH:
            raise RecursionError(f"spawn({name}): worker jobs are nested deeper than {MOST_DEPTH}")
        if not self._roster.enter():  # nothing comes after the end
            raise RuntimeError(f"spawn({name}): the step has ended")
        with self._spawning:  # several threads of one job may spawn
            known = spawner.again(path, arguments)
        if known is not None:
            known.function = function
            self.call_on_loop(self._spawn_again, known, spawner)
            return Handle(self._host, known)
        number = next(self._numbers)
        if number > MOST_JOBS:
            self.call_on_loop(self._roster.leave)
            raise RecursionError(f"spawn({name}): a step has at most {MOST_JOBS:,} worker jobs")
        ids = self._source
        source = Source(ids.manager_id, ids.step_id, ids.step_name, f"{ids.step_id}.{number}", parent.id)
        job = WorkerJob(
            depth=spawner.depth + 1,
            queued_at=time.monotonic(),
            source=source,
            function=function,
            function_path=path,
            arguments=arguments,
        )
        self._log.spawn(source, name, path, text)
        self._roster.live[job.id] = job
        # Last: from here on the loop, in its thread, may find and cancel it.
        if spawner.depth:  # a step's own function runs once in a StepRun: nobody looks for its children
            spawner.children.append(job)
        self.call_on_loop(self._enqueue, job, spawner)
        return Handle(self._host, job)

    def _enqueue(self, job: WorkerJob, spawner: Spawner) -> None:
        self._reporter.changed()
        if job.status == "pending":  # and not cancelled since
            if reason := self._stopped or (spawner.cancelled and f"{spawner.cancelled} (its parent)"):
                self._cancel([job], reason)
            else:
                self._pending.add(job)
                self._fill_places()

    def _spawn_again(self, job: WorkerJob, spawner: Spawner) -> None:
        """One that failed before its parent's present try was due runs again; a cancelled one does not."""
        again = job.status == "failed" and job.ended_at < spawner.queued_at
        if not again or self._stopped or spawner.cancelled:
            self._roster.leave()
            return
        self._roster.reopened(job)
        job.tries = 0
        job.remember(job.children)
        self._make_pending(job, job.status, "its parent is tried again")
        self._enqueue(job, spawner)

    # -- running

    def _fill_places(self) -> None:
        while not (self._draining or self._pending.empty) and self._places.take():
            self._begin(self._pending.next())

    def _begin(self, job: WorkerJob) -> None:
        try_ = Job(self._host, job.source, "worker", job.name, job)
        job.status, job.started_at = "running", time.monotonic()
        self._roster.running += 1
        self._log.job_status(job.source, job.name, Outcome("pending", "running"))
        self._reporter.changed()
        assert job.function is not None
        on_end = partial(self._end_of_call, job, try_)
        job.call = self._caller.call(try_, job.function, job.arguments, on_end)

    def _end_of_call(self, job: WorkerJob, try_: Job, ending: Ending) -> None:
        ending, result = as_read_back(try_, ending)
        duration = time.monotonic() - job.started_at
        job.call = None
        self._roster.running -= 1
        if ending.status == "failed" and job.tries < self._definition.retries and job.cancelled is None:
            self._try_again(job, ending, duration)
        else:
            self._end(job, "running", ending, duration, result)
        self._places.give()

    def _try_again(self, job: WorkerJob, ending: Ending, duration: float) -> None:
        """Queue it for its next try, after the delay."""
        job.tries += 1
        delay = retry_delay(self._definition.retry_delay, job.tries)
        tries = f"try {job.tries} of {self._definition.retries + 1}"
        reason = f"{tries} failed: {ending.reason}; the next one in {delay:.1f} s"
        job.remember(job.children)
        self._make_pending(job, "running", reason, duration)
        self._reporter.changed()
        self._pending.add_later(job, delay)

    def _make_pending(
        self, job: WorkerJob, previous: Status, reason: str, duration: float | None = None
    ) -> None:
        """Let it wait for its next attempt."""
        self._reporter.forget(job.id)
        job.source = replace(job.source, attempt=job.source.attempt + 1)
        job.status, job.reason, job.queued_at = "pending", reason, time.monotonic()
        extra = {"attempt": job.source.attempt, "progress_done": None, "progress_total": None}
        outcome = Outcome(previous, "pending", reason, duration, extra)
        self._log.job_status(job.source, job.name, outcome)

    def _end(
        self, job: WorkerJob, previous: Status, ending: Ending, duration: float | None, result: str | None
    ) -> None:
        extra: dict[str, Any] = {} if result is None else {"result": result}
        if progress := self._reporter.ended(job.id):
            extra["progress_done"], extra["progress_total"] = progress
        reason = job.cancelled if ending.status == "cancelled" else ending.reason
        self._roster.ended(job, ending.status, reason, ending.result)
        self._log.job_status(job.source, job.name, Outcome(previous, job.status, reason, duration, extra))
        self._reporter.changed()
        if ending.status == "failed":
            self._on_failure(self._roster.counts["failed"])
        self._roster.leave()

    # -- cancelling

    def cancel(self, job_id: str, reason: str) -> bool:
        """Cancel one, with all that it has spawned; False if it has ended."""
        job = self._roster.live.get(job_id)
        if job is None:
            return False
        if job.cancelled is None:
            self._log.line(job.source, "worker", "warning", reason[0].upper() + reason[1:])
            self._cancel([job], reason)
        return True

    def _cancel(self, jobs: Collection[WorkerJob], reason: str) -> None:
        """Tell those that run to end; from now on none that is pending will run."""
        pending: list[WorkerJob] = []
        why = reason
        while jobs:
            for job in jobs:
                if job.status in LIVE and job.cancelled is None:
                    job.cancelled = why
                    if job.call is not None:
                        job.call.cancel()
                    elif job.status == "pending":
                        pending.append(job)
            jobs = [child for job in jobs for child in job.children]
            why = f"{reason} (its parent)"
        self._pending.forget(pending)
        self._cancelled.end(pending)

    # -- waiting

    async def wait(self, job: WorkerJob) -> None:
        """Wait until a worker job has ended; see ``Host.wait``."""
        if job.status not in LIVE:
            return
        if threading.get_ident() != self._thread:
            raise RuntimeError(
                "a handle is awaited in async worker functions, not in a thread's own event loop"
            )
        waiting = current.get()
        if waiting is None or waiting.source.job_id is None or waiting.source.step_id != self._source.step_id:
            await self._roster.ending(job)
            return
        waiting.waits += 1
        if waiting.waits == 1:  # its child tasks may wait for several at once
            self._places.give()
        try:
            await self._roster.ending(job)
        finally:
            waiting.waits -= 1
            if waiting.waits == 0 and waiting.told_to_end:
                self._places.owe()
            elif waiting.waits == 0:
                await self._places.take_back()
