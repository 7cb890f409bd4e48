"""How does a fault run alone, and what does each need? Its arguments, a folder, a service with the load."""

import argparse
import inspect
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import pytest

from tests.faults import load
from tests.service_process import Service

Figures = dict[str, Any]
POLL_SECONDS = 0.02


class FaultService(Service):
    """A service with the worker functions of ``tests.faults.load``; what still runs of it is killed."""

    def __init__(self, folder: Path, environ: dict[str, str] | None = None) -> None:
        super().__init__(folder, environ)
        self._spawned: list[subprocess.Popen[str]] = []
        shutil.copy(load.__file__, self.workers / "fault_load.py")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        for process in self._spawned:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()
        if hasattr(self, "client"):
            self.client.close()

    def spawn(self, *flags: str) -> "subprocess.Popen[str]":
        """Start a process without waiting for it."""
        self._spawned.append(super().spawn(*flags))
        return self._spawned[-1]

    def start(self) -> "FaultService":
        """Start it and wait until it says that it listens."""
        super().start()
        return self

    def define_step(self, name: str, worker_type: str, **config: Any) -> None:
        """A definition of one step."""
        keys = "".join(f"{key} = {_toml(value)}\n" for key, value in config.items())
        self.define(name, f'max_running = 100\n[step.only]\ntype = "{worker_type}"\n{keys}')


def _toml(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else repr(value)


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 20) -> float:
    """Wait for something; after how many seconds it was so.

    :raises AssertionError: it was not so in time
    """
    started = time.monotonic()
    while not condition():
        if time.monotonic() - started > seconds:
            raise AssertionError(f"not in {seconds} s: {what}")
        time.sleep(POLL_SECONDS)
    return time.monotonic() - started


def alone(*faults: Callable[..., Figures]) -> None:
    """Run faults as a command, each in a folder of its own: their keyword arguments are its flags."""
    parser = argparse.ArgumentParser(description=faults[0].__doc__)
    options = {
        name: parameter
        for fault in faults
        for name, parameter in inspect.signature(fault).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    }
    for name, parameter in options.items():
        parser.add_argument(f"--{name}", type=type(parameter.default), default=parameter.default)
    given = vars(parser.parse_args())
    broken = False
    for fault in faults:
        wanted = inspect.signature(fault).parameters
        name = fault.__name__.replace("_", " ")
        with TemporaryDirectory(prefix="stepstream-fault-") as folder:
            try:
                figures = fault(Path(folder), **{key: given[key] for key in given if key in wanted})
            except pytest.skip.Exception as reason:
                print(f"{name}: skipped: {reason}")
            except AssertionError as error:
                broken = True
                print(f"{name}: BROKEN: {error}")
            else:
                print(f"{name}: holds; {', '.join(f'{what} {value}' for what, value in figures.items())}")
    sys.exit(broken)
