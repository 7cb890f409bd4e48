"""How do a process and the service talk? In messages: a word and its values, a line of JSON over a socket."""

import contextlib
import json
import socket
import sys
import threading
from collections.abc import Iterator
from typing import Any

from jobs.forked import close_in_forks
from jobs.row import encode

# A longer message is none: it would fill the memory of who reads it.
MOST_BYTES = 64 * 1024 * 1024
BUFFER_BYTES = 64 * 1024


class Garbled(Exception):
    """What came is no message; the text says why."""


class Connection:
    """One end of a stream of messages in both directions. Any thread may send, one receives."""

    def __init__(self, end: socket.socket) -> None:
        self._socket = end
        close_in_forks(end)
        self._file = end.makefile("rb", buffering=BUFFER_BYTES)
        # Reentrant: the garbage collector may run a finalizer that logs while this thread holds it.
        self._lock = threading.RLock()
        self._torn = False

    def send(self, *message: Any) -> None:
        """Send a message; when this returns, it arrives whatever becomes of this process.

        Waits while the other side does not keep up.

        :raises OSError: the other side is gone, or a message before was torn by a signal
        """
        data = encode(message).encode("ascii") + b"\n"
        with self._lock:
            if self._torn:
                raise BrokenPipeError
            self._torn = True
            self._socket.sendall(data)
            self._torn = False

    def receive(self) -> Iterator[list[Any]]:
        """The messages that come, until the other side is gone. One that was not sent whole is left out.

        :raises Garbled: something else came
        """
        with contextlib.suppress(ConnectionResetError):  # the other side left without reading all
            while line := self._file.readline(MOST_BYTES):
                if line.endswith(b"\n"):
                    yield _message(line)
                elif len(line) == MOST_BYTES:
                    raise Garbled(f"a message of more than {MOST_BYTES // 2**20} MiB")

    def end(self) -> None:
        """End ``receive`` after what has arrived, and ``send`` now, whoever still holds the other end."""
        if sys.platform == "linux":  # elsewhere this would also drop what has arrived
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close this end."""
        with contextlib.suppress(OSError):
            self._file.close()
        self._socket.close()


def _message(line: bytes) -> list[Any]:
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        raise Garbled(f"no JSON: {line[:100]!r}") from None
    if not isinstance(message, list) or not message or not isinstance(message[0], str):
        raise Garbled(f"no list that begins with a word: {line[:100]!r}")
    return message
