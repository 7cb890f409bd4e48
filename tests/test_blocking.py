"""Promise: an async worker function that blocks is named with its line, and the service goes on beside it."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import httpx
import pytest

from tests.service_process import Service
from tests.wire import Answer, check_problem

WORKERS = """
    import asyncio, contextvars, subprocess, time
    from pathlib import Path
    import anyio
    from jobs import Job, worker

    @worker("block")
    async def block(step: Job, how: str, seconds: float) -> None:
        step.spawn(FUNCTIONS[how], seconds)

    @worker("block_itself")
    async def block_itself(step: Job, seconds: float) -> None:
        time.sleep(seconds)  # the step's own function

    async def sleeps(job: Job, seconds: float) -> None:
        time.sleep(seconds)  # in a worker job

    async def computes(job: Job, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end: sum(range(100))

    async def in_a_child_task(job: Job, seconds: float) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(child, seconds)

    async def child(seconds: float) -> None:
        await anyio.sleep(0.01)
        time.sleep(seconds)  # in a child

    async def in_a_callback(job: Job, seconds: float) -> None:
        asyncio.get_running_loop().call_later(0.01, called, seconds)
        await anyio.sleep(0.1)

    def called(seconds: float) -> None:
        time.sleep(seconds)  # in a callback

    async def in_a_library(job: Job, seconds: float) -> None:
        subprocess.run(["sleep", str(seconds)])

    async def in_a_callback_of_no_job(job: Job, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        contextvars.Context().run(loop.call_later, 0.01, called, seconds)
        await anyio.sleep(0.1)

    async def floods(job: Job, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            job.log.info("flood")

    async def is_quick(job: Job, seconds: float) -> None:
        await anyio.sleep(0)

    async def takes_its_time(job: Job, seconds: float) -> None:
        await anyio.sleep(seconds)

    def stamps(job: Job, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (now := time.monotonic()) < end:
            job.log.info("%f", now)
            time.sleep(0.02)

    def computes_in_a_thread(job: Job, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            sum(range(1000))

    def keeps_the_lock_in_a_thread(job: Job, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            sum(range(40_000_000))  # one call, and nothing else runs in it

    async def many_in_a_row(job: Job, seconds: float) -> None:
        async def short() -> None:
            end = time.monotonic() + 0.01
            while time.monotonic() < end:
                pass
        async with asyncio.TaskGroup() as tasks:
            for _ in range(int(seconds / 0.01)):
                tasks.create_task(short())

    @worker("spawn_many")
    async def spawn_many(step: Job, how: str, seconds: float, jobs: int) -> None:
        for _ in range(jobs):
            step.spawn(FUNCTIONS[how], seconds)

    FUNCTIONS = {name: value for name, value in globals().items() if callable(value)}
"""


# How long a function blocks, and how soon its warning is due (seconds). The last is for a machine that has so
# much else to do that it keeps the service from looking.
TRIES = [(0.8, 1.0)] * 3 + [(6.0, 5.0)]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("blocking"))
    service.add_workers("blocking", WORKERS)
    params = '[params]\nhow = ""\nseconds = 1.0\njobs = 1\n[step.only]\nseconds = "{params.seconds}"\n'
    service.define("block", f'{params}type = "block"\nhow = "{{params.how}}"')
    service.define("itself", f'{params}type = "block_itself"')
    service.define("many", f'{params}type = "spawn_many"\nhow = "{{params.how}}"\njobs = "{{params.jobs}}"')
    yield service.start()
    assert service.stop() == 0
    assert service.errors() == ""


def line_of(text: str) -> int:
    """The number of the line of the workers that has a text."""
    return next(n for n, line in enumerate(WORKERS.splitlines(), 1) if text in line)


def warnings_of(service: Service, manager_id: str) -> list[dict[str, Any]]:
    """The warning rows of a run, once it has ended."""
    return service.rows(manager_id, events="job_log", level="warning")


@pytest.mark.parametrize(
    ("how", "function", "code"),
    [
        ("sleeps", "sleeps", "time.sleep(seconds)  # in a worker job"),
        ("computes", "computes", "while time.monotonic() < end: sum(range(100))"),
        ("in_a_child_task", "child", "time.sleep(seconds)  # in a child"),
        ("in_a_callback", "called", "time.sleep(seconds)  # in a callback"),
        ("in_a_library", "in_a_library", 'subprocess.run(["sleep", str(seconds)])'),
    ],
)
def test_the_worker_job_and_its_line_are_named(service: Service, how: str, function: str, code: str) -> None:
    manager, row = warned_in_time(service, how)
    assert manager["status"] == "completed"
    job_id, seconds, line = f"{manager['id']}.1.1", row["data"]["blocked_seconds"], line_of(code)
    assert {key: row[key] for key in ("originator", "step_name", "step_id", "job_id", "attempt")} == {
        "originator": "system",
        "step_name": "only",
        "step_id": f"{manager['id']}.1",
        "job_id": job_id,
        "attempt": 1,
    }
    assert row["message"] == (
        f"{how} ({job_id}) blocks the event loop for {seconds:.1f} s: "
        f"workers/blocking.py:{line} in {function}: {code}"
    )
    assert row["data"] == {
        "blocked_seconds": seconds,
        "file": str(service.workers / "blocking.py"),
        "line": line,
        "function": function,
    }
    assert 0.5 <= seconds < 5


def warned_in_time(service: Service, how: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A run that blocks, and its one warning, within a second of the start of the worker job."""
    for seconds, within in TRIES:
        manager = service.run_to_end("block", how=how, seconds=seconds)
        rows = warnings_of(service, manager["id"])
        assert len(rows) <= 1
        if rows and since_start(service, rows[0]) < within:
            return manager, rows[0]
    raise AssertionError("no warning in time")


def since_start(service: Service, row: dict[str, Any]) -> float:
    """Seconds from the start of a row's worker job to the row."""
    (job,) = service.get(f"/managers/{row['manager_id']}/jobs")["items"]
    started, warned = (datetime.fromisoformat(text) for text in (job["started_at"], row["created_at"]))
    return (warned - started).total_seconds()


def test_a_step_that_blocks_is_named(service: Service) -> None:
    manager = service.run_to_end("itself", seconds=3.0)
    (row,) = warnings_of(service, manager["id"])
    assert row["message"].startswith(f"only ({manager['id']}.1) blocks the event loop for 0.")
    assert (row["step_name"], row["originator"], row.get("job_id")) == ("only", "system", None)


def test_a_callback_of_no_job_is_told_to_who_runs_the_service(make_service: Callable[..., Service]) -> None:
    service = make_service()
    service.add_workers("blocking", WORKERS)
    service.define("block", '[step.only]\ntype = "block"\nhow = "in_a_callback_of_no_job"\nseconds = 3.0')
    service.start()
    assert warnings_of(service, service.run_to_end("block")["id"]) == []
    line = line_of("time.sleep(seconds)  # in a callback")
    assert service.errors().startswith("a callback of no job blocks the event loop for 0.")
    assert f"workers/blocking.py:{line} in called: time.sleep(seconds)" in service.errors()


def test_a_flood_is_told_while_the_queue_is_full(service: Service) -> None:
    _, row = warned_in_time(service, "floods")
    assert " in floods: " in row["message"]  # most often at its job.log.info, at times between two
    assert row["message"].endswith(('job.log.info("flood")', "while time.monotonic() < end:"))


@pytest.mark.parametrize(
    ("how", "seconds", "jobs"),
    [
        ("is_quick", 0.0, 300),
        ("takes_its_time", 0.8, 4),
        ("computes_in_a_thread", 2.0, 2),
        ("keeps_the_lock_in_a_thread", 1.5, 2),
        ("many_in_a_row", 1.5, 1),
    ],
)
def test_nobody_is_named_who_does_not_block(service: Service, how: str, seconds: float, jobs: int) -> None:
    """Neither many who are quick, nor those who are slow because others compute."""
    manager = service.run_to_end("many", how=how, seconds=seconds, jobs=jobs)
    assert manager["completed_jobs"] == jobs
    assert warnings_of(service, manager["id"]) == []


@pytest.mark.parametrize("how", ["sleeps", "computes"])
def test_the_service_goes_on_beside_it(service: Service, how: str) -> None:
    stamped = service.run("many", how="stamps", seconds=3.0)
    with service.stream(stamped, events="job_log", level="info") as events:
        next(event for event in events if event.is_row and event.json.get("step_name"))
        blocked = service.run("block", how=how, seconds=2.0)
        with ThreadPoolExecutor() as pool:
            asking = pool.submit(asked_until_it_ends, service, blocked)
            ages = [
                time.monotonic() - float(event.json["message"])
                for event in events
                if event.is_row and event.json.get("step_name")
            ]
            latencies = asking.result()
    # Were they held up, each would have waited for two seconds, whatever else the machine does.
    assert len(latencies) > 10
    assert len(ages) > 10
    assert max(latencies) < 1.5
    assert max(ages) < 1.5


def asked_until_it_ends(service: Service, manager_id: str) -> list[float]:
    """Ask for the health and a run until it has ended; the seconds of each answer."""
    latencies = []
    with httpx.Client(base_url=service.url) as client:
        while True:
            for path in ("/healthz", f"/managers/{manager_id}"):
                started = time.monotonic()
                answer = client.get(path)
                latencies.append(time.monotonic() - started)
                assert answer.status_code == 200
                assert answer.json().get("runner", "ok") == "ok"
            if answer.json()["status"] == "completed":
                return latencies


@pytest.mark.slow
def test_what_needs_the_loop_is_refused_and_does_not_happen_later(service: Service) -> None:
    ended = service.run_to_end("many", how="is_quick")["id"]
    blocked = service.run("block", how="sleeps", seconds=9.0)
    with service.stream(blocked, level="warning") as events:
        next(event for event in events if event.is_row)
    runs = service.get("/managers", limit=1000)["items"]
    with ThreadPoolExecutor() as pool:
        paths = ["/definitions/many/runs", f"/managers/{blocked}/cancel"]
        asked = [pool.submit(httpx.post, service.url + path, timeout=20) for path in paths]
        assert service.client.delete(f"/managers/{ended}").status_code == 204
        assert not any(each.done() for each in asked)  # what does not need the loop does not wait
        answers = [each.result() for each in asked]
    assert service.get(f"/managers/{blocked}")["status"] == "running"
    line = line_of("time.sleep(seconds)  # in a worker job")
    for answer in answers:
        problem = check_problem(Answer(answer.status_code, dict(answer.headers), answer.content), 503)
        assert problem["detail"] == (
            f"the jobs' event loop is blocked by sleeps ({blocked}.1.1), "
            f"workers/blocking.py:{line} in sleeps: time.sleep(seconds)  # in a worker job; try again"
        )
    assert service.finish(blocked)["status"] == "completed"  # the cancel was given up, too
    last = service.run_to_end("many", how="is_quick")["id"]
    now = [manager["id"] for manager in service.get("/managers", limit=1000)["items"]]
    assert now == [last, *(manager["id"] for manager in runs if manager["id"] != ended)]


@pytest.mark.slow
def test_what_lasts_is_told_again(service: Service) -> None:
    manager = service.run_to_end("block", how="sleeps", seconds=12.0)
    seconds = [row["data"]["blocked_seconds"] for row in warnings_of(service, manager["id"])]
    assert [int(each) for each in seconds] == [0, 10]
