"""Who blocks the jobs' event loop? A thread that looks at what the loop's thread runs, ten times a second.

The loop runs one callback at a time, each in a frame of its own: that of asyncio's ``Handle._run``. A frame
that is met again is the same callback, still running, so neither many callbacks in a row nor a busy machine
looks like one that blocks. Only looks are counted, not the time between them: while another thread keeps the
interpreter's lock, this one does not come to look either. A look costs the loop nothing.

Whose callback it is, is told by the context that it runs in (``jobs.job.current``): that holds for the worker
function itself, for the child tasks that it starts, and for callbacks that it leaves with the loop.
"""

import asyncio
import linecache
import logging
import site
import sys
import sysconfig
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import anyio

from jobs.job import Job, current
from jobs.log import Log

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.1
LOOKS = 6  # at one callback: then it has run for half a second at least
AGAIN_SECONDS = (10.0, 60.0)
LINE_CHARACTERS = 100
PROJECT = Path(__file__).parent


@dataclass(frozen=True)
class Blockage:
    """A callback that keeps the loop from going on.

    :param job: whose callback it is; None if of none
    :param seconds: how long it has been seen to run
    :param file: where it is: the innermost line of the user's own code
    :param function: what that line is in
    """

    job: Job | None
    seconds: float
    file: str
    line: int
    function: str

    @property
    def who(self) -> str:
        """The job, as a person reads it."""
        return f"{self.job.name} ({self.job.id})" if self.job else "a callback of no job"

    @property
    def where(self) -> str:
        """The line of code, as a person reads it."""
        place = f"{'/'.join(Path(self.file).parts[-2:])}:{self.line} in {self.function}"
        text = linecache.getline(self.file, self.line).strip()
        return f"{place}: {text[:LINE_CHARACTERS]}" if text else place


class Watchdog:
    """Warns of what blocks an event loop: half a second after it began, and again when it lasts.

    :param thread: the loop's thread; the watch ends with it
    """

    def __init__(self, thread: threading.Thread, log: Log) -> None:
        self._thread = thread
        self._log = log
        self._callback: FrameType | None = None
        self._since = 0.0
        self._looks = 0
        self._warn_after = 0.0

    def start(self) -> None:
        """Start to look."""
        threading.Thread(target=self._watch, name="stepstream-watchdog", daemon=True).start()

    def blockage(self) -> Blockage | None:
        """What blocks the loop at this moment, in any thread."""
        stack = self._stack()
        if not stack or stack[-1] is not self._callback or self._looks < LOOKS:
            return None
        handle = stack[-1].f_locals["self"]
        job = handle._context.get(current) if handle else None
        frame = _to_blame(stack)
        code = frame.f_code
        if _distance(code.co_filename) == OF_OURS:
            job = None  # what the service does in a job's context is no fault of the job
        seconds = time.monotonic() - self._since
        return Blockage(job, seconds, code.co_filename, frame.f_lineno, code.co_qualname)

    def _stack(self) -> list[FrameType]:
        """What the callback that runs now has called, innermost first, itself last; empty between two."""
        stack = list(_outwards(sys._current_frames().get(self._thread.ident or 0)))
        while stack and stack[-1].f_code is not asyncio.Handle._run.__code__:
            stack.pop()
        return stack

    # -- in the thread

    def _watch(self) -> None:
        while self._thread.is_alive():
            self._look()
            blockage = self.blockage()
            if blockage and blockage.seconds >= self._warn_after:
                later = (seconds for seconds in AGAIN_SECONDS if seconds > blockage.seconds)
                self._warn_after = next(later, float("inf"))
                self._warn(blockage)
            time.sleep(LOOK_SECONDS)

    def _look(self) -> None:
        stack = self._stack()
        callback = stack[-1] if stack else None
        # Whoever logs waits for a disk that is full: it is the disk that blocks, and /healthz says so.
        if callback is not self._callback or not self._log.writer.alive:
            self._callback, self._since, self._looks = callback, time.monotonic(), 0
            self._warn_after = 0.0
        self._looks += callback is not None

    def _warn(self, blockage: Blockage) -> None:
        message = f"{blockage.who} blocks the event loop for {blockage.seconds:.1f} s: {blockage.where}"
        if blockage.job is None:
            logger.warning(message)
            return
        data = {
            "blocked_seconds": round(blockage.seconds, 3),
            "file": blockage.file,
            "line": blockage.line,
            "function": blockage.function,
        }
        self._log.line(blockage.job.source, "system", "warning", message, data)


def _outwards(frame: FrameType | None) -> Iterator[FrameType]:
    while frame:
        yield frame
        frame = frame.f_back


def _to_blame(stack: list[FrameType]) -> FrameType:
    """The innermost frame of the user's own code; where there is none, of the code nearest to it."""
    return min(stack, key=lambda frame: _distance(frame.f_code.co_filename))


def _distance(file: str) -> int:
    """How far from the user's own code a file is: the first that fits, from within."""
    return next((distance for folders, distance in DISTANCES if file.startswith(folders)), 0)


OF_PACKAGES, OF_OURS, OF_PYTHON = 1, 2, 3
DISTANCES: tuple[tuple[tuple[str, ...], int], ...] = (
    ((f"{PROJECT}/workers/",), 0),  # worker types that ship are worker functions as any
    ((f"{PROJECT}/", str(PROJECT.parent / "app.py")), OF_OURS),
    ((f"{Path(anyio.__file__).parent}/", "<"), OF_PYTHON),
    (tuple(f"{folder}/" for folder in (*site.getsitepackages(), site.getusersitepackages())), OF_PACKAGES),
    ((f"{sysconfig.get_path('stdlib')}/",), OF_PYTHON),
)
