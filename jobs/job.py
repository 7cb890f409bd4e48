"""What does a worker function see? Its ``Job``: log, spawn, save and read documents, report progress."""

import contextvars
import functools
import inspect
import json
import logging
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sized
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import anyio

from jobs.nearest import unknown
from jobs.row import Level, Originator, Source
from jobs.store.documents import KEYS, document_id

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")
PROGRESS_SECONDS = 0.1

current: contextvars.ContextVar["Job | None"] = contextvars.ContextVar("stepstream_job", default=None)
"""The job that the present code runs for; child tasks and worker threads inherit it."""


class JobFailed(Exception):
    """A spawned worker job that was awaited did not complete."""


class JobEnded(BaseException):
    """Raised in a thread whose job has ended without it: cancelled, or timed out.

    Not an ``Exception``, so that a worker function's own ``except Exception`` does not swallow it.
    """


def worker(name: str) -> Callable[[F], F]:
    """Mark a function as a step's type: the value of ``type`` in a definition's step.

    :param name: the type's name, for example ``"greet"``
    """
    if not isinstance(name, str):
        raise TypeError('@worker needs the name of the type: @worker("greet")')

    def mark(function: F) -> F:
        function.worker_type = name  # type: ignore[attr-defined]
        return function

    return mark


class Host(Protocol):
    """What a job needs from who runs it."""

    def write_line(
        self, source: Source, originator: Originator, level: Level, message: str, data: Any
    ) -> None: ...
    def spawn(self, parent: "Job", function: Callable[..., Any], arguments: dict[str, Any]) -> "Handle": ...
    def save(self, job: "Job", document: dict[str, Any]) -> "Future[None]": ...
    def documents(self, job: "Job", wanted: dict[str, Any]) -> list[dict[str, Any]]: ...
    def document(self, identity: str) -> dict[str, Any] | None: ...
    def progress(self, job: "Job", done: float, total: float | None) -> None: ...


class JobLog:
    """A job's log: each call is one line in its step, at any level."""

    def __init__(self, job: "Job") -> None:
        self._job = job

    def debug(self, message: str, *args: object, data: Any = None) -> None:
        """A line of level debug; always kept."""
        self._write("debug", message, args, data)

    def info(self, message: str, *args: object, data: Any = None) -> None:
        """A line of level info.

        :param message: a text, with ``%`` placeholders if there are arguments
        :param data: JSON that goes with the line
        """
        self._write("info", message, args, data)

    def warning(self, message: str, *args: object, data: Any = None) -> None:
        """A line of level warning; it changes no status."""
        self._write("warning", message, args, data)

    def error(self, message: str, *args: object, data: Any = None) -> None:
        """A line of level error; it changes no status. To fail a job, raise."""
        self._write("error", message, args, data)

    def exception(self, message: str, *args: object, data: Any = None) -> None:
        """A line of level error with the traceback of the exception that is being handled."""
        text, exception = describe_exception()
        self._write("error", f"{_format(message, args)}\n{text}", (), {"exception": exception, **(data or {})})

    def _write(self, level: Level, message: str, args: tuple[object, ...], data: Any) -> None:
        self._job.write(level, _format(message, args), data)


def _format(message: object, args: tuple[object, ...]) -> str:
    """As ``logging`` formats, but a mistake in the call is shown in the line instead of lost."""
    text = str(message)
    if not args:
        return text
    try:
        return text % args
    except (TypeError, ValueError, KeyError):
        return f"{text} {args!r}"


def describe_exception() -> tuple[str, dict[str, str]]:
    """The traceback of the exception being handled, and its class and text."""
    import sys
    import traceback

    kind, error, trace = sys.exc_info()
    text = "".join(traceback.format_exception(kind, error, trace)).rstrip()
    name = "" if kind is None else kind.__qualname__
    return text, {"class": name, "text": str(error)[:1000]}
