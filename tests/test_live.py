"""Promise: what workers do is seen while they do it, in the right step, numbered without a gap.

Everything is looked at from outside, over HTTP, on jobs whose workers wait for a sign from the test: that a
line arrives before its step ends is then a fact, and not a matter of who was faster.
"""

import threading
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from tests.service_process import Service

WORKERS = """
    import asyncio, logging, threading
    from concurrent.futures import ThreadPoolExecutor
    from pathlib import Path
    import anyio, anyio.to_thread
    from jobs import Job, worker

    async def gate(path):
        while not Path(path).exists():
            await anyio.sleep(0.01)

    @worker("gated")
    async def gated(step: Job, jobs: int, folder: str, label: str = "") -> None:
        step.log.info("%s step speaks", label)
        for number in range(jobs):
            step.spawn(one, number, folder, label)

    async def one(job: Job, number: int, folder: str, label: str) -> None:
        job.log.info("%s worker %d begins", label, number)
        await gate(f"{folder}/{label}{number}")
        job.log.info("%s worker %d ends", label, number)

    log = logging.getLogger("anything")

    @worker("chatty")
    async def chatty(step: Job, label: str, jobs: int = 3) -> None:
        log.info("%s in the step's function", label)
        for number in range(jobs):
            step.spawn(chat, label, number)
            step.spawn(plain, label, number)

    async def chat(job: Job, label: str, number: int) -> None:
        log.info("%s at first", label)
        await anyio.sleep(0.001 * number)
        log.info("%s after an await", label)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(child, label)
        await asyncio.create_task(child(label))
        await anyio.to_thread.run_sync(in_thread, label, "anyio")
        await asyncio.to_thread(in_thread, label, "asyncio")
        await asyncio.get_running_loop().run_in_executor(None, in_thread, label, "executor")
        log.debug("%s below the level", label)

    async def child(label):
        await anyio.sleep(0.001)
        log.info("%s in a child task", label)

    pool = ThreadPoolExecutor(2)  # its threads serve the jobs of all steps

    def in_thread(label, whose):
        log.warning("%s in a worker thread of %s", label, whose)

    def plain(job: Job, label: str, number: int) -> None:
        log.info("%s in a plain function", label)
        thread = threading.Thread(target=lambda: job.log.info("%s by its own log in a bare thread", label))
        thread.start()
        thread.join()
        thread = threading.Thread(target=in_thread, args=(label, "one's own"))
        thread.start()
        thread.join()
        list(pool.map(in_thread, [label] * 2, ["a pool"] * 2))
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Any:
    service = Service(tmp_path_factory.mktemp("live"))
    service.add_workers("live", WORKERS)
    service.define(
        "gated",
        """
        [params]
        folder = ""
        [step.first]
        type = "gated"
        jobs = 3
        label = "a"
        folder = "{params.folder}"
        concurrency = 3
        [step.second]
        type = "gated"
        depends = "first"
        jobs = 1
        label = "b"
        folder = "{params.folder}"
        """,
    )
    service.define(
        "chatty",
        """
        [step.alpha]
        type = "chatty"
        label = "alpha"
        [step.beta]
        type = "chatty"
        label = "beta"
        [step.gamma]
        type = "chatty"
        label = "gamma"
        """,
    )
    yield service.start()
    service.kill()


def test_lines_and_progress_arrive_before_the_step_ends(service: Service, tmp_path: Path) -> None:
    """Each worker is let go only after the stream has shown what was promised before it."""
    manager_id = service.run("gated", folder=str(tmp_path))
    seen: list[dict[str, Any]] = []
    completed: dict[str, list[int]] = defaultdict(list)
    with service.stream(manager_id) as events:
        for event in events:
            if event.name == "end":
                break
            if not event.is_row:
                continue
            row = event.json
            seen.append(row)
            begun = {r["message"] for r in seen if r["event"] == "job_log" and "begins" in r["message"]}
            if row["event"] == "step_progress" and row["status"] == "running":
                completed[row["step_name"]].append(row["completed_jobs"])
            if row["event"] not in ("job_log", "step_progress"):
                continue
            # The three workers of the first step all speak while none of them can end.
            if len(begun) >= 3 and not (tmp_path / "a0").exists():
                (tmp_path / "a0").touch()
            for number in (1, 2):  # each next one ends only after the progress of the one before was seen
                if number in completed["first"] and not (tmp_path / f"a{number}").exists():
                    (tmp_path / f"a{number}").touch()
            if "b worker 0 begins" in begun and not (tmp_path / "b0").exists():
                (tmp_path / "b0").touch()
    assert seen[-1]["event"] == "job_status"
    assert seen[-1]["status"] == "completed"
    assert {1, 2} <= set(completed["first"])
    assert [row["seq"] for row in seen] == list(range(1, len(seen) + 1))


def test_every_row_stands_under_its_manager_and_lines_are_numbered_by_step(
    service: Service, tmp_path: Path
) -> None:
    for name in ("a0", "a1", "a2", "b0"):
        (tmp_path / name).touch()
    manager_id = service.run("gated", folder=str(tmp_path))
    rows = service.rows(manager_id)
    assert {row["manager_id"] for row in rows} == {manager_id}
    numbers: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        if row["event"] == "job_log":
            numbers[row.get("step_name", "")].append(row["line_number"])
    assert numbers["first"] == list(range(1, 8))  # one of the step, two of each of three workers
    assert numbers["second"] == list(range(1, 4))
    assert numbers[""] == [1]
    originators = {(row["originator"], row.get("step_name")) for row in rows if row["event"] == "job_log"}
    assert originators == {
        ("manager", None),
        *((who, step) for who in ("step", "worker") for step in ("first", "second")),
    }


def test_no_line_of_one_step_is_in_another(service: Service) -> None:
    """Three steps side by side write through one logger, from everywhere that a worker function may be."""
    manager = service.run_to_end("chatty")
    rows = service.rows(manager["id"])
    lines = [row for row in rows if row["event"] == "job_log" and "step_name" in row]
    assert {row["step_name"] for row in lines} == {"alpha", "beta", "gamma"}
    for row in lines:
        assert row["message"].startswith(row["step_name"] + " "), row
    for step in manager["steps"]:
        own = [row for row in lines if row["step_name"] == step["name"]]
        assert {row["step_id"] for row in own} == {step["step_id"]}
        assert [row["line_number"] for row in own] == list(range(1, step["lines"] + 1))
        kinds = [row["message"].removeprefix(step["name"]) for row in own]
        assert len(own) == 1 + 3 * 7 + 3 * 5
        for kind, times in (
            (" at first", 3),
            (" after an await", 3),
            (" in a child task", 6),
            (" in a worker thread of anyio", 3),
            (" in a worker thread of asyncio", 3),
            (" in a worker thread of executor", 3),
            (" in a plain function", 3),
            (" by its own log in a bare thread", 3),
            (" in a worker thread of one's own", 3),
            (" in a worker thread of a pool", 6),
        ):
            assert kinds.count(kind) == times, kind
    jobs = {job["job_id"]: job for job in service.get(f"/managers/{manager['id']}/jobs")["items"]}
    for row in lines:
        if row["originator"] == "worker":
            job = jobs[row["job_id"]]
            assert job["step_name"] == row["step_name"]
            assert row["parent_id"] == job["parent_id"] == row["step_id"]
            assert row["attempt"] == 1


def test_many_runs_at_once_do_not_mix(service: Service) -> None:
    """Two definitions that run at the same time, each stream with its own rows only."""
    service.define("chatty2", (service.definitions / "chatty.toml").read_text().replace("alpha", "delta"))
    found: dict[str, list[dict[str, Any]]] = {}

    def follow(definition: str) -> None:
        manager_id = service.run(definition)
        found[manager_id] = service.rows(manager_id)

    threads = [threading.Thread(target=follow, args=(name,)) for name in ("chatty", "chatty2")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 2
    for manager_id, rows in found.items():
        assert {row["manager_id"] for row in rows} == {manager_id}
        assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))


def test_progress_follows_every_change_and_ends_exact(service: Service) -> None:
    manager = service.run_to_end("load-test", log_delay_ms=5, log_count=5)
    rows = service.rows(manager["id"])
    for step in manager["steps"]:
        own = [row for row in rows if row.get("step_name") == step["name"]]
        ends = [n for n, row in enumerate(own) if row["event"] == "job_status" and row["job_type"] == "step"]
        last = [row for row in own[: ends[-1]] if row["event"] == "step_progress"][-1]
        keys = [key for key in step if key.endswith("_jobs")]
        assert {key: last[key] for key in keys} == {key: step[key] for key in keys}
        assert last["total_jobs"] == last["completed_jobs"] + last["failed_jobs"]
        for n, row in enumerate(own):
            if row["event"] == "job_status" and row["job_type"] == "worker":
                assert any(later["event"] == "step_progress" for later in own[n:])
    assert rows[-1]["status"] == manager["status"]
    sums = [row for row in rows if row["event"] == "manager_progress"][-1]
    assert sums["total_jobs"] == manager["total_jobs"]
    assert sums["status"] == manager["status"]
