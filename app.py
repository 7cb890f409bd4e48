"""How is the service started? Its parts are put together here: settings, engine, application, server."""

import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import anyio.to_thread
from starlette.applications import Starlette
from starlette.middleware import Middleware

import jobs
from jobs.cli import commands
from jobs.cli.view import tell
from jobs.engine import Engine
from jobs.settings import Settings
from jobs.store.store import DatabaseError
from jobs.web.descriptors import raise_descriptor_limit
from jobs.web.floor import standing
from jobs.web.guard import Guard
from jobs.web.problem import HANDLERS
from jobs.web.routes import routes
from jobs.web.server import Server, listen, tune_interpreter
from jobs.web.token import Login

__all__ = ["Settings", "create_app", "main", "open_engine", "serve", "static_folder"]


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
        if engine is None:  # a server that is not ours: end it when the engine has died
            running.on_death = lambda error: os.kill(os.getpid(), signal.SIGTERM)
        try:
            async with standing(running, login) as app.state.floor:
                running.scheduler.start()
                try:
                    yield
                finally:
                    del app.state.floor
        except Exception as error:  # of a task of ours; the service must not stay half alive
            running.on_death(error)
            raise
        finally:
            if engine is None:
                with anyio.CancelScope(shield=True):
                    await anyio.to_thread.run_sync(running.drain)
                    await anyio.to_thread.run_sync(running.close)

    app = Starlette(
        routes=routes(static_folder()),
        middleware=[Middleware(Guard, settings.host_names, login)],
        exception_handlers=HANDLERS,
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    return app


def open_engine(settings: Settings) -> Engine:
    """The engine of some settings, started.

    :raises DatabaseError: the database cannot be used
    :raises ValueError: a folder does not exist
    """
    return Engine(
        settings.db,
        settings.definitions,
        settings.workers,
        os.environ if settings.environ is None else settings.environ,
        settings.synchronous,
        getattr(logging, settings.log_level.upper()),
        secrets={"STEPSTREAM_TOKEN": settings.token} if settings.token else {},
    )


def static_folder() -> Path:
    """The folder of the panel's files: inside the installed package, or beside this file in a checkout."""
    installed = Path(jobs.__file__).parent / "static"
    return installed if installed.is_dir() else Path(__file__).parent / "static"


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
    tune_interpreter()
    server = Server(create_app(settings, engine), engine)
    server.serve_on(listener)
    written = engine.close()
    if server.died is not None:
        return _fail(f"stopped by a failure: {server.died!r}")
    if not server.started:
        return 1
    return 0 if written else _fail("the last rows could not be written")


def _fail(message: str) -> int:
    tell(message)
    return 1


def main(arguments: Sequence[str] | None = None) -> None:
    """The command ``stepstream``."""
    words = sys.argv[1:] if arguments is None else arguments
    status = commands.run(words, os.environ, serve, open_engine)
    sys.stdout.flush()
    sys.stderr.flush()
    # A thread that a worker function keeps would keep the interpreter from ending.
    os._exit(status)


if __name__ == "__main__":
    main()
