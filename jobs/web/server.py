"""How does the server listen, refuse what is no HTTP, and stop? uvicorn, which no client can keep."""

import asyncio
import gc
import resource
import signal
import socket
import sys
from http import HTTPStatus
from types import FrameType
from typing import cast

import anyio
import anyio.to_thread
import h11
import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from jobs.engine import Engine
from jobs.forked import close_in_forks
from jobs.web.direct import Direct
from jobs.web.headers import SAFETY
from jobs.web.problem import problem

# Seconds: streams say goodbye within 2 of them, what then is still open is cut.
SHUTDOWN_SECONDS = 3
# Seconds. A client that takes nothing for 45 is cut; what it never takes would keep its connection half
# closed, and with it its descriptor, so the system drops that a little later.
USER_TIMEOUT = 50
# Seconds that a client has for a whole request, from its first byte or from the connection's beginning.
REQUEST_SECONDS = 30
# What may wait for a client until nothing more is made for it; the last page comes on top.
WAITING_BYTES = 16 * 1024
# What may wait for a client in the system, which without a limit is megabytes. What is on its way comes on
# top, so that distance costs no speed.
SYSTEM_BYTES = 128 * 1024
BACKLOG = 4096
# Kept free of streams; most are the service's own files, and these connections may ask for other things.
SPARE_DESCRIPTORS = 64
SPARE_CONNECTIONS = 12
# A line passes several threads; beside a worker function that computes, each waits its turn so long.
SWITCH_SECONDS = 0.0005


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
        if len(self.connections) > max_streams() + SPARE_CONNECTIONS:
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
        self._unset_keepalive_if_required()  # which uvicorn forgets after a reset
        if self._limit:
            self._limit.cancel()

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
        answered = False

        async def noted(message: Message) -> None:
            nonlocal answered
            answered = True
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except asyncio.CancelledError:
            if answered or scope["type"] != "http":
                raise
            refusal = problem(503, "the service is stopping", headers={**SAFETY, "Connection": "close"})
            await refusal(scope, receive, send)


class Server(uvicorn.Server):
    """The HTTP server; it says where it listens, and it ends when the engine has died."""

    def __init__(self, app: ASGIApp, engine: Engine) -> None:
        super().__init__(
            uvicorn.Config(
                Direct(Unanswered(app)),
                http=Protocol,
                ws="none",
                lifespan="on",
                log_level="warning",
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_graceful_shutdown=SHUTDOWN_SECONDS,
                backlog=BACKLOG,
            )
        )
        self.died: BaseException | None = None
        self._engine = engine
        engine.on_death = self._die

    def _die(self, error: BaseException) -> None:
        self.died = error
        self.should_exit = True

    def serve_on(self, listener: socket.socket) -> None:
        """Serve until SIGTERM or SIGINT comes, or the engine dies."""
        # For a signal that comes before uvicorn takes them. It also raises the one that it took again when it
        # has stopped; the exit status shall be 0 nevertheless.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._exit)
        self.run(sockets=[listener])

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve in an event loop that is never closed.

        That would look for its tasks among those of the whole process, and worker functions may start tasks
        faster than they can be listed. What is left here ends with the process.
        """
        loop = (self.config.get_loop_factory() or asyncio.new_event_loop)()
        loop.run_until_complete(self.serve(sockets))

    def _exit(self, number: int, frame: FrameType | None) -> None:
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so."""
        await super().startup(sockets)
        if self.started and sockets:
            host, port = sockets[0].getsockname()[:2]
            name = f"[{host}]" if ":" in host else host
            print(f"Stepstream listening on http://{name}:{port}", flush=True)  # noqa: T201

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop; the grace for jobs runs beside that for streams."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(anyio.to_thread.run_sync, self._engine.drain)
            await super().shutdown(sockets)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket.

    :raises OSError: the address or the port cannot be had
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    close_in_forks(listener)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux; connections inherit it
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT * 1000)
    if hasattr(socket, "TCP_NOTSENT_LOWAT"):
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, SYSTEM_BYTES)
    listener.bind((host.strip("[]"), port))
    listener.listen(BACKLOG)
    return listener


def raise_descriptor_limit() -> None:
    """As many descriptors as the system allows: each viewer is one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def tune_interpreter() -> None:
    """Make the interpreter quick for what is to come. Called once all that lasts is there."""
    # What exists now stays: collecting it again and again is what makes the slowest percent slow.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)
    sys.setswitchinterval(SWITCH_SECONDS)


def max_streams() -> int:
    """How many streams may be open: some descriptors stay free for other requests and the database."""
    return max(1, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - SPARE_DESCRIPTORS)
