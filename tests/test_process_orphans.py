"""Promise: no process of a worker function outlives its service, or keeps the next one from starting."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.processes import MARKER, alive, linux, marked, pids, wait_for, with_workers
from tests.service_process import Service

pytestmark = linux


def start(make_service: Callable[..., Service], marker: str) -> Service:
    return with_workers(make_service({MARKER: marker})).start()


def endless(service: Service) -> list[int]:
    """Its pids: the process, the grandchild, the fork server."""
    return pids(service, service.run("job", how="endless"))


def test_a_service_that_is_killed_takes_them_along(
    make_service: Callable[..., Service], tmp_path: Path
) -> None:
    marker = tmp_path.name
    service = start(make_service, marker)
    found = endless(service)
    assert set(found) < set(marked(marker))
    service.kill()
    wait_for(lambda: not marked(marker) and not any(map(alive, found)))
    service.start()  # on the same database and port, at once
    assert service.get("/managers/latest")["status"] == "interrupted"


@pytest.mark.slow
def test_a_stop_takes_them_along_and_is_not_delayed(
    make_service: Callable[..., Service], tmp_path: Path
) -> None:
    marker = tmp_path.name
    service = start(make_service, marker)
    found = endless(service)
    started = time.monotonic()
    assert service.stop() == 0
    assert time.monotonic() - started < 6
    wait_for(lambda: not marked(marker) and not any(map(alive, found)))
    service.start()
    assert service.get("/managers/latest")["status"] == "interrupted"


def test_they_end_also_when_their_fork_server_is_killed_first(
    make_service: Callable[..., Service], tmp_path: Path
) -> None:
    service = start(make_service, tmp_path.name)
    process, grandchild, server = endless(service)
    service.process.send_signal(signal.SIGSTOP)  # it cannot tidy up
    os.kill(server, signal.SIGKILL)
    wait_for(lambda: not alive(process))
    service.kill()
    os.kill(grandchild, signal.SIGKILL)  # of two that are killed, neither can do it


def test_a_service_without_process_jobs_starts_no_process(
    make_service: Callable[..., Service], tmp_path: Path
) -> None:
    service = start(make_service, tmp_path.name)
    service.run_to_end("job", how="quick_enough")
    assert marked(tmp_path.name) == [service.process.pid]


@pytest.mark.parametrize("again", ["database", "port"])
def test_a_plain_fork_of_the_service_keeps_neither_lock_nor_port(
    make_service: Callable[..., Service], tmp_path: Path, again: str
) -> None:
    service = start(make_service, tmp_path.name)
    (orphan,) = pids(service, service.run("job", how="forks_the_service"))
    service.kill()
    assert alive(orphan)
    try:
        if again == "port":
            service.db = service.folder / "other.db"
        else:
            service.url = ""
        service.start()
    finally:
        os.kill(orphan, signal.SIGKILL)
