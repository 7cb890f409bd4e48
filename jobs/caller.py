"""How is a worker function called? On the event loop, in a thread or in a process."""

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

    def start(self, tasks: TaskGroup) -> None:
        """Begin, in the event loop that the calls run on.

        Calls begin in the present context, not in that of whoever spawned them or ended before them, and in
        these tasks, which wait for no single one: what was given up may go on for ever.
        """
        self._tasks = tasks
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
        call = Call(job, on_end)
        work = partial(self._work, job, function, arguments, options)
        self._context.run(self._tasks.start_soon, call.run, work, options.timeout)
        return call

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


async def _completed(call: Awaitable[Any]) -> Ending:
    return Ending("completed", await call)


def _in_thread(function: Callable[..., Any], job: Job, arguments: Mapping[str, Any]) -> Any:
    try:
        return function(job, **arguments)
    except JobEnded:
        return None
