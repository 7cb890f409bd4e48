"""The command ``stepstream`` for a test: a process of its own, its output comes by pipes or a terminal."""

import fcntl
import io
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from app import open_engine, serve
from jobs.cli import commands
from tests.service_process import ROOT, Service

SECONDS = 30.0
CONTROL = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def environment(service: Service | None, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a command that finds a service, and of one without any."""
    own = {key: value for key, value in os.environ.items() if not key.startswith("STEPSTREAM_")}
    own.pop("NO_COLOR", None)
    where = {"STEPSTREAM_URL": service.url} if service else {}
    return own | {"TERM": "xterm"} | where | dict(more or {})


def line_of(*words: str) -> list[str]:
    """The command line."""
    return [sys.executable, str(ROOT / "app.py"), *words]


@dataclass
class Done:
    """A command that has ended."""

    returncode: int
    stdout: str
    stderr: str


def command(*words: str, service: Service | None = None, **environ: str) -> Done:
    """Run it to its end, in this process: starting another costs more than all else."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        status = commands.run(words, environment(service, environ), serve, open_engine)
    return Done(status, out.getvalue(), err.getvalue())


def process(*words: str, cwd: Path, **environ: str) -> "subprocess.CompletedProcess[str]":
    """Run it to its end, in a process of its own."""
    return subprocess.run(
        line_of(*words),
        env=environment(None, environ),
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


@contextmanager
def started(
    *words: str, service: Service | None = None, cwd: Path | None = None, **environ: str
) -> "Iterator[subprocess.Popen[str]]":
    """Run it meanwhile, through pipes; it is killed if it has not ended."""
    with subprocess.Popen(
        line_of(*words),
        env=environment(service, environ),
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


class Terminal:
    """A terminal in which the command runs; what it shows is read until something is there."""

    def __init__(self, descriptor: int, process: "subprocess.Popen[bytes]") -> None:
        self._descriptor = descriptor
        self._process = process
        self._bytes = b""
        self.raw = ""

    def read_until(self, wanted: Callable[[str], object]) -> None:
        """Read until what was shown fulfils a condition."""
        end = time.monotonic() + SECONDS
        while not wanted(self.raw):
            assert time.monotonic() < end, f"it did not show what was wanted:\n{self.raw}"
            assert self._read(), f"it ended without what was wanted:\n{self.raw}"

    def type(self, text: str) -> None:
        """Type something; ``\\x03`` is Ctrl-C."""
        os.write(self._descriptor, text.encode())

    def resize(self, columns: int, lines: int = 24) -> None:
        """Another size."""
        fcntl.ioctl(self._descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def wait(self) -> int:
        """Read what is left; the exit status."""
        end = time.monotonic() + SECONDS
        while self._read():
            assert time.monotonic() < end, f"it did not end:\n{self.raw}"
        return self._process.wait(SECONDS)

    def _read(self) -> bool:
        """Read what there is, after a while nothing; False once the command has closed the terminal."""
        if not select.select([self._descriptor], [], [], 0.5)[0]:
            return True
        try:
            piece = os.read(self._descriptor, 65536)
        except OSError:  # Linux: the other end is closed
            return False
        self._bytes += piece  # a piece may end within a character
        self.raw = self._bytes.decode("utf-8", "replace").replace("\r\n", "\n")
        return bool(piece)

    @property
    def screen(self) -> list[str]:
        """The lines as they stand there now."""
        return screen(self.raw)


@contextmanager
def in_terminal(
    *words: str, service: Service | None = None, columns: int = 100, cwd: Path | None = None, **environ: str
) -> Iterator[Terminal]:
    """Run it in a terminal; it is killed if it has not ended."""
    outside, inside = pty.openpty()
    with subprocess.Popen(
        line_of(*words),
        env=environment(service, environ),
        cwd=cwd,
        stdin=inside,
        stdout=inside,
        stderr=inside,
        start_new_session=True,
        preexec_fn=partial(fcntl.ioctl, 0, termios.TIOCSCTTY, 0),  # so that Ctrl-C is a signal
    ) as process:
        os.close(inside)
        terminal = Terminal(outside, process)
        try:
            terminal.resize(columns)
            yield terminal
        finally:
            if process.poll() is None:
                process.kill()
            os.close(outside)


def screen(raw: str) -> list[str]:
    """What stands in a terminal that is wide and high enough: lines, with erased ones gone.

    Knows what the command sends: colours, up, and clear to the end.
    """
    lines = [""]
    for part in re.split(r"(\x1b\[[0-9;]*[A-Za-z]|\n|\r)", raw):
        if part == "\n":
            lines.append("")
        elif part.endswith("A") and CONTROL.fullmatch(part):
            count = int(part[2:-1])
            assert count < len(lines), "it went above the first line"
            del lines[len(lines) - count :]
            lines[-1] = ""
        elif part and not CONTROL.fullmatch(part) and part != "\r":
            lines[-1] += part
    return lines
