"""How is the jobs' event loop asked to do something? In a call that gives up on a loop that is blocked."""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from jobs.watchdog import Watchdog

T = TypeVar("T")
ANSWER_SECONDS = 5.0


class Blocked(Exception):
    """The loop does not answer; the message says what blocks it, and whether what was asked for has begun."""


async def call(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, T], watchdog: Watchdog) -> T:
    """Await a coroutine that runs on another event loop.

    :param watchdog: that of the other loop
    :raises Blocked: it does not answer; nothing was done, unless the message says that it has begun
    """
    asked: Future[T] = Future()
    loop.call_soon_threadsafe(_begin, loop, coroutine, asked)
    answer = asyncio.wrap_future(asked)
    try:
        while not (await asyncio.wait([answer], timeout=ANSWER_SECONDS))[0]:
            blockage = watchdog.blockage()
            state = f"is blocked by {blockage.who}, {blockage.where}" if blockage else "does not answer"
            # A future is cancelled or begun, never both: what is given up here does not begin later.
            if asked.cancel():
                raise Blocked(f"the jobs' event loop {state}; try again")
            # What has begun only waits for the disk, unless the loop has not got further since.
            if blockage and blockage.seconds >= ANSWER_SECONDS:
                raise Blocked(f"the jobs' event loop {state}; what was asked for has begun and goes on then")
        return await answer
    finally:
        answer.cancel()


def _begin(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, T], asked: "Future[T]") -> None:
    """Carry the coroutine out, unless who asked for it has given up."""
    if not asked.set_running_or_notify_cancel():
        coroutine.close()
        return

    def ended(task: "asyncio.Task[T]") -> None:
        if task.cancelled():
            asked.set_exception(Blocked("the jobs' event loop has ended"))
        elif error := task.exception():
            asked.set_exception(error)
        else:
            asked.set_result(task.result())

    loop.create_task(coroutine).add_done_callback(ended)
