"""Where do jobs run? On an event loop in a thread of its own, with a watchdog beside it.

A worker function that blocks this loop delays other jobs, never the HTTP side that has to show it.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import anyio
from anyio.abc import TaskGroup

from jobs import loop_call
from jobs.job_loop import JobLoop
from jobs.log import Log
from jobs.watchdog import Watchdog

T = TypeVar("T")
EXECUTOR_THREADS = 256


class JobThread:
    """The thread, its event loop, and the tasks on it.

    :param on_start: called with the task group, on the loop, before anything else is
    :param on_death: called in the thread if its loop ends by an error
    """

    def __init__(
        self, log: Log, on_start: Callable[[TaskGroup], None], on_death: Callable[[BaseException], None]
    ) -> None:
        self._on_start = on_start
        self._on_death = on_death
        self.alive = False
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop
        self.tasks: TaskGroup
        # Daemon: a worker function that never gives the loop back must not keep the process from ending.
        self._thread = threading.Thread(target=self._main, name="stepstream-jobs", daemon=True)
        self._watchdog = Watchdog(self._thread, log)

    def start(self) -> None:
        """Start the event loop."""
        self._thread.start()
        self._ready.wait()
        self._watchdog.start()

    def _main(self) -> None:
        try:
            anyio.run(self._serve, backend_options={"loop_factory": JobLoop})
        except BaseException as error:
            self._die(error)
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.set_default_executor(ThreadPoolExecutor(EXECUTOR_THREADS, "stepstream-executor"))
        self._stop = anyio.Event()
        try:
            async with anyio.create_task_group() as self.tasks:
                self._on_start(self.tasks)
                self.alive = True
                self._ready.set()
                await self._stop.wait()
                self.tasks.cancel_scope.cancel()
        except BaseException as error:
            # Said here: what closes the loop after this waits for the threads of worker functions.
            self._die(error)
        finally:
            self.alive = False

    def _die(self, error: BaseException) -> None:
        if self.alive:
            self.alive = False
            self._on_death(error)

    @property
    def blocked_seconds(self) -> float:
        """How long a callback has been seen to keep the loop by now; 0 if none does for half a second."""
        blockage = self._watchdog.blockage()
        return blockage.seconds if blockage else 0.0

    # -- from other threads

    async def call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Await a coroutine on the loop, from another event loop.

        :raises Blocked: a worker function keeps the loop
        """
        return await loop_call.call(self._loop, coroutine, self._watchdog)

    def submit(self, coroutine: Coroutine[Any, Any, T]) -> "Future[T]":
        """Run a coroutine on the loop, without waiting for it.

        :raises RuntimeError: the loop has closed
        """
        try:
            return asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        except RuntimeError:
            coroutine.close()
            raise

    def stop(self) -> None:
        """End the event loop, if a worker function does not keep it."""
        with contextlib.suppress(RuntimeError):  # closed: it has died
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(0.2)
