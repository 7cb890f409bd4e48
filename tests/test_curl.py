"""Promise: bare ``curl -N`` follows a run, as events and as text, and ends by itself with exit status 0."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.programs import needs, program
from tests.service_process import Service

pytestmark = needs("curl")

WORKERS = """
    from pathlib import Path
    import anyio
    from jobs import Job, worker

    @worker("wait_for")
    async def wait_for(step: Job, path: str) -> None:
        step.log.info("waiting for a sign")
        while not Path(path).exists():
            await anyio.sleep(0.01)
        step.log.info("the sign came")
"""


@contextmanager
def curl(service: Service, path: str, *flags: str) -> "Iterator[subprocess.Popen[str]]":
    command = [program("curl"), "-sN", *flags, f"{service.url}{path}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield process


def read_until(process: "subprocess.Popen[str]", text: str) -> str:
    assert process.stdout is not None
    found = ""
    while text not in found:
        line = process.stdout.readline()
        assert line, found
        found += line
    return found


def finish(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    rest = process.stdout.read()
    assert process.wait(10) == 0
    return rest


@pytest.fixture
def waiting(service: Service, tmp_path: Path) -> Service:
    service.stop()
    service.add_workers("waits", WORKERS)
    service.define("waits", f'[step.only]\ntype = "wait_for"\npath = "{tmp_path}/sign"\n')
    return service.start()


def test_two_terminals_follow_the_newest_run(waiting: Service, tmp_path: Path) -> None:
    manager_id = waiting.run("waits")
    with (
        curl(waiting, "/managers/latest/events") as events,
        curl(waiting, "/managers/latest/log?follow=true") as text,
    ):
        # Both show the line while the step is running and cannot end.
        assert f'"manager_id":"{manager_id}"' in read_until(events, "waiting for a sign")
        assert " INFO  only › waiting for a sign" in read_until(text, "waiting for a sign")
        assert waiting.get(f"/managers/{manager_id}")["steps"][0]["status"] == "running"
        (tmp_path / "sign").touch()
        assert f"id: {manager_id}:" in (ended := finish(events))
        assert "event: end\n" in ended
        assert finish(text).splitlines()[-1].startswith("== completed in ")


def test_one_command_starts_and_follows(waiting: Service, tmp_path: Path) -> None:
    path = "/definitions/waits/runs"
    with curl(waiting, path, "-XPOST", "-HAccept: text/event-stream") as events:
        read_until(events, "waiting for a sign")
        (tmp_path / "sign").touch()
        assert "event: end\n" in finish(events)


def test_a_stop_of_the_service_is_a_clean_end_for_curl(waiting: Service) -> None:
    waiting.run("waits")
    with (
        curl(waiting, "/managers/latest/events") as events,
        curl(waiting, "/managers/latest/log?follow=true") as text,
    ):
        read_until(events, "waiting for a sign")
        read_until(text, "waiting for a sign")
        assert waiting.stop() == 0
        assert "event: bye\n" in finish(events)
        assert finish(text).splitlines()[-1].startswith("== cut at ")


def test_hanging_up_does_not_stop_the_run(waiting: Service, tmp_path: Path) -> None:
    with curl(waiting, "/definitions/waits/runs?follow=true", "-XPOST") as events:
        read_until(events, "waiting for a sign")
        events.kill()
    manager = waiting.get("/managers/latest")
    assert manager["status"] == "running"
    (tmp_path / "sign").touch()
    assert waiting.finish(manager["id"])["status"] == "completed"
