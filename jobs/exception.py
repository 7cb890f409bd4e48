"""What went wrong in a worker function? Its exception as text, without our own frames around it."""

import traceback
from pathlib import Path
from types import TracebackType

import anyio

OURS = (str(Path(__file__).parent / "call.py"), str(Path(anyio.__file__).parent))
TEXT_CHARACTERS = 1_000


def describe(error: BaseException) -> tuple[str, dict[str, str]]:
    """An exception's traceback as text; and its class and text, for a line's ``data.exception``."""
    trace = _theirs(error.__traceback__)
    text = "".join(traceback.format_exception(type(error), error, trace)).rstrip()
    return text, {"class": type(error).__qualname__, "text": str(error)[:TEXT_CHARACTERS]}


def _theirs(trace: TracebackType | None) -> TracebackType | None:
    """The part of a traceback that begins in the worker function."""
    inner = trace
    while inner and inner.tb_frame.f_code.co_filename.startswith(OURS):
        inner = inner.tb_next
    return inner or trace
