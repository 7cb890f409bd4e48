"""How is a worker function called? On the event loop, in a thread or in a process."""

import asyncio
import contextvars
import inspect
import math
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from anyio import CapacityLimiter, to_thread
from anyio.abc import TaskGroup

from jobs.call import Call
from jobs.ending import Ending
from jobs.job import Job, JobEnded
from jobs.mark import Options, options_of
from jobs.process.call import ProcessCall
from jobs.process.processes import Processes


class Caller:
    """Calls worker functions.

    :param processes: for those that run in a process of their own
    """

    def __init__(self, processes: Processes) -> None:
        self._processes = processes
        self._threads = CapacityLimiter(math.inf)
        self._calls: set[asyncio.Task[None]] = set()

    def start(self, tasks: TaskGroup) -> None:
        """Begin, in the event loop that the calls run on.

        Calls begin in the present context, not in that of whoever spawned them or ended before them. Nobody
        waits for their tasks: what was given up may go on for ever.

        :param tasks: where a mistake of ours in such a task is raised
        """
        self._tasks = tasks
        self._loop, main = asyncio.get_running_loop(), asyncio.current_task()
        assert main is not None
        self._main = main
        self._context = contextvars.copy_context()

    def call(
        self,
        job: Job,
        function: Callable[..., Any],
        arguments: Mapping[str, Any],
        on_end: Callable[[Ending], None],
    ) -> Call:
        """Call a worker function soon; what it raises becomes its job's last line.

        :param on_end: called once, on the event loop, with what became of it
        """
        options = options_of(function)
        call = Call(job, on_end, self._main)
        work = partial(self._work, job, function, arguments, options)
        # A task of a task group would cost as much again as all the rest of a short call.
        task = self._loop.create_task(call.run(work, options.timeout), context=self._context.copy())
        self._calls.add(task)
        task.add_done_callback(self._ended)
        return call

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._calls.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self._tasks.start_soon(_raise, error)

    def _work(
        self, job: Job, function: Callable[..., Any], arguments: Mapping[str, Any], options: Options
    ) -> Awaitable[Ending]:
        if options.process:
            process = ProcessCall(self._processes, self._threads, job)
            return process.run(function, arguments, options.memory_mib)
        if inspect.iscoroutinefunction(function):
            return _completed(function(job, **arguments))
        run = partial(_in_thread, function, job, arguments)
        return _completed(to_thread.run_sync(run, abandon_on_cancel=True, limiter=self._threads))


async def _raise(error: BaseException) -> None:
    raise error


async def _completed(call: Awaitable[Any]) -> Ending:
    return Ending("completed", await call)


def _in_thread(function: Callable[..., Any], job: Job, arguments: Mapping[str, Any]) -> Any:
    try:
        return function(job, **arguments)
    except JobEnded:
        return None
