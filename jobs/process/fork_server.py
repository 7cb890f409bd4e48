"""Who forks the processes of worker functions? A program of its own, small and with a single thread.

The service has many threads and much memory, so it cannot fork safely or quickly; this program can. It takes
``start`` and ``kill`` over a socket, and tells ``started``, ``refused`` and ``ended``.

What is left of a group when its process ends is killed. When the socket ends, however the service did, every
group is. A pid is only signalled while its process has not been waited for: it is never another's.
"""

import contextlib
import ctypes
import gc
import json
import os
import resource
import select
import signal
import socket
import sys
import traceback
from collections import deque

from jobs.process import child
from jobs.process.connection import Connection

LINUX = sys.platform == "linux"
LOOK_SECONDS = 1.0
IGNORED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
PR_SET_PDEATHSIG = 1
# The kernel ends a worker function's process before the service when memory runs out.
OOM_SCORE = 500
FAILED = 70


class ForkServer:
    """Forks, waits for and kills the processes of one service.

    :param control: the socket to it
    """

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._service = os.getppid()
        self._pids: dict[int, int] = {}
        self._text = b""
        self._descriptors: deque[int] = deque()
        self._wake, wake = os.pipe()
        self._own = (control.fileno(), self._wake, wake)
        for descriptor in (self._wake, wake):
            os.set_blocking(descriptor, False)
        os.set_inheritable(control.fileno(), False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        for number in IGNORED:  # it ends when the service does
            signal.signal(number, signal.SIG_IGN)

    def serve(self) -> None:
        """Serve until the service is gone; then kill all that is left."""
        watched = [self._control.fileno(), self._wake]
        try:
            while os.getppid() == self._service:
                ready, _, _ = select.select(watched, [], [], LOOK_SECONDS)
                if self._wake in ready:
                    os.read(self._wake, 4096)
                self._reap()
                if watched[0] in ready and not self._take():
                    return
        except OSError:  # the socket broke
            return
        finally:
            for pid in self._pids.values():
                _kill_group(pid, signal.SIGKILL)

    def _take(self) -> bool:
        """Take what the service asks for; False if it is gone."""
        data, descriptors, _, _ = socket.recv_fds(self._control, 65536, 16)
        for descriptor in descriptors:
            os.set_inheritable(descriptor, False)
        self._descriptors.extend(descriptors)
        *lines, self._text = (self._text + data).split(b"\n")
        for line in lines:
            word, number, value = json.loads(line)
            if word == "start":
                self._start(number, value, self._descriptors.popleft())
            elif number in self._pids:
                _kill_group(self._pids[number], value)
        return bool(data)

    def _start(self, number: int, memory_mib: int | None, descriptor: int) -> None:
        try:
            pid = os.fork()
        except OSError as error:
            os.close(descriptor)
            self._tell("refused", number, error.strerror)
            return
        if pid == 0:
            self._become_child(memory_mib, descriptor)
        os.close(descriptor)
        self._pids[number] = pid
        self._tell("started", number, pid)

    def _become_child(self, memory_mib: int | None, descriptor: int) -> None:
        """What a forked process does, to its end."""
        try:
            server = os.getppid()
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGCHLD, *IGNORED):
                signal.signal(number, signal.SIG_DFL)
            for own in self._own:
                os.close(own)
            os.setsid()
            if LINUX:
                die_with(server)
                with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
                    file.write(str(OOM_SCORE))
            if memory_mib is not None:
                _, most = resource.getrlimit(resource.RLIMIT_AS)
                resource.setrlimit(resource.RLIMIT_AS, (memory_mib * 2**20, most))
            gc.unfreeze()
            child.run(Connection(socket.socket(fileno=descriptor)))
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(FAILED)

    def _reap(self) -> None:
        """Wait for what has ended; before that, while its pid is its own, kill what is left of its group."""
        for number, pid in list(self._pids.items()):
            if hasattr(os, "waitid"):  # not in every Python for macOS
                if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                    continue
                _kill_group(pid, signal.SIGKILL)
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                del self._pids[number]
                self._tell("ended", number, status)

    def _tell(self, *message: object) -> None:
        self._control.sendall(json.dumps(message).encode("ascii") + b"\n")


def die_with(server: int) -> None:
    """End this process when the one that forked it ends. Linux only."""
    if LIBC is not None:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != server:  # it had ended already
        os._exit(FAILED)


def _kill_group(pid: int, number: int) -> None:
    """Send a signal to a process that was not waited for, and to its group."""
    try:
        os.killpg(pid, number)
    except ProcessLookupError:  # it has no group of its own yet
        with contextlib.suppress(OSError):
            os.kill(pid, number)
    except PermissionError:
        pass


LIBC = ctypes.CDLL(None) if LINUX else None


def main() -> None:
    """The program; its argument is the descriptor of the socket."""
    server = ForkServer(socket.socket(fileno=int(sys.argv[1])))
    del sys.argv[1:]
    gc.collect()
    gc.freeze()  # what exists now is shared with every process forked from it
    server.serve()
