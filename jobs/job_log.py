"""How does a worker function write lines? Its ``job.log``, with a method for each level."""

import sys
from collections.abc import Callable, Mapping
from typing import Any

from jobs.exception import describe
from jobs.row import Level


class JobLog:
    """A job's log: each call is one line in its step, at any level."""

    def __init__(self, write: Callable[[Level, str, Any], None]) -> None:
        self._write_line = write

    def debug(self, message: str, *args: object, data: Any = None) -> None:
        """A line of level debug; always kept."""
        self._write_line("debug", format_message(message, args), data)

    def info(self, message: str, *args: object, data: Any = None) -> None:
        """A line of level info.

        :param message: a text, with ``%`` placeholders if there are arguments
        :param data: JSON that goes with the line
        """
        self._write_line("info", format_message(message, args), data)

    def warning(self, message: str, *args: object, data: Any = None) -> None:
        """A line of level warning; it changes no status."""
        self._write_line("warning", format_message(message, args), data)

    def error(self, message: str, *args: object, data: Any = None) -> None:
        """A line of level error; it changes no status. To fail a job, raise."""
        self._write_line("error", format_message(message, args), data)

    def exception(self, message: str, *args: object, data: Any = None) -> None:
        """A line of level error with the traceback of the exception that is being handled."""
        error = sys.exception()
        message = format_message(message, args)
        if error is not None:
            text, exception = describe(error)
            more = data if isinstance(data, Mapping) else {} if data is None else {"data": data}
            message, data = f"{message}\n{text}", {"exception": exception, **more}
        self._write_line("error", message, data)


def format_message(message: object, args: Any) -> str:
    """As ``logging`` formats, but a mistake in the call is shown in the line instead of lost."""
    try:
        return str(message) % args if args else str(message)
    except Exception:
        try:
            return f"{message} {args!r}"
        except Exception:
            return f"<{type(message).__name__} that cannot be shown>"
