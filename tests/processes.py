"""Which processes are there? Looked up by pid, and by the marker in the environment of a service's own."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.process_workers import JOB, WORKERS
from tests.service_process import Service

linux = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks into /proc")
MARKER = "PROCESS_TEST"


def with_workers(service: Service) -> Service:
    """The service, with the worker functions and the definition of these tests."""
    service.add_workers("processes", WORKERS)
    service.define("job", JOB)
    return service


def wait_for(condition: Callable[[], object], seconds: float = 10) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.01)


def alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def marked(marker: str) -> list[int]:
    """The processes whose environment has a marker."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environ = (folder / "environ").read_bytes()
        except OSError:
            continue
        if f"{MARKER}={marker}".encode() in environ.split(b"\0") and alive(int(folder.name)):
            found.append(int(folder.name))
    return found


def pids(service: Service, manager_id: str) -> list[int]:
    """What the worker job has logged as its pids, as soon as it has."""
    with service.stream(manager_id, events="job_log") as events:
        for event in events:
            if event.is_row and event.json["message"] == "pids":
                found: list[int] = event.json["data"]
                return found
    raise AssertionError("it logged no pids")
