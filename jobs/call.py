"""What becomes of one call of a worker function? It ends, or it is told to end and, if it does not, given up.

A function is told as anyio's scopes do, so that it can shield itself. But a cancelled scope tells it at each
turn of the event loop: that takes a core where it does not listen, and leaves it no time to clean up. So
there are two: the outer one is cancelled, the inner one lets that through for a moment, once a second.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable
from contextlib import suppress

import anyio
from anyio import CancelScope

from jobs.ending import Ending, failed
from jobs.job import Job, current
from jobs.store.writer import Closed

END_SECONDS = 5.0  # that it has to end, once it is told to
AGAIN_SECONDS = 1.0
SOON_SECONDS = 0.02  # where it could not be told


class Call:
    """One call of a worker function, in a task of its own.

    :param job: what the function is given
    :param on_end: called once, on the event loop, with what became of it
    """

    def __init__(self, job: Job, on_end: Callable[[Ending], None]) -> None:
        self._job = job
        self._on_end = on_end
        self._told: Ending | None = None  # what becomes of it, once it is told to end
        self._over = False
        self._scope = CancelScope()
        self._gate = CancelScope()
        self._task: asyncio.Task[None] | None = None
        self._told_at = 0.0
        self._timer: asyncio.TimerHandle | None = None

    async def run(self, work: Callable[[], Awaitable[Ending]], seconds: float | None) -> None:
        """Carry it out, in the task that is its own; what the function raises never leaves here.

        :param seconds: how long it may take; None is no limit
        """
        current.set(self._job)
        task = self._task = asyncio.current_task()
        assert task is not None
        if seconds is not None:
            self._set_timer(seconds, self._time_out, seconds)
        ending = None
        try:
            with self._scope, self._gate:
                if self._told is None:
                    ending = await work()
        except BaseException as error:
            if isinstance(error, asyncio.CancelledError) and _cancelled_from_outside():
                raise
            if not self._over and self._told is None:
                # Also SystemExit, KeyboardInterrupt or a cancellation of its own making: only this job fails.
                ending = failed(self._job, error)
        self._end(ending)
        await _forget_cancellations(task)

    def cancel(self) -> None:
        """Tell it to end. One in a thread is over at once; the thread ends at its next use of the job."""
        self._tell(Ending("cancelled"))

    def _time_out(self, seconds: float) -> None:
        self._tell(Ending("failed", reason=f"timed out after {seconds:g} s"))

    def _tell(self, ending: Ending) -> None:
        first, self._told = self._told is None, ending
        if first and not self._over:
            self._job.told_to_end, self._told_at = True, anyio.current_time()
            self._gate.shield = True
            self._scope.cancel()
            self._tell_now()

    def _tell_now(self) -> None:
        """Tell it, and again when it has not ended a second later; when it has had its time, give it up."""
        if anyio.current_time() - self._told_at >= END_SECONDS:
            self._give_up()
            return
        before = self._cancellations
        self._gate.shield = False
        self._gate.shield = True
        # Not where it shields itself, or is about to go on after what it has awaited.
        was_told = self._cancellations > before
        self._set_timer(AGAIN_SECONDS if was_told else SOON_SECONDS, self._tell_now)

    @property
    def _cancellations(self) -> int:
        return self._task.cancelling() if self._task else 0

    def _give_up(self) -> None:
        """End its job without it: what it still does comes too late."""
        with suppress(Closed):  # the service stops
            text = f"{self._job.name} goes on {END_SECONDS:g} s after it was told to end, and is given up"
            self._job.write("warning", text)
            self._end(None)

    def _end(self, ending: Ending | None) -> None:
        if self._over:
            return
        self._over = True
        if self._timer is not None:
            self._timer.cancel()
        if told := self._told:  # whatever it did when it was told
            if told.reason is not None:
                self._job.write("error", told.reason[0].upper() + told.reason[1:])
            self._job.abandoned = True
            ending = told
        assert ending is not None
        self._on_end(ending)

    def _set_timer(self, seconds: float, function: Callable[..., None], *args: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, function, *args)


def _cancelled_from_outside() -> bool:
    """Whether a scope around the call is cancelled: everything ends."""
    return anyio.current_effective_deadline() == -math.inf


async def _forget_cancellations(task: "asyncio.Task[None]") -> None:
    """That its function was cancelled, or cancelled its own task, must not end all others with this task."""
    if task.cancelling():
        while task.cancelling():
            task.uncancel()
        with suppress(asyncio.CancelledError):  # the one that has not been delivered yet
            await asyncio.sleep(0)
