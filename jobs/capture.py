"""How do lines of ``logging`` reach the log? A handler that writes them as lines of the job that runs.

The job is found by context, so a library that a worker function calls needs to know nothing of it: also
after an ``await``, in a child task, and in a worker thread (``anyio.to_thread``, ``asyncio.to_thread``, and
``run_in_executor`` through the executor below). A ``threading.Thread`` of one's own starts with an empty
context before Python 3.14: there, ``job.log`` always knows its job.
"""

import contextvars
import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

from jobs.exception import describe
from jobs.job import current
from jobs.job_log import format_message
from jobs.row import Level

P = ParamSpec("P")
T = TypeVar("T")


class JobLogHandler(logging.Handler):
    """Writes a record as a line of the present job."""

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
        job = current.get()
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


def capture(level: int) -> JobLogHandler:
    """Send the lines of jobs from every logger to the log.

    :param level: the lowest level taken, for example ``logging.INFO``
    :returns: the handler, now on the root logger
    """
    root = logging.getLogger()
    root.setLevel(min(level, root.level or level))
    handler = JobLogHandler(level)
    root.addHandler(handler)
    return handler


class ContextExecutor(ThreadPoolExecutor):
    """An executor whose calls run in the context of who submitted them."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        """As ``ThreadPoolExecutor.submit``."""
        run: Callable[..., Any] = contextvars.copy_context().run
        return super().submit(run, fn, *args, **kwargs)
