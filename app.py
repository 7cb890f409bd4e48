"""How is the service started? Settings from flags and the environment, the Starlette app, the server."""

import argparse
import gc
import ipaddress
import logging
import os
import resource
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, TypedDict, cast

import anyio
import anyio.to_thread
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

import jobs
from jobs.engine import Engine
from jobs.store.store import DatabaseError, Synchronous
from jobs.tail import Hub
from jobs.web.guard import Guard
from jobs.web.problem import Refusal, on_error, on_http_exception, on_refusal
from jobs.web.routes import Floor, routes

LOG_LEVELS = ("debug", "info", "warning", "error")
# Seconds: streams say goodbye within 2 of them, what then is still open is cut.
SHUTDOWN_SECONDS = 3
# A client that acknowledges nothing for so long loses its connection, and with it its descriptor (seconds).
USER_TIMEOUT = 30
SPARE_DESCRIPTORS = 64
SWITCH_SECONDS = 0.0005


class SettingsError(Exception):
    """A setting that cannot be used; the message names it."""


@dataclass(frozen=True)
class Settings:
    """What can be set. Flags win over the environment, the environment over these defaults."""

    host: str = "127.0.0.1"
    port: int = 8000
    db: Path = Path("stepstream.db")
    definitions: Path | None = None
    workers: Path | None = None
    hosts: tuple[str, ...] = ()
    synchronous: Synchronous = "FULL"
    log_level: str = "info"
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)

    @classmethod
    def read(cls, environ: Mapping[str, str], flags: Mapping[str, str] | None = None) -> "Settings":
        """The settings of an environment and of flags.

        :raises SettingsError: a value cannot be used
        """
        given = {
            name: value
            for name in ("host", "port", "db", "definitions", "workers", "hosts", "synchronous", "log_level")
            if (value := (flags or {}).get(name) or environ.get(f"STEPSTREAM_{name.upper()}"))
        }
        values: dict[str, Any] = {"environ": dict(environ), **given}
        for name in ("db", "definitions", "workers"):
            if name in given:
                values[name] = Path(given[name])
        if "port" in given:
            values["port"] = _port(given["port"])
        if "hosts" in given:
            values["hosts"] = tuple(host.strip() for host in given["hosts"].split(",") if host.strip())
        if "synchronous" in given:
            values["synchronous"] = _choice("synchronous", given["synchronous"].upper(), ("FULL", "NORMAL"))
        if "log_level" in given:
            values["log_level"] = _choice("log_level", given["log_level"].lower(), LOG_LEVELS)
        settings = cls(**values)
        if environ.get("STEPSTREAM_TOKEN"):
            raise SettingsError("STEPSTREAM_TOKEN: this version has no login; a token protects nothing")
        if not _is_loopback(settings.host):
            raise SettingsError(
                f"host {settings.host}: this version has no login, so it listens on loopback addresses only"
            )
        return settings


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= 65535):
        raise SettingsError(f'port: expected a number from 0 to 65535, got "{text}"')
    return int(text)


def _choice(name: str, value: str, choices: Sequence[str]) -> str:
    if value not in choices:
        raise SettingsError(f'{name}: expected {" or ".join(choices)}, got "{value}"')
    return value


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def static_folder() -> Path:
    """The folder of the panel's files: inside the installed package, or beside this file in a checkout."""
    installed = Path(jobs.__file__).parent / "static"
    return installed if installed.is_dir() else Path(__file__).parent / "static"


def open_engine(settings: Settings) -> Engine:
    """The engine of some settings, started.

    :raises DatabaseError: the database cannot be used
    :raises ValueError: a folder does not exist
    """
    return Engine(
        settings.db,
        settings.definitions,
        settings.workers,
        settings.environ,
        settings.synchronous,
        getattr(logging, settings.log_level.upper()),
    )


class State(TypedDict):
    """What requests find in ``request.state``."""

    floor: Floor


def create_app(settings: Settings | None = None, engine: Engine | None = None) -> Starlette:
    """The service as an ASGI application.

    :param settings: default: those of the environment
    :param engine: one that is started already, and that the caller stops
    """
    settings = settings or Settings.read(os.environ)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[State]:
        running = engine or open_engine(settings)
        hub = Hub(running.readers)
        running.on_commit = hub.committed
        if engine is None:  # a server that is not ours: end it when the engine has died
            running.on_death = lambda error: os.kill(os.getpid(), signal.SIGTERM)
        async with anyio.create_task_group() as tasks:
            await tasks.start(hub.run)
            try:
                yield {"floor": Floor(running, hub, _max_streams())}
            finally:
                tasks.cancel_scope.cancel()
                if engine is None:
                    with anyio.CancelScope(shield=True):
                        await anyio.to_thread.run_sync(running.drain)
                        await anyio.to_thread.run_sync(running.close)

    app = Starlette(
        routes=routes(static_folder()),
        middleware=[Middleware(Guard, hosts=settings.hosts)],
        exception_handlers={Refusal: on_refusal, HTTPException: on_http_exception, Exception: on_error},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    return app


def _max_streams() -> int:
    """How many streams may be open: some descriptors stay free for other requests and the database."""
    return max(1, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - SPARE_DESCRIPTORS)


class Server(uvicorn.Server):
    """The HTTP server; it says where it listens, and it ends when the engine has died."""

    def __init__(self, config: uvicorn.Config, engine: Engine) -> None:
        super().__init__(config)
        self.died: BaseException | None = None
        self._engine = engine
        engine.on_death = self._die

    def _die(self, error: BaseException) -> None:
        self.died = error
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so."""
        await super().startup(sockets)
        if self.started and sockets:
            host, port = sockets[0].getsockname()[:2]
            print(f"Stepstream listening on http://{f'[{host}]' if ':' in host else host}:{port}", flush=True)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop; the grace for jobs runs beside that for streams."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(anyio.to_thread.run_sync, self._engine.drain)
            await super().shutdown(sockets)


def serve(settings: Settings) -> int:
    """Serve until a signal comes; the exit status.

    The engine is stopped here and not in the app's lifespan: a worker function that keeps a thread must not
    keep the process.
    """
    _raise_descriptor_limit()
    try:
        listener = _listen(settings.host, settings.port)
    except OSError as error:
        return _fail(f"{settings.host}:{settings.port}: {error.strerror or error}")
    try:
        engine = open_engine(settings)
    except (DatabaseError, ValueError) as error:
        return _fail(str(error))
    config = uvicorn.Config(
        create_app(settings, engine),
        http="h11",  # httptools leaves a stream alive for ever when a client pipelines a request and leaves
        lifespan="on",
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        backlog=4096,
    )
    # The server raises the signal again when it has stopped; the exit status shall be 0 nevertheless.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _ignore)
    # What exists now stays: collecting it again and again is what makes the slowest percent slow.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)
    # A line passes several threads; beside a worker function that computes, each waits its turn so long.
    sys.setswitchinterval(SWITCH_SECONDS)
    server = Server(config, engine)
    server.run(sockets=[listener])
    written = engine.close()
    if server.died is not None:
        return _fail(f"stopped by a failure: {server.died!r}")
    if not server.started:
        return 1
    return 0 if written else _fail("the last rows could not be written")


def _ignore(number: int, frame: FrameType | None) -> None:
    """The server has handled it."""


def _fail(message: str) -> int:
    print(f"stepstream: {message}", file=sys.stderr, flush=True)
    return 1


def _raise_descriptor_limit() -> None:
    """As many descriptors as the system allows: each viewer is one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux; connections inherit it
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT * 1000)
    listener.bind((host.strip("[]"), port))
    listener.listen(4096)
    return listener


def parse(arguments: Sequence[str]) -> dict[str, str]:
    """The flags of a command line."""
    parser = argparse.ArgumentParser(prog="stepstream", description=__doc__)
    parser.add_argument("command", nargs="?", choices=["serve"], default="serve", help="serve (the default)")
    parser.add_argument("--host", help="address to listen on (127.0.0.1)")
    parser.add_argument("--port", help="port to listen on (8000; 0: any free one)")
    parser.add_argument("--db", help="database file (stepstream.db)")
    parser.add_argument("--definitions", help="folder of definitions that add to the shipped ones")
    parser.add_argument("--workers", help="folder of Python files with worker functions")
    parser.add_argument("--hosts", help="further allowed Host names, with commas between them")
    parser.add_argument("--synchronous", help="FULL (survives a power cut) or NORMAL")
    parser.add_argument("--log-level", help="lowest level taken from logging (info)")
    flags = vars(parser.parse_args(arguments))
    del flags["command"]
    return cast("dict[str, str]", flags)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command ``stepstream``."""
    flags = parse(sys.argv[1:] if arguments is None else arguments)
    try:
        settings = Settings.read(os.environ, flags)
    except SettingsError as error:
        status = _fail(str(error))
    else:
        status = serve(settings)
    sys.stdout.flush()
    sys.stderr.flush()
    # A thread that a worker function keeps would keep the interpreter from ending.
    os._exit(status)


if __name__ == "__main__":
    main()
