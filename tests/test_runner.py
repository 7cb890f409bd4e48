"""Promise: steps run in order, side by side where they may, within their places, and end by the rules."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.service_process import Service

WORKERS = """
    import threading, time
    from pathlib import Path
    import anyio
    from jobs import Job, JobFailed, worker

    async def until(path):
        while not Path(path).exists():
            await anyio.sleep(0.005)

    @worker("do")
    async def do(step: Job, jobs: int = 0, fail: list[int] = [], wait: str = "", boom: bool = False,
                 hang: list[int] = [], after: float = 0) -> None:
        for number in range(jobs):
            step.spawn(child, number, number in fail, number in hang, wait)
        await anyio.sleep(after)
        if boom:
            raise ValueError("the step itself is broken")
        if wait and not jobs:
            await until(wait)

    async def child(job: Job, number: int, fail: bool, hang: bool, wait: str) -> int:
        job.log.info("running %d", number)
        if hang:
            await anyio.sleep_forever()
        if wait:
            await until(wait)
        if fail:
            raise RuntimeError(f"worker {number} is broken")
        return number

    running = 0
    most = 0

    @worker("count")
    async def count(step: Job, jobs: int, plain: bool = False) -> None:
        global most
        most = 0
        handles = [step.spawn(count_plain if plain else count_async) for _ in range(jobs)]
        for handle in handles:
            await handle
        step.log.info("most at once: %d", most)

    lock = threading.Lock()

    def enter(by):
        global running, most
        with lock:
            running += by
            most = max(most, running)

    async def count_async(job: Job) -> None:
        enter(1)
        await anyio.sleep(0.01)
        enter(-1)

    def count_plain(job: Job) -> None:
        enter(1)
        time.sleep(0.01)
        enter(-1)

    @worker("tree")
    async def tree(step: Job, depth: int) -> None:
        handle = step.spawn(node, depth)
        step.log.info("sum: %d", await handle)

    async def node(job: Job, depth: int) -> int:
        if depth == 0:
            return 1
        handles = [job.spawn(node, depth - 1) for _ in range(2)]
        total = 0
        async with anyio.create_task_group() as tasks:
            async def add(handle):
                nonlocal total
                value = await handle
                total += value
            for handle in handles:
                tasks.start_soon(add, handle)
        return total

    @worker("awaits_failure")
    async def awaits_failure(step: Job) -> None:
        try:
            await step.spawn(child, 7, True, False, "")
        except JobFailed as error:
            step.log.info("caught: %s", error)

    @worker("stubborn")
    async def stubborn(step: Job, mode: str) -> None:
        if mode == "exits":
            step.spawn(exits)
        elif mode == "not_json":
            step.spawn(not_json)
        elif mode == "cancels_itself":
            step.spawn(cancels_itself)

    async def exits(job: Job) -> None:
        raise SystemExit(3)

    async def not_json(job: Job) -> object:
        return {1, 2}

    async def cancels_itself(job: Job) -> None:
        import asyncio
        task = asyncio.create_task(anyio.sleep_forever())
        task.cancel()
        await task
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("runner"))
    service.add_workers("runner", WORKERS)
    service.start()
    yield service
    service.kill()


def run(service: Service, toml: str, **params: Any) -> dict[str, Any]:
    service.define("job", toml)
    return service.run_to_end("job", **params)


def by_name(manager: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {step["name"]: step for step in manager["steps"]}


def messages(service: Service, manager: dict[str, Any], **filters: str) -> list[str]:
    rows = service.rows(manager["id"], events="job_log", **filters)
    return [row["message"] for row in rows]


# -- how steps and runs end


@pytest.mark.parametrize(
    ("keys", "status", "counts"),
    [
        pytest.param("jobs = 3", "completed", {"completed_jobs": 3}, id="completed"),
        pytest.param("", "completed", {"total_jobs": 0}, id="without worker jobs"),
        pytest.param(
            "jobs = 3\nfail = [1]",
            "completed_with_warnings",
            {"completed_jobs": 2, "failed_jobs": 1},
            id="one failed",
        ),
        pytest.param("jobs = 2\nfail = [0, 1]", "failed", {"failed_jobs": 2}, id="all failed"),
        pytest.param(
            "jobs = 3\nboom = true",
            "failed",
            {"completed_jobs": 3},
            id="its function raised; its jobs run on",
        ),
        pytest.param(
            "jobs = 2\nhang = [1]\ntimeout = '300ms'",
            "failed",
            {"completed_jobs": 1, "cancelled_jobs": 1},
            id="timed out",
        ),
    ],
)
def test_a_step_ends_by_the_rules(service: Service, keys: str, status: str, counts: dict[str, int]) -> None:
    manager = run(service, f'[step.only]\ntype = "do"\n{keys}')
    step = by_name(manager)["only"]
    assert step["status"] == status
    assert {key: step[key] for key in counts} == counts
    assert {key: manager[key] for key in counts} == counts
    assert manager["status"] == status
    assert (step["reason"] is None) == (status == "completed")
    assert (manager["reason"] is None) == (status == "completed")


def test_a_failed_worker_leaves_its_traceback_as_its_last_line(service: Service) -> None:
    manager = run(service, '[step.only]\ntype = "do"\njobs = 2\nfail = [1]')
    jobs = service.get(f"/managers/{manager['id']}/jobs", status="failed")["items"]
    assert [job["reason"] for job in jobs] == ["RuntimeError: worker 1 is broken"]
    rows = service.rows(manager["id"], job=jobs[0]["job_id"])
    assert [row["event"] for row in rows[-2:]] == ["job_log", "job_status"]
    line = rows[-2]
    assert line["level"] == "error"
    assert line["data"] == {"exception": {"class": "RuntimeError", "text": "worker 1 is broken"}}
    assert line["message"].startswith("Traceback (most recent call last):")
    assert "runner.py" in line["message"]
    assert "/jobs/" not in line["message"]
    assert line["message"].endswith("RuntimeError: worker 1 is broken")
    group = {"message": "RuntimeError: worker 1 is broken", "count": 1, "first_seq": line["seq"]}
    assert manager["error_groups"] == [group]


CHAIN = """
    [step.first]
    type = "do"
    {keys}
    [step.second]
    type = "do"
    depends = "first"
    [step.third]
    type = "do"
    depends = "second"
    [step.other]
    type = "do"
    depends = "slow"
    [step.slow]
    type = "do"
    after = 0.2
    [step.last]
    type = "do"
    depends = "second"
    always_run = true
"""


@pytest.mark.parametrize(
    ("keys", "expected", "status"),
    [
        pytest.param(
            "boom = true",
            {"second": "skipped", "third": "skipped", "other": "completed", "last": "completed"},
            "completed_with_warnings",
            id="continue",
        ),
        pytest.param(
            'boom = true\non_error = "fail"',
            {"second": "skipped", "slow": "completed", "other": "skipped", "last": "completed"},
            "failed",
            id="fail",
        ),
        pytest.param(
            'boom = true\non_error = "fatal"',
            {"second": "skipped", "slow": "cancelled", "other": "skipped", "last": "skipped"},
            "failed",
            id="fatal",
        ),
    ],
)
def test_on_error(service: Service, keys: str, expected: dict[str, str], status: str) -> None:
    manager = run(service, CHAIN.format(keys=keys))
    found = {name: step["status"] for name, step in by_name(manager).items()}
    assert found["first"] == "failed"
    assert {name: found[name] for name in expected} == expected
    assert manager["status"] == status


def test_too_many_failures_stop_the_step_early(service: Service) -> None:
    manager = run(
        service,
        """
        [error_tolerance]
        max_child_failures = 2
        [step.only]
        type = "do"
        jobs = 50
        concurrency = 1
        fail = [0, 1, 2, 3, 4]
        """,
    )
    step = by_name(manager)["only"]
    assert step["status"] == "failed"
    assert step["failed_jobs"] == 3
    assert step["cancelled_jobs"] == 47
    assert step["reason"] == "more than 2 worker jobs failed"


def test_one_worker_job_that_fails_is_one(service: Service) -> None:
    manager = run(service, """[step.only]\ntype = "do"\njobs = 1\nfail = [0]\n""")
    assert by_name(manager)["only"]["reason"] == "of 1 worker job, 1 failed"


def test_a_run_that_times_out(service: Service) -> None:
    manager = run(
        service,
        """
        timeout = "300ms"
        [step.hangs]
        type = "do"
        jobs = 1
        hang = [0]
        [step.after]
        type = "do"
        depends = "hangs"
        """,
    )
    assert manager["status"] == "failed"
    assert manager["reason"] == "the run timed out after 0.3 s"
    steps = by_name(manager)
    assert [steps[name]["status"] for name in ("hangs", "after")] == ["cancelled", "cancelled"]


def test_params_that_do_not_fit_fail_the_step(service: Service) -> None:
    manager = run(
        service,
        """
        [params]
        fail = []
        [step.only]
        type = "do"
        fail = "{params.fail}"
        """,
        fail=["x"],
    )
    assert by_name(manager)["only"]["status"] == "failed"
    lines = messages(service, manager, step="only")
    assert len(lines) == 1
    assert "fail" in lines[0]
    assert "whole number" in lines[0] or "integer" in lines[0]


# -- order and places


def test_independent_steps_run_side_by_side(service: Service, tmp_path: Path) -> None:
    """Each waits for a file that is only made once both are running."""
    service.define(
        "pair",
        f"""
        [step.left]
        type = "do"
        wait = "{tmp_path}/go"
        [step.right]
        type = "do"
        wait = "{tmp_path}/go"
        """,
    )
    manager_id = service.run("pair")
    running: set[str] = set()
    with service.stream(manager_id, events="job_status") as events:
        for event in events:
            if event.is_row and event.json["status"] == "running" and "step_name" in event.json:
                running.add(event.json["step_name"])
            if running == {"left", "right"}:
                (tmp_path / "go").touch()
    assert running == {"left", "right"}


@pytest.mark.parametrize("plain", ["false", "true"])
@pytest.mark.parametrize("places", [1, 3])
def test_concurrency_is_used_and_never_exceeded(service: Service, places: int, plain: str) -> None:
    manager = run(service, f'[step.only]\ntype = "count"\njobs = 12\nplain = {plain}\nconcurrency = {places}')
    assert messages(service, manager, step="only")[-1] == f"most at once: {places}"


def test_a_job_that_awaits_another_gives_its_place_away(service: Service) -> None:
    """A tree of 31 jobs with one place: it would never end if those that wait kept theirs."""
    manager = run(service, '[step.only]\ntype = "tree"\ndepth = 4\nconcurrency = 1')
    assert manager["status"] == "completed"
    assert manager["total_jobs"] == 31
    assert messages(service, manager, step="only") == ["sum: 16"]


def test_awaiting_a_failed_job_raises(service: Service) -> None:
    manager = run(service, '[step.only]\ntype = "awaits_failure"')
    assert manager["status"] == "failed"
    assert any("caught: child (" in m and "ended failed" in m for m in messages(service, manager))


# -- functions that misbehave


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        ("exits", "SystemExit: 3"),
        ("not_json", "the result of not_json is not JSON: Object of type set is not JSON serializable"),
        ("cancels_itself", "CancelledError: "),
    ],
)
def test_only_the_job_fails(service: Service, mode: str, reason: str) -> None:
    manager = run(service, f'[step.only]\ntype = "stubborn"\nmode = "{mode}"')
    assert manager["status"] == "failed"
    (job,) = service.get(f"/managers/{manager['id']}/jobs")["items"]
    assert (job["status"], job["reason"]) == ("failed", reason)
    assert run(service, '[step.only]\ntype = "do"')["status"] == "completed"


def test_max_running(service: Service, tmp_path: Path) -> None:
    service.define("two", f'max_running = 2\n[step.only]\ntype = "do"\nwait = "{tmp_path}/go"')
    first, second = service.run("two"), service.run("two")
    refused = service.post("/definitions/two/runs")
    assert refused.status_code == 409
    assert refused.json()["manager_id"] in (first, second)
    (tmp_path / "go").touch()
    service.finish(first)
    service.finish(service.run("two"))
    service.finish(second)
