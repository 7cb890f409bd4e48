"""How is a worker function called? On the event loop or in a thread, and what became of it."""

import asyncio
import inspect
import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import anyio
from anyio import CancelScope, CapacityLimiter, to_thread

from jobs.exception import describe
from jobs.job import Job, JobEnded, current


@dataclass(frozen=True)
class Ending:
    """How a call ended: ``completed`` with a result, ``failed`` with a reason, or ``cancelled``."""

    status: Literal["completed", "failed", "cancelled"]
    result: Any = None
    reason: str | None = None


async def call(
    job: Job,
    function: Callable[..., Any],
    arguments: Mapping[str, Any],
    scope: CancelScope,
    threads: CapacityLimiter,
) -> Ending:
    """Call a worker function; what it raises becomes its job's last line, and never leaves here.

    A cancelled call of a plain function is given up at once; its thread ends at its next use of the job.

    :param scope: cancels the call
    :param threads: how many plain functions may run at once
    """
    current.set(job)
    task = asyncio.current_task()
    assert task is not None
    before = task.cancelling()
    ending = await _call(job, function, arguments, scope, threads)
    if task.cancelling() > before:
        await _forget_cancellations(task, before)
    return ending


async def _forget_cancellations(task: "asyncio.Task[Any]", before: int) -> None:
    """A function may have cancelled its own task: that must not outlive it and end the step's other jobs."""
    while task.cancelling() > before:
        task.uncancel()
    with suppress(asyncio.CancelledError):  # the one that has not been delivered yet
        await asyncio.sleep(0)


async def _call(
    job: Job,
    function: Callable[..., Any],
    arguments: Mapping[str, Any],
    scope: CancelScope,
    threads: CapacityLimiter,
) -> Ending:
    try:
        with scope:
            if inspect.iscoroutinefunction(function):
                result = await function(job, **arguments)
            else:
                run = partial(_in_thread, function, job, arguments)
                result = await to_thread.run_sync(run, abandon_on_cancel=True, limiter=threads)
            if not scope.cancel_called:
                return Ending("completed", result)
    except BaseException as error:
        if isinstance(error, anyio.get_cancelled_exc_class()) and _cancelled_from_outside():
            raise
        if not scope.cancel_called:
            # Also SystemExit, KeyboardInterrupt or a cancellation of its own making: only this job fails.
            text, exception = describe(error)
            job.write("error", text, {"exception": exception})
            return Ending("failed", reason=f"{exception['class']}: {exception['text']}")
    job.abandoned = True
    return Ending("cancelled")


def _cancelled_from_outside() -> bool:
    """Whether a scope around the call is cancelled: everything ends."""
    return anyio.current_effective_deadline() == -math.inf


def _in_thread(function: Callable[..., Any], job: Job, arguments: Mapping[str, Any]) -> Any:
    try:
        return function(job, **arguments)
    except JobEnded:
        return None
