"""How does a page get to a thousand viewers? Written to their connections one after the other, past ASGI.

Through sse-starlette, Starlette's wrappers of ``send``, uvicorn and h11, a page costs three times what the
socket's write costs, for each viewer. So the server offers an ASGI extension: a function that writes a part
of a response's body to the connection at once, in the very bytes that ``send`` would write. The beginning and
end of a response, what comes while a client is slow, and any other server go the normal way. The same
extension knows what ASGI does not tell: whether a client is slow, and since when it has taken nothing.
"""

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import RequestResponseCycle

from jobs.page import Encoded

DIRECT = "stepstream.write"
# From Linux's struct tcp_info: segments that are not acknowledged; how many milliseconds ago data was sent,
# and an acknowledgement came; bytes that are not sent.
INFO = struct.Struct("=24xI16xI8xI84xI")
PIECE_BYTES = 16 * 1024
RESET = struct.pack("ii", 1, 0)  # of SO_LINGER: close at once, and not cleanly


class Direct:
    """The outermost floor under our own server: adds the extension to each request's scope."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        cycle = getattr(send, "__self__", None)
        if isinstance(cycle, RequestResponseCycle):
            scope.setdefault("extensions", {})[DIRECT] = Writing(cycle)
        try:
            await self._app(scope, receive, send)
        finally:  # it knows the request, which has the scope
            scope.get("extensions", {}).pop(DIRECT, None)


class Writing:
    """Writes parts of a response's body that has begun, and whose length was not told.

    Such a body is chunked under HTTP/1.1 and bare under 1.0; h11 keeps no count of it.
    """

    def __init__(self, cycle: RequestResponseCycle) -> None:
        self._cycle = cycle
        self._flow = cycle.flow
        self._transport = cycle.transport
        self._chunked = cycle.scope["http_version"] >= "1.1"  # HTTP/1.2 as well; h11 takes any number

    def __call__(self, encoded: Encoded) -> bool:
        """Write a page; False, and nothing is written, while the client is slow or when it has left."""
        if not self._possible:
            return False
        self._transport.write(encoded.chunk if self._chunked else encoded.body)
        return True

    def in_pieces(self, encoded: Encoded) -> bool:
        """The same with a page that nobody else has: a piece of it is let go once the client has taken it."""
        if not self._possible:
            return False
        page = encoded.chunk if self._chunked else encoded.body
        for start in range(0, len(page), PIECE_BYTES):
            self._transport.write(page[start : start + PIECE_BYTES])
        return True

    @property
    def _possible(self) -> bool:
        cycle = self._cycle
        if self._flow.write_paused or cycle.disconnected or cycle.response_complete:
            return False
        return cycle.response_started and not self._transport.is_closing()

    async def room(self) -> None:
        """Wait until the client has taken nearly all that waits for it."""
        await self._flow.drain()

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Meanwhile the caller looks after a client that takes nothing, in place of the system.

        The system's own limit also ends the connection of one that takes little pieces.
        """
        connection = self._transport.get_extra_info("socket")
        if connection is None or not hasattr(socket, "TCP_USER_TIMEOUT") or self._transport.is_closing():
            yield
            return
        limit = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 0)
        try:
            yield
        finally:
            if not self._transport.is_closing():
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, limit)

    def stalled_seconds(self) -> float | None:
        """Since when the client has taken nothing of what waits for it, 0 if nothing waits; None if unknown.

        Nothing is sent to who leaves no room, and who is not there any more acknowledges nothing.
        """
        connection = self._transport.get_extra_info("socket")
        if connection is None or not hasattr(socket, "TCP_INFO") or self._transport.is_closing():
            return None
        info: bytes = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, INFO.size)
        if len(info) < INFO.size:
            return None
        sent, data_sent_ago, acknowledged_ago, unsent = INFO.unpack(info)
        if not (sent or unsent or self._transport.get_write_buffer_size()):
            return 0.0
        milliseconds: int = max(data_sent_ago, acknowledged_ago)
        return milliseconds / 1000

    def cut(self) -> None:
        """Close the connection at once. What waits for the client is dropped, and it sees a broken stream."""
        if (connection := self._transport.get_extra_info("socket")) and not self._transport.is_closing():
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self._transport.abort()
