"""How is HTTP spoken? By uvicorn and h11, with a time limit for requests, and a refusal of what is none."""

import asyncio
from http import HTTPStatus
from typing import cast

import h11
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from jobs.web.descriptors import most_connections
from jobs.web.headers import SAFETY
from jobs.web.problem import problem

# Seconds that a client has for a whole request, from its first byte or from the connection's beginning.
REQUEST_SECONDS = 30
# What may wait for a client until nothing more is made for it; the last page comes on top.
WAITING_BYTES = 16 * 1024


class Protocol(H11Protocol):
    """uvicorn's HTTP/1.1, with a time limit for requests, and problem documents for what is no request.

    h11 and not httptools: with that a stream lives for ever when a client pipelines a request and leaves.
    """

    _limit: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for a request, unless there are too many connections for that."""
        transport = cast("asyncio.Transport", transport)
        transport.set_write_buffer_limits(WAITING_BYTES)
        super().connection_made(transport)
        if len(self.connections) > most_connections():
            transport.abort()
        else:
            self._watch()

    def data_received(self, data: bytes) -> None:
        """Take a part of a request."""
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        super().connection_lost(exc)
        for timer in (self.timeout_keep_alive_task, self._limit):  # uvicorn forgets its own after a reset
            if timer:
                timer.cancel()

    def _watch(self) -> None:
        """Keep the limit as long as the client owes a part of a request, however slowly it sends it."""
        if self.conn.their_state in (h11.IDLE, h11.SEND_BODY):
            self._limit = self._limit or self.loop.call_later(REQUEST_SECONDS, self._too_slow)
        elif self._limit:
            self._limit.cancel()
            self._limit = None

    def _too_slow(self) -> None:
        received, _ = self.conn.trailing_data
        if received or self.conn.their_state is h11.SEND_BODY:
            self._refuse(408, f"the request was not complete in {REQUEST_SECONDS} s")
        else:  # it has said nothing, and a browser that keeps a connection ready expects no answer
            self.transport.close()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP."""
        self._refuse(400, "this is no HTTP/1.1 request")

    def _refuse(self, status: int, detail: str) -> None:
        """Answer and close; in the middle of another answer, and after it, close alone."""
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            self.transport.abort()
            return
        refusal = problem(status, detail, headers={**SAFETY, "Connection": "close"})
        reason = HTTPStatus(status).phrase.encode()
        head = h11.Response(status_code=status, headers=refusal.raw_headers, reason=reason)
        for event in (head, h11.Data(data=bytes(refusal.body)), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        if self.cycle and not self.cycle.response_complete:  # its own answer would be a second one
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.close()


class Unanswered:
    """ASGI middleware that refuses what the end of the grace finds without an answer.

    uvicorn cancels such requests, and would call that a mistake: in plain text, with a traceback in its log.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        try:
            await self._app(scope, receive, send)
        except asyncio.CancelledError:
            cycle = getattr(send, "__self__", None)
            if not isinstance(cycle, RequestResponseCycle) or cycle.response_started:
                raise
            refusal = problem(503, "the service is stopping", headers={**SAFETY, "Connection": "close"})
            await refusal(scope, receive, send)
