"""How does the server listen, and stop? uvicorn, which no client can keep."""

import asyncio
import gc
import signal
import socket
import sys
from types import FrameType

import anyio
import anyio.to_thread
import uvicorn
from starlette.types import ASGIApp

from jobs.engine import Engine
from jobs.forked import close_in_forks
from jobs.web.direct import Direct
from jobs.web.protocol import Protocol, Unanswered

# Seconds: streams say goodbye within 2 of them, what then is still open is cut.
SHUTDOWN_SECONDS = 3
# Seconds. A client that takes nothing for 45 is cut; what it never takes would keep its connection half
# closed, and with it its descriptor, so the system drops that a little later.
USER_TIMEOUT = 50
# What may wait for a client in the system, which without a limit is megabytes. What is on its way comes on
# top, so that distance costs no speed.
SYSTEM_BYTES = 128 * 1024
BACKLOG = 4096
# A line passes several threads; beside a worker function that computes, each waits its turn so long.
SWITCH_SECONDS = 0.0005


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
            sys.stdout.write(f"Stepstream listening on http://{name}:{port}\n")
            sys.stdout.flush()

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


def tune_interpreter() -> None:
    """Make the interpreter quick for what is to come. Called once all that lasts is there."""
    # What exists now stays: collecting it again and again is what makes the slowest percent slow.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)
    sys.setswitchinterval(SWITCH_SECONDS)
