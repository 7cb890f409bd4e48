"""How do lines of ``logging`` reach the log? A handler that writes them as lines of the job that runs.

The job is found by context, so a library that a worker function calls needs to know nothing of it: also
after an ``await``, in a child task, and in a worker thread. ``anyio`` and ``asyncio.to_thread`` hand the
context on by themselves. A ``threading.Thread`` does so from Python 3.14 on, and the threads of an executor
never do; here both do, as long as the capture lasts.
"""

import contextvars
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from jobs.exception import describe
from jobs.job import Job, current
from jobs.job_log import format_message
from jobs.row import Level

T = TypeVar("T")


class JobLogHandler(logging.Handler):
    """Writes a record as a line of the present job.

    :param only: the job of what has no job in its context; where one process runs for one job
    """

    def __init__(self, level: int, only: Job | None = None) -> None:
        super().__init__(level)
        self.only = only

    def handle(self, record: logging.LogRecord) -> bool:
        """Write the record if the filters let it pass.

        Without the handler's lock: a job that waits for the disk must not stop every thread that logs.
        """
        passed = self.filter(record)
        if passed:  # since Python 3.12 a filter may give another record
            self.emit(passed if isinstance(passed, logging.LogRecord) else record)
        return bool(passed)

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record.

        :raises JobEnded: the job was given up while this thread went on
        """
        job = current.get() or self.only
        if job is None:
            _outside(self, record)
            return
        try:
            message = record.getMessage()
        except Exception:
            message = format_message(record.msg, record.args)
        data = None
        if record.exc_info and record.exc_info[1]:
            text, exception = describe(record.exc_info[1])
            message, data = f"{message}\n{text}", {"exception": exception}
        job.write(_level(record.levelno), message, data)


def _outside(handler: logging.Handler, record: logging.LogRecord) -> None:
    """A record of no job: shown as ``logging`` does when nobody has configured it, else left to others."""
    last = logging.lastResort
    if last and record.levelno >= last.level and logging.getLogger().handlers == [handler]:
        last.handle(record)


def _level(number: int) -> Level:
    if number >= logging.ERROR:
        return "error"
    if number >= logging.WARNING:
        return "warning"
    return "info" if number >= logging.INFO else "debug"


def capture(level: int, only: Job | None = None) -> JobLogHandler:
    """Send the lines of jobs from every logger to the log.

    :param level: the lowest level taken, for example ``logging.INFO``
    :param only: the one job of this process, if it is of one only
    :returns: the handler, now on the root logger
    """
    root = logging.getLogger()
    root.setLevel(min(level, root.level or level))
    handler = JobLogHandler(level, only)
    root.addHandler(handler)
    # Methods of the standard library are replaced, which mypy rightly minds: nothing else hands contexts on.
    # ``release`` puts them back.
    threading.Thread.start = _start  # type: ignore[assignment, method-assign]
    ThreadPoolExecutor.submit = _submit  # type: ignore[assignment, method-assign]
    return handler


def release(handler: JobLogHandler) -> None:
    """Undo ``capture``."""
    logging.getLogger().removeHandler(handler)
    threading.Thread.start = _plain_start  # type: ignore[method-assign]
    ThreadPoolExecutor.submit = _plain_submit  # type: ignore[method-assign]


_plain_start = threading.Thread.start
_plain_submit = ThreadPoolExecutor.submit


def _start(thread: threading.Thread) -> None:
    """As ``Thread.start``, but a thread that a job starts runs in the job's context."""
    if current.get() is not None:
        # Of this one thread, whatever its class makes of ``run``; the types know no method of an instance.
        thread.run = partial(contextvars.copy_context().run, thread.run)  # type: ignore[method-assign]
    _plain_start(thread)


def _submit(executor: ThreadPoolExecutor, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> "Future[T]":
    """As ``submit``, but in the context of who submits: its threads may have been started by another job."""
    return _plain_submit(executor, contextvars.copy_context().run, fn, *args, **kwargs)
