"""How is a worker function called? On the event loop, in a thread or in a process, and what became of it."""

import asyncio
import inspect
import math
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

import anyio
from anyio import CancelScope, CapacityLimiter, to_thread

from jobs.ending import Ending, failed
from jobs.job import Job, JobEnded, current
from jobs.mark import options_of
from jobs.process.call import ProcessCall
from jobs.process.processes import Processes


class TimedOut(Exception):
    """A call took longer than its function may."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"timed out after {seconds:g} s")


class Caller:
    """Calls worker functions.

    :param processes: for those that run in a process of their own
    """

    def __init__(self, processes: Processes) -> None:
        self._processes = processes
        self._threads = CapacityLimiter(math.inf)

    async def call(
        self, job: Job, function: Callable[..., Any], arguments: Mapping[str, Any], scope: CancelScope
    ) -> Ending:
        """Call a worker function; what it raises becomes its job's last line, and never leaves here.

        A cancelled call in a thread is given up at once; the thread ends at its next use of the job.

        :param scope: cancels the call
        """
        current.set(job)
        task = asyncio.current_task()
        assert task is not None
        before = task.cancelling()
        ending = await _outcome(job, self._run(job, function, arguments), scope)
        if task.cancelling() > before:
            await _forget_cancellations(task, before)
        return ending

    async def _run(self, job: Job, function: Callable[..., Any], arguments: Mapping[str, Any]) -> Ending:
        options = options_of(function)
        call: Awaitable[Ending]
        if options.process:
            process = ProcessCall(self._processes, self._threads, job)
            call = process.run(function, arguments, options.memory_mib)
        elif inspect.iscoroutinefunction(function):
            call = _completed(function(job, **arguments))
        else:
            run = partial(_in_thread, function, job, arguments)
            call = _completed(to_thread.run_sync(run, abandon_on_cancel=True, limiter=self._threads))
        return await (call if options.timeout is None else _within(options.timeout, call))


async def _completed(call: Awaitable[Any]) -> Ending:
    return Ending("completed", await call)


async def _within(seconds: float, call: Awaitable[Ending]) -> Ending:
    """Await a call, but not for longer.

    :raises TimedOut: it took longer, whatever it did when it was told to end
    """
    limit = CancelScope(deadline=anyio.current_time() + seconds)
    try:
        with limit:
            ending = await call
            if not limit.cancel_called:
                return ending
    except Exception:
        if not limit.cancel_called:
            raise
    raise TimedOut(seconds)


async def _outcome(job: Job, call: Awaitable[Ending], scope: CancelScope) -> Ending:
    try:
        with scope:
            ending = await call
            if not scope.cancel_called:
                return ending
    except BaseException as error:
        if isinstance(error, anyio.get_cancelled_exc_class()) and _cancelled_from_outside():
            raise
        if not scope.cancel_called:
            # Also SystemExit, KeyboardInterrupt or a cancellation of its own making: only this job fails.
            return _timed_out(job, error) if isinstance(error, TimedOut) else failed(job, error)
    job.abandoned = True
    return Ending("cancelled")


def _timed_out(job: Job, error: TimedOut) -> Ending:
    reason = str(error)
    job.write("error", reason[0].upper() + reason[1:])
    job.abandoned = True
    return Ending("failed", reason=reason)


def _cancelled_from_outside() -> bool:
    """Whether a scope around the call is cancelled: everything ends."""
    return anyio.current_effective_deadline() == -math.inf


async def _forget_cancellations(task: "asyncio.Task[Any]", before: int) -> None:
    """A function may have cancelled its own task: that must not outlive it and end the step's other jobs."""
    while task.cancelling() > before:
        task.uncancel()
    with suppress(asyncio.CancelledError):  # the one that has not been delivered yet
        await asyncio.sleep(0)


def _in_thread(function: Callable[..., Any], job: Job, arguments: Mapping[str, Any]) -> Any:
    try:
        return function(job, **arguments)
    except JobEnded:
        return None
