"""A real service for a test: a process of its own on a free port, with a real database file."""

import os
import resource
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import httpx

from tests.sse import Event, parse

ROOT = Path(__file__).parent.parent
TERMINAL = {"completed", "completed_with_warnings", "failed", "cancelled", "skipped", "interrupted"}
Headers = Mapping[str, str] | httpx.Headers


class Service:
    """A Stepstream process that can be stopped, killed and started again on the same database.

    :param folder: where its database, definitions and worker functions are
    :param environ: further environment variables
    """

    def __init__(self, folder: Path, environ: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.db = folder / "stepstream.db"
        self.definitions = folder / "definitions"
        self.workers = folder / "workers"
        self.definitions.mkdir(exist_ok=True)
        self.workers.mkdir(exist_ok=True)
        self._environ = dict(environ or {})
        self.descriptors: int | None = None  # how many it may have; None: as many as the system allows
        self.command: tuple[str, ...] = ()  # what runs the interpreter; it must become it, or hand signals on
        self.process: subprocess.Popen[str]
        self.url = ""
        self.client: httpx.Client

    # -- its life

    def define(self, name: str, toml: str) -> None:
        """Write a definition; seen at the next request."""
        (self.definitions / f"{name}.toml").write_text(textwrap.dedent(toml), encoding="utf-8")

    def add_workers(self, name: str, code: str) -> None:
        """Write a file of worker functions; seen at the next start."""
        (self.workers / f"{name}.py").write_text(textwrap.dedent(code), encoding="utf-8")

    def start(self) -> "Service":
        """Start it and wait until it says that it listens."""
        self.process = self.spawn()
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line.startswith("Stepstream listening on "):
            raise RuntimeError(f"the service did not start: {line}{self.errors()}")
        self.url = line.removeprefix("Stepstream listening on ").strip()
        self.client = httpx.Client(base_url=self.url, timeout=20)
        return self

    def spawn(self, *flags: str) -> "subprocess.Popen[str]":
        """Start a process without waiting for it."""
        environ = {key: value for key, value in os.environ.items() if not key.startswith("STEPSTREAM_")}
        settings = {
            "STEPSTREAM_DB": self.db,
            "STEPSTREAM_PORT": self.url.rpartition(":")[2] or "0",
            "STEPSTREAM_DEFINITIONS": self.definitions,
            "STEPSTREAM_WORKERS": self.workers,
        }
        environ |= {key: str(value) for key, value in settings.items()} | self._environ
        with self._error_file("a") as errors:
            return subprocess.Popen(
                [*self.command, sys.executable, str(ROOT / "app.py"), *flags],
                cwd=self.folder,
                env=environ,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                preexec_fn=self._limit,
            )

    def _limit(self) -> None:
        """In the new process, before its program."""
        if self.descriptors is not None:
            resource.setrlimit(resource.RLIMIT_NOFILE, (self.descriptors, self.descriptors))

    def _error_file(self, mode: str) -> IO[str]:
        return open(self.folder / "errors.txt", mode, encoding="utf-8")

    def errors(self) -> str:
        """What it has written to standard error."""
        with self._error_file("r") as errors:
            return errors.read()

    def stop(self, number: int = signal.SIGTERM, timeout: float = 10) -> int:
        """Send it a signal and wait for its end; its exit status."""
        self.client.close()
        self.process.send_signal(number)
        assert self.process.stdout is not None
        status = self.process.wait(timeout)
        self.process.stdout.close()
        return status

    def kill(self) -> None:
        """Pull the plug."""
        self.stop(signal.SIGKILL)

    # -- what a client does

    def get(self, path: str, **parameters: Any) -> Any:
        """The JSON at a path."""
        response = self.client.get(path, params=parameters)
        assert response.status_code == 200, response.text
        return response.json()

    def post(self, path: str, body: Any = None) -> httpx.Response:
        """The answer to a POST."""
        return self.client.post(path, json=body) if body is not None else self.client.post(path)

    def run(self, definition: str, **params: Any) -> str:
        """Start a run; its id."""
        response = self.post(f"/definitions/{definition}/runs", {"params": params})
        assert response.status_code == 201, response.text
        identity: str = response.json()["id"]
        return identity

    @contextmanager
    def stream(
        self, manager_id: str, headers: Headers | None = None, **parameters: Any
    ) -> Iterator[Iterator[Event]]:
        """The events of a manager, as they come."""
        with self.client.stream(
            "GET", f"/managers/{manager_id}/events", params=parameters, headers=headers
        ) as response:
            assert response.status_code == 200, response.read()
            yield parse(response.iter_raw())

    def events(self, manager_id: str, headers: Headers | None = None, **parameters: Any) -> list[Event]:
        """All events of a manager until its stream ends."""
        with self.stream(manager_id, headers, **parameters) as events:
            return list(events)

    def rows(self, manager_id: str, **parameters: Any) -> list[dict[str, Any]]:
        """All rows of a manager until its stream ends."""
        return [event.json for event in self.events(manager_id, **parameters) if event.is_row]

    def finish(self, manager_id: str) -> dict[str, Any]:
        """Wait for the end of a run; the manager."""
        assert self.events(manager_id, tail=0)[-1].name == "end"
        manager: dict[str, Any] = self.get(f"/managers/{manager_id}")
        assert manager["status"] in TERMINAL
        return manager

    def run_to_end(self, definition: str, **params: Any) -> dict[str, Any]:
        """Start a run and wait for its end; the manager."""
        return self.finish(self.run(definition, **params))
