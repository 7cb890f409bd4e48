"""Promise: a process that dies or stops loses no row, and tells what it interrupted."""

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.service_process import ROOT, Service
from tests.sse import Event

WORKERS = """
    import asyncio, time
    import anyio
    from jobs import Job, worker

    @worker("endless")
    async def endless(step: Job, kind: str = "async", jobs: int = 3) -> None:
        kinds = {"async": waits, "thread": sleeps, "blocks": blocks, "tasks": starts_tasks}
        for number in range(jobs):
            step.spawn(kinds[kind], number)

    async def waits(job: Job, number: int) -> None:
        while True:
            job.log.info("tick of %d", number)
            await anyio.sleep(0.002)

    def sleeps(job: Job, number: int) -> None:
        job.log.info("tick of %d", number)
        time.sleep(600)

    async def blocks(job: Job, number: int) -> None:
        job.log.info("tick of %d", number)
        await anyio.sleep(0.1)
        time.sleep(600)

    async def starts_tasks(job: Job, number: int) -> None:
        job.log.info("tick of %d", number)
        kept = [asyncio.create_task(asyncio.sleep(600)) for _ in range(50_000)]
        while True:
            for _ in range(100):
                kept.append(asyncio.create_task(asyncio.sleep(0)))
            await asyncio.sleep(0)
            del kept[50_000:]

    @worker("short")
    async def short(step: Job, seconds: float) -> None:
        step.log.info("tick")
        await anyio.sleep(seconds)
"""

DEFINITION = """
    [params]
    kind = "async"
    [step.one]
    type = "endless"
    kind = "{params.kind}"
    concurrency = 2
    [step.two]
    type = "short"
    depends = "one"
    seconds = 0
"""


@pytest.fixture
def service(make_service: Callable[..., Service]) -> Service:
    service = make_service()
    service.add_workers("restart", WORKERS)
    service.define("endless", DEFINITION)
    service.define("short", '[step.only]\ntype = "short"\nseconds = 0.8')
    return service.start()


def read_until_ticking(events: Iterator[Event], count: int = 1) -> list[Event]:
    found: list[Event] = []
    while sum("tick" in event.data for event in found) < count:
        found.append(next(events))
    return found


def check_interrupted(service: Service, manager_id: str, reason: str) -> dict[str, Any]:
    manager: dict[str, Any] = service.get(f"/managers/{manager_id}")
    assert manager["status"] == "interrupted"
    assert manager["reason"] == reason
    assert [step["status"] for step in manager["steps"]] == ["interrupted", "interrupted"]
    assert manager["interrupted_jobs"] == 3
    assert manager["running_jobs"] == manager["pending_jobs"] == 0
    jobs = service.get(f"/managers/{manager_id}/jobs")["items"]
    assert {(job["status"], job["reason"]) for job in jobs} == {("interrupted", reason)}
    rows = service.rows(manager_id)
    assert [row["seq"] for row in rows] == list(range(1, manager["last_seq"] + 1))
    notes = [row for row in rows if row.get("originator") == "system" and "step_id" not in row]
    assert [row["message"] for row in notes] == [f"Interrupted: {reason}"]
    assert rows[-1]["status"] == "interrupted"
    return manager


def test_kill_9_loses_no_row_that_was_seen(service: Service) -> None:
    manager_id = service.run("endless")
    with service.stream(manager_id) as events:
        seen = read_until_ticking(events, count=50)
        service.process.send_signal(signal.SIGKILL)
    service.kill()
    service.start()
    check_interrupted(service, manager_id, "the service had died")
    rows = service.events(manager_id)
    before = [(event.id, event.data) for event in seen if event.is_row]
    assert [(event.id, event.data) for event in rows if event.is_row][: len(before)] == before
    with sqlite3.connect(service.db) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    # The service goes on as if nothing had been: also with the definition that ran.
    assert service.run_to_end("short")["status"] == "completed"
    assert service.post("/definitions/endless/runs").status_code == 201


@pytest.mark.parametrize(
    ("kind", "number"),
    [
        pytest.param("async", signal.SIGTERM, id="async-SIGTERM"),
        pytest.param("async", signal.SIGINT, id="async-SIGINT"),
        pytest.param("thread", signal.SIGTERM, id="thread-SIGTERM"),
        pytest.param("blocks", signal.SIGTERM, id="blocks-SIGTERM"),
        pytest.param("tasks", signal.SIGTERM, id="tasks-SIGTERM"),
    ],
)
def test_a_stop_interrupts_what_runs_whatever_it_does(service: Service, kind: str, number: int) -> None:
    manager_id = service.run("endless", kind=kind)
    with service.stream(manager_id) as events:
        read_until_ticking(events, count=2)
    assert service.stop(number, timeout=6) == 0
    assert "Traceback" not in service.errors()
    service.start()
    check_interrupted(service, manager_id, "the service was stopped")


@pytest.mark.slow
def test_a_stop_interrupts_very_many_worker_jobs_in_time(service: Service) -> None:
    service.define("endless", DEFINITION.replace("concurrency = 2", "concurrency = 2\n    jobs = 50_000"))
    manager_id = service.run("endless")
    while service.get(f"/managers/{manager_id}")["total_jobs"] < 50_000:
        pass
    assert service.stop(timeout=6) == 0
    service.start()
    assert service.get(f"/managers/{manager_id}")["interrupted_jobs"] == 50_000


def test_a_stop_gives_a_grace_to_what_ends_by_itself(service: Service) -> None:
    manager_id = service.run("short")
    with service.stream(manager_id) as events:
        read_until_ticking(events)
    assert service.stop() == 0
    service.start()
    assert service.get(f"/managers/{manager_id}")["status"] == "completed"


def test_no_run_starts_during_a_stop(service: Service) -> None:
    """A definition of two steps: the second one is not started when the first ends in the grace."""
    service.define(
        "chain",
        '[step.one]\ntype = "short"\nseconds = 0.5\n[step.two]\ntype = "short"\ndepends = "one"\nseconds = 0',
    )
    manager_id = service.run("chain")
    with service.stream(manager_id) as events:
        read_until_ticking(events)
    assert service.stop() == 0
    service.start()
    manager = service.get(f"/managers/{manager_id}")
    assert [step["status"] for step in manager["steps"]] == ["completed", "interrupted"]
    assert manager["status"] == "interrupted"


def test_a_signal_before_the_server_listens_is_not_lost(service: Service) -> None:
    """It comes when the process has taken the signals from Python and uvicorn has not taken them yet."""
    service.stop()
    code = """
        import os, signal, app
        from jobs.web.server import Server
        run = Server.run
        def signalled(self, **keywords):
            os.kill(os.getpid(), signal.SIGTERM)
            run(self, **keywords)
        Server.run = signalled
        app.main(["--port", "0"])
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    assert subprocess.run(command, cwd=service.folder, env=environ, timeout=10, check=False).returncode == 0


def test_a_second_process_is_refused_and_changes_nothing(service: Service) -> None:
    manager_id = service.run("endless")
    with service.stream(manager_id) as events:
        read_until_ticking(events)
    for flags in (["--port", "0"], []):  # also on the same port: what matters is who has the database
        second = service.spawn(*flags)
        assert second.wait(10) != 0
        assert second.stdout is not None
        assert second.stdout.read() == ""
        second.stdout.close()
        line = service.errors().splitlines()[-1]
        assert f"process {service.process.pid}" in line
        assert str(service.db) in line
    assert len(service.errors().splitlines()) == 2
    assert service.get(f"/managers/{manager_id}")["status"] == "running"
    service.kill()
    service.start()  # a killed process keeps no lock


def test_another_name_of_the_database_is_the_same_database(service: Service) -> None:
    manager_id = service.run("endless")
    link = service.folder / "link.db"
    link.symlink_to(service.db)
    second = service.spawn("--port", "0", "--db", str(link))
    assert second.wait(10) == 1
    assert second.stdout is not None
    second.stdout.close()
    assert f"process {service.process.pid}" in service.errors()
    assert service.get(f"/managers/{manager_id}")["status"] == "running"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"no database at all, just text" * 100, "file is not a database", id="garbage"),
        pytest.param("foreign", "belongs to another program", id="foreign"),
    ],
)
def test_a_file_that_is_not_ours_is_left_as_it_was(
    make_service: Callable[..., Service], content: bytes | str, message: str
) -> None:
    service = make_service()
    if isinstance(content, bytes):
        service.db.write_bytes(content)
    else:
        with sqlite3.connect(service.db) as db:
            db.execute("CREATE TABLE log (id INTEGER)")
    before = service.db.read_bytes()
    process = service.spawn()
    assert process.wait(10) == 1
    assert process.stdout is not None
    process.stdout.close()
    (line,) = service.errors().splitlines()
    assert message in line
    assert str(service.db) in line
    assert service.db.read_bytes() == before


def test_a_database_that_is_removed_is_told_and_what_runs_is_seen_to_its_end(service: Service) -> None:
    assert service.client.get("/healthz").status_code == 200
    manager_id = service.run("short")
    service.db.unlink()
    response = service.client.get("/healthz")
    assert response.status_code == 503
    assert response.json()["database"] == "stepstream.db was removed"
    assert service.finish(manager_id)["status"] == "completed"
    service.db.touch()
    assert service.client.get("/healthz").json()["database"] == "stepstream.db was replaced"


def test_a_vacuum_beside_it_is_no_damage(service: Service) -> None:
    manager = service.run_to_end("load-test", worker_count=100, log_delay_ms=0)
    assert service.client.delete(f"/managers/{manager['id']}").status_code == 204
    size = service.db.stat().st_size
    with closing(sqlite3.connect(service.db)) as connection:
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert service.db.stat().st_size < size
    assert service.get("/healthz")["database"] == "ok"


def test_the_database_is_for_its_owner_only(service: Service) -> None:
    assert Path(service.db).stat().st_mode & 0o077 == 0
