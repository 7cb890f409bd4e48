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
from typing import Any, cast

import anyio
import anyio.to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

import jobs
from jobs.cli import commands
from jobs.cli.ending import CommandError
from jobs.cli.words import Parser, summary
from jobs.engine import Engine
from jobs.hub import Hub
from jobs.loop_call import Blocked
from jobs.store.reader import ReadError
from jobs.store.store import DatabaseError, Synchronous
from jobs.store.transaction import Commit
from jobs.store.writer import Closed
from jobs.web.floor import Floor
from jobs.web.guard import Guard
from jobs.web.login import Login
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

NAMES = ("host", "port", "db", "definitions", "workers", "hosts", "token", "synchronous", "log_level")
LOG_LEVELS = ("debug", "info", "warning", "error")
SWITCH_SECONDS = 0.0005
LEAST_TOKEN = 6


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
    token: str | None = field(default=None, repr=False)
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
            for name in NAMES
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
        if "token" in given:
            _check_token(given["token"])
        settings = cls(**values)
        if settings.token is None and not _is_loopback(settings.host):
            raise SettingsError(
                f"host {settings.host}: an address that others can reach needs a token (STEPSTREAM_TOKEN)"
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


def _check_token(token: str) -> None:
    """A token has to fit into a header; a shorter one cannot be told from other text in the log."""
    if len(token) < LEAST_TOKEN or not all("!" <= letter <= "~" for letter in token):
        raise SettingsError(
            f"STEPSTREAM_TOKEN: expected {LEAST_TOKEN} or more characters of ASCII, none of them a blank"
        )


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
        secrets={"STEPSTREAM_TOKEN": settings.token} if settings.token else {},
    )


def create_app(settings: Settings | None = None, engine: Engine | None = None) -> Starlette:
    """The service as an ASGI application.

    Mounted in another one, its lifespan must be that one's, or be entered in that one's: Starlette runs the
    outermost only. Hence what the routes stand on is kept with this application, not in a lifespan's state.

    :param settings: default: those of the environment
    :param engine: one that is started already, and that the caller stops
    """
    settings = settings or Settings.read(os.environ)
    login = Login(settings.token) if settings.token else None

    @asynccontextmanager
    async def lifespan(outermost: Starlette) -> AsyncIterator[None]:
        running = engine or open_engine(settings)
        hub = Hub(running.tail_readers)
        overview = Overview(running.readers)

        def committed(commit: Commit) -> None:
            hub.committed(commit)
            overview.committed(commit)

        running.on_commit = committed
        if engine is None:  # a server that is not ours: end it when the engine has died
            running.on_death = lambda error: os.kill(os.getpid(), signal.SIGTERM)
        try:
            async with anyio.create_task_group() as tasks:
                await tasks.start(hub.run)
                tasks.start_soon(say_goodbye, hub)
                await tasks.start(overview.run)
                running.scheduler.start()
                app.state.floor = Floor(running, hub, overview, max_streams(), login)
                try:
                    yield
                finally:
                    del app.state.floor
                    tasks.cancel_scope.cancel()
                    if engine is None:
                        with anyio.CancelScope(shield=True):
                            await anyio.to_thread.run_sync(running.drain)
                            await anyio.to_thread.run_sync(running.close)
        except Exception as error:  # of a task above; the service must not stay half alive
            running.on_death(error)
            raise

    app = Starlette(
        routes=routes(static_folder()),
        middleware=[Middleware(Guard, (_host_name(settings.host), *settings.hosts), login)],
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


def flags_of(words: Sequence[str]) -> dict[str, str]:
    """The flags of ``stepstream serve``.

    :raises CommandError: one is unknown
    """
    parser = Parser(
        prog="stepstream",
        usage="stepstream [serve] [FLAGS]\n       stepstream COMMAND …",
        description="Run multi-step jobs and show every worker live. Flags win over STEPSTREAM_… variables.",
        epilog=f"commands (stepstream COMMAND --help tells more):\n{summary()}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
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
    return cast("dict[str, str]", vars(parser.parse(words)))


def serve_with(words: Sequence[str]) -> int:
    """What ``stepstream serve`` does."""
    flags = flags_of(words)
    try:
        settings = Settings.read(os.environ, flags)
    except SettingsError as error:
        return _fail(str(error))
    return serve(settings)


def open_local(flags: Mapping[str, str]) -> Engine:
    """The engine of ``stepstream run --local``, which nobody else can reach.

    :raises CommandError: a setting or the database cannot be used
    """
    of_a_server = ("STEPSTREAM_HOST", "STEPSTREAM_PORT", "STEPSTREAM_TOKEN")
    environ = {name: value for name, value in os.environ.items() if name not in of_a_server}
    try:
        return open_engine(Settings.read(environ, flags))
    except (SettingsError, DatabaseError, ValueError) as error:
        raise CommandError(str(error)) from None


def main(arguments: Sequence[str] | None = None) -> None:
    """The command ``stepstream``."""
    words = sys.argv[1:] if arguments is None else arguments
    status = commands.run(words, os.environ, serve_with, open_local)
    sys.stdout.flush()
    sys.stderr.flush()
    # A thread that a worker function keeps would keep the interpreter from ending.
    os._exit(status)


if __name__ == "__main__":
    main()
