"""Who starts the processes of worker functions, and hears of their end? The fork server, spoken to here."""

import asyncio
import contextlib
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import anyio
from anyio.lowlevel import checkpoint

from jobs.forked import close_in_forks

# With the service's own import path, and nothing before it.
PROGRAM = "import sys; sys.path[:] = sys.argv[2:]; from jobs.process.fork_server import main; main()"
CLOSE_SECONDS = 1.0
BUSY_SECONDS = 0.01


class NoProcess(Exception):
    """No process can be started; the text says why."""


class Process:
    """A process of one worker function.

    :param number: what the fork server knows it by
    :param end: the service's end of the connection to it
    """

    def __init__(self, server: "ForkServer", number: int, end: socket.socket) -> None:
        self.socket = end
        self.ended = anyio.Event()
        self.pid: int | None = None
        self.status: int | None = None  # as of ``os.waitpid``
        self.refused: str | None = None
        self._server = server
        self._number = number

    def signal(self, number: int) -> None:
        """Send a signal to it and its whole group, if it has not ended."""
        self._server.send("kill", self._number, number)

    def reason(self) -> str:
        """Why it ended before its function returned."""
        if self.refused is not None:
            return f"no process could be started for it: {self.refused}"
        if self.status is None:
            return "its process was killed, because the one that starts them had ended"
        code = os.waitstatus_to_exitcode(self.status)
        if code >= 0:
            return f"its process ended with status {code} before the function returned"
        memory = "; the kernel does that when memory runs out" if -code == signal.SIGKILL else ""
        return f"its process was killed by signal {-code} ({signal_name(-code)}{memory})"


def signal_name(number: int) -> str:
    """What a signal is called."""
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return "no name"


class ForkServer:
    """A running fork server. It belongs to the present event loop.

    :raises OSError: it cannot be started
    """

    def __init__(self) -> None:
        self.alive = True
        self._processes: dict[int, Process] = {}
        self._numbers = itertools.count(1)
        self._text = b""
        self._control, theirs = socket.socketpair()
        with theirs:
            self._program = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, str(theirs.fileno()), *sys.path],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        close_in_forks(self._control)
        self._control.setblocking(False)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._control, self._hear)

    def start(self, memory_mib: int | None) -> Process:
        """Fork a process that waits for its call.

        :raises BlockingIOError: the fork server is busy
        :raises OSError: it is gone, or there are no descriptors left
        """
        ours, theirs = socket.socketpair()
        number = next(self._numbers)
        try:
            with theirs:
                message = _encode("start", number, memory_mib)
                socket.send_fds(self._control, [message], [theirs.fileno()])
        except BaseException:
            ours.close()
            raise
        process = self._processes[number] = Process(self, number, ours)
        return process

    def send(self, *message: object) -> None:
        """Tell it something, if it is still there. In any thread."""
        try:
            self._control.send(_encode(*message))
        except BlockingIOError:  # it is busy
            self._loop.call_soon_threadsafe(self._loop.call_later, BUSY_SECONDS, self.send, *message)
        except OSError:
            pass

    def _hear(self) -> None:
        try:
            data = self._control.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        *lines, self._text = (self._text + data).split(b"\n")
        for line in lines:
            word, number, value = json.loads(line)
            process = self._processes[number]
            if word == "started":
                process.pid = value
                continue
            if word == "ended":
                process.status = value
            else:
                process.refused = value
            del self._processes[number]
            process.ended.set()
        if not data:
            self._die()

    def _die(self) -> None:
        """It has ended, and with it its processes; what they started is killed from here."""
        self.alive = False
        self._loop.remove_reader(self._control)
        self._control.close()
        for process in self._processes.values():
            if process.pid is not None:
                with contextlib.suppress(OSError):
                    os.killpg(process.pid, signal.SIGKILL)
            process.ended.set()
        self._processes.clear()
        threading.Thread(target=self._program.wait, name="stepstream-wait", daemon=True).start()

    def close(self) -> None:
        """End it and all of its processes, at once. In any thread."""
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_RDWR)
        try:
            self._program.wait(CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            self._program.kill()


def _encode(*message: object) -> bytes:
    return json.dumps(message).encode("ascii") + b"\n"


class Processes:
    """Starts processes. The fork server is started with the first one, and again if it has ended.

    :param workers: the folder of Python files with worker functions
    :param log_level: the lowest level taken from ``logging`` in them
    """

    def __init__(self, workers: Path | None, log_level: int) -> None:
        self.workers = workers and workers.absolute()
        self.log_level = log_level
        self._server: ForkServer | None = None
        self._closed = False
        self._lock = threading.Lock()

    async def start(self, memory_mib: int | None) -> Process:
        """Start a process, which then waits for its call. On the event loop of the jobs.

        :param memory_mib: MiB of address space that it may have; None is no limit
        :raises NoProcess: none can be started
        """
        if not (hasattr(os, "fork") and hasattr(socket, "send_fds")):
            raise NoProcess("this system has no fork() or cannot pass sockets on")
        while True:
            await checkpoint()  # one that is cancelled already starts nothing
            try:
                return self._running_server().start(memory_mib)
            except (BlockingIOError, BrokenPipeError, ConnectionResetError):
                await anyio.sleep(BUSY_SECONDS)  # it is busy, or has just ended
            except OSError as error:
                raise NoProcess(error.strerror or str(error)) from None

    def _running_server(self) -> ForkServer:
        with self._lock:
            if self._closed:
                raise NoProcess("the service stops")
            if self._server is None or not self._server.alive:
                self._server = ForkServer()
            return self._server

    def close(self) -> None:
        """End all processes. In any thread."""
        with self._lock:
            self._closed = True
            if self._server is not None:
                self._server.close()
