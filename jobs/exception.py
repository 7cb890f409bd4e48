"""What went wrong in a worker function? Its exception as text, without our own frames around it."""

import asyncio
import traceback
from pathlib import Path
from types import TracebackType

import anyio

HERE = Path(__file__).parent
# What stands between a job and its function: the calls, and what runs or imports a function.
OURS = (
    str(HERE / "call.py"),
    str(HERE / "caller.py"),
    str(HERE / "process"),
    str(HERE / "worker_types.py"),
    str(Path(anyio.__file__).parent),
    str(Path(asyncio.__file__).parent),
    "<frozen importlib",
)


class Failure(Exception):
    """Raised for what is no fault of the code: its text alone is the reason and the job's last line."""


def describe(error: BaseException) -> tuple[str, dict[str, str]]:
    """An exception's traceback as text; and its class and text, for a line's ``data.exception``.

    An exception that cannot even be shown is described as far as it goes. Nothing is cut here: a secret that
    was cut in two would not be known any more.
    """
    trace = _theirs(error.__traceback__)
    name = type(error).__qualname__
    try:
        said = str(error)
    except Exception as broken:
        said = f"<its text cannot be shown: {type(broken).__name__}>"
    try:
        text = "".join(traceback.format_exception(type(error), error, trace)).rstrip()
    except Exception:  # a SyntaxError of values that are none, a property that raises
        text = f"{''.join(traceback.format_tb(trace))}{name}: {said}"
    return text, {"class": name, "text": said}


def _theirs(trace: TracebackType | None) -> TracebackType | None:
    """The part of a traceback that begins in the worker function."""
    inner = trace
    while inner and inner.tb_frame.f_code.co_filename.startswith(OURS):
        inner = inner.tb_next
    return inner or trace
