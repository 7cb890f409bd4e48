"""What happens in the process of a worker function? It is imported and called, with a ``Job`` of its own."""

import asyncio
import contextlib
import inspect
import os
import resource
import signal
import sys
from collections.abc import Coroutine, Mapping
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from jobs import worker_types
from jobs.arguments import exact_json
from jobs.capture import JobLogHandler, capture
from jobs.ending import Ending, failed
from jobs.job import Job, JobEnded, current
from jobs.process.connection import Connection
from jobs.process.remote_host import RemoteHost
from jobs.row import Source


def run(connection: Connection) -> NoReturn:
    """Run the one call that the service sends, and leave."""
    messages = connection.receive()
    _, call = next(messages)
    sys.path[:] = call["path"]
    host = RemoteHost(connection, messages, call["params"], Path(call["definition_path"]))
    job = Job(host, Source(**call["source"]), call["originator"], call["name"])
    current.set(job)
    handler = capture(call["log_level"], job)
    os.register_at_fork(after_in_child=lambda: _let_go(host, handler))
    ending = _call(job, call)
    host.send_progress()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    connection.send("end", ending.status, ending.result, ending.reason)
    os._exit(0)


def _let_go(host: RemoteHost, handler: JobLogHandler) -> None:
    """In a process that the worker function forks: it has no job, and ends when it is told to."""
    host.is_copy = True
    current.set(None)
    handler.only = None
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _call(job: Job, call: Mapping[str, Any]) -> Ending:
    told = Told()
    signal.signal(signal.SIGTERM, told.in_function)
    try:
        folder = call["workers"]
        function = worker_types.find(call["function"], folder and Path(folder))
        if inspect.iscoroutinefunction(function):
            result = told.run(function(job, **call["arguments"]))
        else:
            result = function(job, **call["arguments"])
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    except BaseException as error:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        if not told.to_end:
            _lift_memory_limit()
            return failed(job, error)
        result = None
    if told.to_end:  # its last lines are sent
        os.kill(os.getpid(), signal.SIGTERM)
    if job.originator == "step":  # nobody has its result
        return Ending("completed")
    try:
        exact_json(result, f"the result of {job.name} is")
    except TypeError as error:
        job.write("error", str(error), {"exception": {"class": "TypeError", "text": str(error)}})
        return Ending("failed", reason=str(error))
    return Ending("completed", result)


def _lift_memory_limit() -> None:
    """What is left to do is to tell the error, and that takes some memory."""
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


class Told:
    """Whether the process was told to end, by SIGTERM: its function is cancelled then."""

    def __init__(self) -> None:
        self.to_end = False

    def in_function(self, number: int, frame: FrameType | None) -> None:
        """End a plain function wherever it is."""
        self.to_end = True
        raise JobEnded

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run an async function, which is cancelled at its next ``await``."""
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        task = loop.create_task(coroutine)

        def cancel() -> None:
            self.to_end = True
            task.cancel()

        loop.add_signal_handler(signal.SIGTERM, cancel)
        return loop.run_until_complete(task)
