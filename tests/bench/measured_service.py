"""What is measured? A real service of its own, pinned to one core, with the load's worker functions."""

import json
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.bench import load
from tests.bench.process import SERVER_CORE, on_core
from tests.service_process import TERMINAL, Service

POLL_SECONDS = 0.01


class MeasuredService(Service):
    """A service whose runs put load on it."""

    @property
    def go(self) -> Path:
        """The file that ``bench_paced`` waits for."""
        return self.folder / "go"

    def spawn(self, *flags: str) -> "subprocess.Popen[str]":
        """Start a process on the server's core."""
        with on_core(SERVER_CORE):
            return super().spawn(*flags)

    def start_load(self, worker_type: str, *, max_running: int = 1, **config: Any) -> str:
        """Run a worker type of the load; the manager's id.

        :param config: the step's keys
        """
        keys = "".join(f"{key} = {json.dumps(value)}\n" for key, value in config.items())
        self.define(worker_type, f'max_running = {max_running}\n[step.load]\ntype = "{worker_type}"\n{keys}')
        return self.run(worker_type)

    def start_paced(
        self, lines: int, rate: float, worker_type: str = "bench_paced", max_running: int = 1
    ) -> str:
        """Run a worker that writes lines at a rate once ``go`` exists; the manager's id."""
        self.go.unlink(missing_ok=True)
        return self.start_load(worker_type, max_running=max_running, go=str(self.go), lines=lines, rate=rate)

    def wait(self, manager_id: str) -> int:
        """Wait until a run has ended, without a word to the service; how many rows it has.

        :raises RuntimeError: it did not complete
        """
        query = "SELECT status, last_seq FROM managers WHERE id = ?"
        with closing(sqlite3.connect(f"file:{self.db}?mode=ro", uri=True)) as database:
            while (found := database.execute(query, (manager_id,)).fetchone())[0] not in TERMINAL:
                time.sleep(POLL_SECONDS)
        if found[0] != "completed":
            raise RuntimeError(f"the load ended {found[0]}: {self.errors()}")
        rows: int = found[1]
        return rows


@contextmanager
def measured_service() -> Iterator[MeasuredService]:
    """A started service with an empty database; both are gone afterwards."""
    with new_service() as service:
        service.start()
        try:
            yield service
        except Exception as error:
            if (status := service.process.poll()) is not None:
                error.add_note(f"the service had ended with status {status}: {service.errors()}")
            raise
        finally:
            if service.process.poll() is None:
                service.stop()


@contextmanager
def new_service() -> Iterator[MeasuredService]:
    """A service that is not started; its folder is removed afterwards."""
    with TemporaryDirectory(prefix="stepstream-bench-") as folder:
        service = MeasuredService(Path(folder))
        shutil.copy(load.__file__, service.workers / "bench_load.py")
        yield service
