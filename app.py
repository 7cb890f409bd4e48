"""How is the service started? Settings from flags and the environment, the Starlette app, the server."""

import argparse
import gc
import ipaddress
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypedDict, cast

import anyio
import anyio.to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

import jobs
from jobs.engine import Engine
from jobs.hub import Hub
from jobs.loop_call import Blocked
from jobs.store.reader import ReadError
from jobs.store.store import DatabaseError, Synchronous
from jobs.store.transaction import Commit
from jobs.store.writer import Closed
from jobs.web.floor import Floor
from jobs.web.guard import Guard
from jobs.web.overview import Overview
from jobs.web.problem import (
    Refusal,
    on_blocked,
    on_closed,
    on_error,
    on_http_exception,
    on_read_error,
    on_refusal,
)
from jobs.web.routes import routes
from jobs.web.server import Server, listen, max_streams, raise_descriptor_limit
from jobs.web.streaming import say_goodbye

LOG_LEVELS = ("debug", "info", "warning", "error")
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


def _host_name(host: str) -> str:
    """An address as it stands in a Host header."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


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
        hub = Hub(running.tail_readers)
        overview = Overview(running.readers)

        def committed(commit: Commit) -> None:
            hub.committed(commit)
            overview.committed(commit)

        running.on_commit = committed
        if engine is None:  # a server that is not ours: end it when the engine has died
            running.on_death = lambda error: os.kill(os.getpid(), signal.SIGTERM)
        async with anyio.create_task_group() as tasks:
            await tasks.start(hub.run)
            tasks.start_soon(say_goodbye, hub)
            await tasks.start(overview.run)
            running.scheduler.start()
            try:
                yield {"floor": Floor(running, hub, overview, max_streams())}
            finally:
                tasks.cancel_scope.cancel()
                if engine is None:
                    with anyio.CancelScope(shield=True):
                        await anyio.to_thread.run_sync(running.drain)
                        await anyio.to_thread.run_sync(running.close)

    app = Starlette(
        routes=routes(static_folder()),
        middleware=[Middleware(Guard, hosts=(_host_name(settings.host), *settings.hosts))],
        exception_handlers={
            Refusal: on_refusal,
            ReadError: on_read_error,
            Blocked: on_blocked,
            Closed: on_closed,
            HTTPException: on_http_exception,
            Exception: on_error,
        },
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    return app


def serve(settings: Settings) -> int:
    """Serve until a signal comes; the exit status.

    The engine is stopped here and not in the app's lifespan: a worker function that keeps a thread must not
    keep the process.
    """
    raise_descriptor_limit()
    try:
        engine = open_engine(settings)
    except (DatabaseError, ValueError) as error:
        return _fail(str(error))
    # After the database: of two processes on one database and one port, the second names the first.
    try:
        listener = listen(settings.host, settings.port)
    except OSError as error:
        engine.close()
        return _fail(f"{settings.host}:{settings.port}: {error.strerror or error} (another: STEPSTREAM_PORT)")
    # What exists now stays: collecting it again and again is what makes the slowest percent slow.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)
    # A line passes several threads; beside a worker function that computes, each waits its turn so long.
    sys.setswitchinterval(SWITCH_SECONDS)
    server = Server(create_app(settings, engine), engine)
    server.serve_on(listener)
    written = engine.close()
    if server.died is not None:
        return _fail(f"stopped by a failure: {server.died!r}")
    if not server.started:
        return 1
    return 0 if written else _fail("the last rows could not be written")


def _fail(message: str) -> int:
    print(f"stepstream: {message}", file=sys.stderr, flush=True)
    return 1


def parse(arguments: Sequence[str]) -> dict[str, str]:
    """The flags of a command line."""
    parser = argparse.ArgumentParser(
        prog="stepstream",
        usage="stepstream [serve] [FLAGS]",
        description="Run multi-step jobs and show every worker live. Flags win over STEPSTREAM_… variables.",
        allow_abbrev=False,
    )
    parser.add_argument("--host", help="address to listen on (127.0.0.1)")
    parser.add_argument("--port", help="port to listen on (8000; 0: any free one)")
    parser.add_argument("--db", help="database file (stepstream.db)")
    parser.add_argument("--definitions", help="folder of definitions that add to the shipped ones")
    parser.add_argument("--workers", help="folder of Python files with worker functions")
    parser.add_argument("--hosts", help="further allowed Host names, with commas between them")
    parser.add_argument("--synchronous", help="FULL (survives a power cut) or NORMAL")
    parser.add_argument("--log-level", help="lowest level taken from logging (info)")
    rest = arguments[1:] if arguments[:1] == ["serve"] else arguments
    return cast("dict[str, str]", vars(parser.parse_args(rest)))


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
