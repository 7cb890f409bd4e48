"""How does a load client read a stream? From a plain socket, with the time of arrival, checking the ids."""

import re
import socket
import time
from dataclasses import dataclass, field

RECEIVE_BYTES = 64 * 1024
ROW = re.compile(rb"id: (\d+)\nevent: \w+\ndata: ([^\n]*)\n\n")
STAMP = re.compile(rb"#n=\d+ t=(\d+)")


def request(url: str, path: str) -> socket.socket:
    """A connection on which a stream was asked for; the server closes it at the stream's end."""
    host, _, port = url.removeprefix("http://").rpartition(":")
    connection = socket.create_connection((host, int(port)), timeout=30)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode())
    return connection


def skip_head(connection: socket.socket) -> bytes:
    """Read the head of the response; what came behind it.

    :raises RuntimeError: the status is not 200
    """
    received = b""
    while b"\r\n\r\n" not in received:
        chunk = connection.recv(RECEIVE_BYTES)
        if not chunk:
            raise RuntimeError(f"the connection ended in the response's head: {received!r}")
        received += chunk
    head, _, rest = received.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200 "):
        raise RuntimeError(head.decode())
    return rest


class Chunked:
    """The body behind the chunked transfer coding (RFC 9112, 7.1); no trailers."""

    def __init__(self) -> None:
        self._left = 0
        self._held = b""

    def feed(self, received: bytes) -> bytes:
        """What further bytes contain of the body."""
        received, self._held = self._held + received, b""
        parts, at = [], 0
        while at < len(received):
            if self._left:
                parts.append(received[at : at + self._left])
                at += len(parts[-1])
                self._left -= len(parts[-1])
                continue
            end = received.find(b"\r\n", at)
            if end < 0:
                self._held = received[at:]
                break
            # An empty line ends the chunk before; the last chunk's size is 0, and nothing follows it.
            self._left = int(received[at:end] or b"0", 16)
            at = end + 2
        return b"".join(parts)


@dataclass
class Reading:
    """What one viewer has seen: rows, faults in their order, and how old stamped lines were on arrival."""

    rows: int = 0
    last_seq: int = 0
    gaps: int = 0
    duplicates: int = 0
    latencies: list[int] = field(default_factory=list)  # nanoseconds
    _chunked: Chunked = field(default_factory=Chunked)
    _buffer: bytes = b""

    def feed(self, received: bytes, at: int) -> None:
        """Take bytes that arrived.

        :param at: ``time.monotonic_ns()`` of their arrival
        """
        buffer = self._buffer + self._chunked.feed(received)
        cut = buffer.rfind(b"\n\n") + 2 if b"\n\n" in buffer else 0
        self._buffer = buffer[cut:]
        for row in ROW.finditer(buffer, 0, cut):
            self._row(int(row[1]), row[2], at)

    def _row(self, seq: int, data: bytes, at: int) -> None:
        self.rows += 1
        self.gaps += seq > self.last_seq + 1
        self.duplicates += seq <= self.last_seq
        self.last_seq = seq
        if stamp := STAMP.search(data):
            self.latencies.append(at - int(stamp[1]))


def read_to_end(connection: socket.socket) -> Reading:
    """Read a stream that was asked for, until the server ends it."""
    reading = Reading()
    with connection:
        reading.feed(skip_head(connection), time.monotonic_ns())
        while received := connection.recv(RECEIVE_BYTES):
            reading.feed(received, time.monotonic_ns())
    return reading
