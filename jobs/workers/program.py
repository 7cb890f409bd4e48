"""How is a program run? Without a shell, in the group of this process, and read while it runs.

This process belongs to the one worker job. Whatever ends it, the group is killed with it: so no program
outlives its job, nor the service. See ``jobs.process``.
"""

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from functools import partial

from jobs.exception import Failure
from jobs.process.fork_server import die_with
from jobs.process.processes import signal_name
from jobs.workers.program_output import Lines

CHUNK = 64 * 1024
LOOK_SECONDS = 0.1
# After SIGTERM; a cancelled job's process has half a second in all.
GRACE_SECONDS = 0.4
# For what the program has left in the pipes; another process may go on to fill them.
DRAIN_SECONDS = 1.0


class Program:
    """A program that runs, its standard input empty.

    :param folder: its working folder; a program with a slash in its name is looked for from there
    :param environ: all of its environment
    :param outputs: what takes its standard output and its standard error
    :raises Failure: it cannot be started
    """

    def __init__(
        self, argv: Sequence[str], folder: str, environ: Mapping[str, str], outputs: tuple[Lines, Lines]
    ) -> None:
        self._outputs = outputs
        try:
            self._process = subprocess.Popen(
                argv,
                cwd=folder,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                preexec_fn=partial(die_with, os.getpid()),
            )
        except OSError as error:
            raise Failure(_cannot_start(argv[0], folder, environ, error)) from None

    def run(self, seconds: float | None) -> int:
        """Hand on what it prints until it has ended; its exit status, or the negative number of a signal.

        :param seconds: how long it may take; None is no limit
        :raises Failure: it took longer
        """
        process = self._process
        assert process.stdout is not None
        assert process.stderr is not None
        with process.stdout, process.stderr, selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ, self._outputs[0])
            selector.register(process.stderr, selectors.EVENT_READ, self._outputs[1])
            try:
                in_time = self._read(selector, seconds)
            except BaseException:  # the job is cancelled, and the whole group was told to end
                with contextlib.suppress(BaseException):
                    self._read(selector, GRACE_SECONDS)
                raise
            if not in_time:
                signal.signal(signal.SIGTERM, signal.SIG_IGN)  # this process is of the group too
                os.killpg(0, signal.SIGTERM)
                self._read(selector, GRACE_SECONDS)
        for lines in self._outputs:
            lines.end(time.monotonic())
        if not in_time:
            raise Failure(f"timed out after {seconds:g} s")
        return process.wait()

    def _read(self, selector: selectors.BaseSelector, seconds: float | None) -> bool:
        """Read until it has ended, and nothing is left to read; False if it takes longer."""
        started = time.monotonic()
        ended_at: float | None = None
        while True:
            if selector.get_map():
                ready = selector.select(LOOK_SECONDS)
            else:
                ready = []
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(LOOK_SECONDS)
            now = time.monotonic()
            if ended_at is None and self._process.poll() is not None:
                ended_at = now
            for key, _ in ready:
                data = os.read(key.fd, CHUNK)
                if data:
                    key.data.feed(data, now)
                else:
                    selector.unregister(key.fileobj)
            for lines in self._outputs:
                lines.look(now)
            if ended_at is not None and (not ready or now - ended_at > DRAIN_SECONDS):
                return True
            if ended_at is None and seconds is not None and now - started >= seconds:
                return False


def how_it_ended(status: int) -> str:
    """An exit status in words."""
    if status >= 0:
        return f"ended with status {status}"
    memory = "; the kernel does that when memory runs out" if -status == signal.SIGKILL else ""
    return f"was killed by signal {-status} ({signal_name(-status)}{memory})"


def _cannot_start(program: str, folder: str, environ: Mapping[str, str], error: OSError) -> str:
    if not os.path.isdir(folder):
        return f"folder {folder}: there is no such folder"
    if isinstance(error, FileNotFoundError):
        if "/" in program:
            return f"argv: there is no program {program} (looked for from {folder})"
        return f"argv: there is no program {program} in PATH, {environ.get('PATH', os.defpath)}"
    if isinstance(error, PermissionError):
        return f"argv: {program} is not executable"
    return f"argv: {program} cannot be started: {(error.strerror or str(error)).lower()}"
