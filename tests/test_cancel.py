"""Promise: a cancel is right: whole, at once where it can be, final, and nothing else is touched."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from tests.fold import Fold
from tests.service_process import TERMINAL, Service

WORKERS = """
    import asyncio, time
    from pathlib import Path
    import anyio
    from jobs import Job, worker

    async def until(path):
        while not Path(path).exists():
            await anyio.sleep(0.005)

    @worker("spawns")
    async def spawns(step: Job, kinds: list[str] = [], go: str = "", count: int = 1) -> None:
        step.log.info("began")
        for kind in kinds * count:
            step.spawn(globals()[kind], go)
        if go and not kinds:
            await until(go)

    async def quick(job: Job, go: str) -> None:
        pass

    async def ticks(job: Job, go: str) -> None:
        for _ in range(10):
            job.log.info("tick")
            await anyio.sleep(0.01)

    async def ticks_on(job: Job, go: str) -> None:
        while True:
            job.log.info("tick")
            await anyio.sleep(0.001)

    async def waits(job: Job, go: str) -> None:
        job.log.info("waiting")
        await until(go)

    async def breaks(job: Job, go: str) -> None:
        raise RuntimeError("broken")

    async def breaks_first(job: Job, go: str) -> None:
        if job.attempt == 1:
            raise RuntimeError("broken at first")
        job.log.info("waiting")
        await until(go)

    async def grandparent(job: Job, go: str) -> None:
        await job.spawn(parent, go)

    async def parent(job: Job, go: str) -> None:
        done = job.spawn(quick, go)
        await done
        children = [job.spawn(waits, go) for _ in range(3)]
        for child in children:
            await child

    def in_thread(job: Job, go: str) -> None:
        job.log.info("waiting")
        while True:
            time.sleep(0.01)
            job.log.debug("still here")

    async def swallows(job: Job, go: str) -> str:
        job.log.info("waiting")
        try:
            await anyio.sleep_forever()
        except BaseException:
            pass
        return "late result"

    async def cleans_up(job: Job, go: str) -> None:
        job.log.info("waiting")
        try:
            await anyio.sleep_forever()
        finally:
            await anyio.sleep(0.05)
            job.log.info("said goodbye")

    async def raises_late(job: Job, go: str) -> str:
        job.log.info("waiting")
        try:
            await anyio.sleep_forever()
        finally:
            raise ValueError("late error")

    async def shields(job: Job, go: str) -> str:
        job.log.info("waiting")
        with anyio.CancelScope(shield=True):
            await until(go)
        job.log.info("not yet")
        job.spawn(quick, go)
        return "late result"

    def floods(job: Job, go: str) -> None:
        for _ in range(100_000):
            job.spawn(quick, go)

    async def many(job: Job, go: str) -> None:
        for _ in range(20_000):
            job.spawn(waits, go)
        job.log.info("waiting")
        await until(go)

    async def blocks(job: Job, go: str) -> None:
        job.log.info("blocking")
        time.sleep(1)

    # Two that end in the same turn of the event loop.
    together = {}

    async def meets(job: Job, go: str) -> None:
        event = together.setdefault(job.manager_id, asyncio.Event())
        job.log.info("waiting")
        if job.attempt == 1:
            if job.step_name == "fatal":
                await until(go)
            raise RuntimeError("at first")
        async def let_go():
            await until(go + "-again")
            event.set()
        if job.step_name == "first":
            event.task = asyncio.create_task(let_go())
        await event.wait()
        if job.step_name == "fatal":
            raise RuntimeError("for good")
"""


class Place:
    """A service, and what is done with its runs."""

    def __init__(self, service: Service, folder: Path) -> None:
        self.service = service
        self.go = folder / "go"

    def start(self, toml: str, ready: str = "waiting", times: int = 1) -> str:
        """Start a run; its id, once so many lines that it is waited for are there."""
        self.service.define("job", toml.replace("GO", str(self.go)))
        manager_id = self.service.run("job")
        self.await_lines(manager_id, ready, times)
        return manager_id

    def await_lines(self, manager_id: str, text: str, times: int = 1, after: int = 0) -> None:
        """Wait until so many of a run's lines say this."""
        with self.service.stream(manager_id, events="job_log", after=after) as events:
            for event in events:
                times -= event.is_row and event.json["message"] == text
                if times <= 0:
                    return
        raise AssertionError(f"no such line: {text}")

    def cancel(self, manager_id: str, status: int = 202, **body: Any) -> dict[str, Any]:
        """Cancel and check the answer's status; the answer."""
        response = self.service.post(f"/managers/{manager_id}/cancel", body or None)
        assert response.status_code == status, response.text
        answer: dict[str, Any] = response.json()
        return answer

    def finish(self, manager_id: str) -> dict[str, Any]:
        """Wait for the end of a run and check its rows; the manager."""
        manager = self.service.finish(manager_id)
        fold = Fold(self.service.rows(manager_id))
        fold.check(manager)
        fold.check_jobs(self.jobs(manager_id))
        assert manager["pending_jobs"] == manager["running_jobs"] == 0
        return manager

    def jobs(self, manager_id: str, **filters: Any) -> list[dict[str, Any]]:
        """Its worker jobs."""
        found: list[dict[str, Any]] = []
        page = self.service.get(f"/managers/{manager_id}/jobs", limit=1000, **filters)
        while page["next"]:
            found += page["items"]
            page = self.service.client.get(page["next"]).json()
        found += page["items"]
        return found

    def lines(self, manager_id: str) -> list[tuple[str, str, str]]:
        """Originator, step and message of every warning."""
        rows = self.service.rows(manager_id, level="warning", events="job_log")
        return [(row["originator"], row.get("step_name", ""), row["message"]) for row in rows]


@pytest.fixture(scope="module")
def cancel_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("cancel"))
    service.add_workers("cancel", WORKERS)
    service.start()
    yield service
    service.kill()


@pytest.fixture
def place(cancel_service: Service, tmp_path: Path) -> Iterator[Place]:
    place = Place(cancel_service, tmp_path)
    yield place
    assert cancel_service.errors() == ""
    for manager in cancel_service.get("/managers", status="pending,running")["items"]:
        cancel_service.post(f"/managers/{manager['id']}/cancel")
        cancel_service.finish(manager["id"])


def statuses(manager: dict[str, Any]) -> dict[str, str]:
    return {step["name"]: step["status"] for step in manager["steps"]}


def target(manager_id: str, what: str) -> dict[str, Any]:
    """The body of a cancel: the run, its step or its first worker job."""
    found: dict[str, dict[str, Any]] = {
        "run": {},
        "step": {"step": "only"},
        "job": {"job": f"{manager_id}.1.1"},
    }
    return found[what]


REASONS = [
    pytest.param({"reason": "changed my mind"}, "cancelled by a user: changed my mind", id="reason"),
    pytest.param({}, "cancelled by a user", id="no reason"),
]
LONG = """
    [step.first]
    type = "spawns"
    kinds = ["quick", "waits"]
    count = 4
    concurrency = 2
    go = "GO"
    [step.second]
    type = "spawns"
    depends = "first"
    [step.always]
    type = "spawns"
    depends = "second"
    always_run = true
    [step.other]
    type = "spawns"
    kinds = ["waits"]
    go = "GO"
"""


# -- the run


@pytest.mark.parametrize(("body", "reason"), REASONS)
def test_a_run(place: Place, body: dict[str, Any], reason: str) -> None:
    manager_id = place.start(LONG, times=3)
    answer = place.cancel(manager_id, **body)
    assert answer["id"] == manager_id
    assert answer["pending_jobs"] == 0  # those at once
    manager = place.finish(manager_id)
    assert (manager["status"], manager["reason"]) == ("cancelled", reason)
    assert set(statuses(manager).values()) == {"cancelled"}
    assert {step["reason"] for step in manager["steps"]} == {reason, "the run was cancelled"}
    ended = [(job["status"], job["reason"]) for job in place.jobs(manager_id) if job["status"] != "completed"]
    assert ended == [("cancelled", reason)] * 7
    assert place.lines(manager_id) == [("manager", "", reason[0].upper() + reason[1:])]
    assert "cancelled" in place.cancel(manager_id, 409)["detail"]


# -- a step


@pytest.mark.parametrize(("body", "reason"), REASONS)
def test_a_step(place: Place, body: dict[str, Any], reason: str) -> None:
    manager_id = place.start(LONG, times=3)
    answer = place.cancel(manager_id, step="first", **body)
    assert statuses(answer)["other"] == "running"
    place.await_lines(manager_id, "began", times=3)
    assert "first has ended" in place.cancel(manager_id, 409, step="first")["detail"]
    assert "second has ended" in place.cancel(manager_id, 409, step="second")["detail"]
    place.go.touch()
    manager = place.finish(manager_id)
    assert statuses(manager) == {
        "first": "cancelled",
        "second": "skipped",
        "always": "completed",
        "other": "completed",
    }
    first, second, *_ = manager["steps"]
    assert (first["reason"], second["reason"]) == (reason, "first ended cancelled")
    assert manager["status"] == "completed_with_warnings"
    assert place.lines(manager_id) == [("step", "first", reason[0].upper() + reason[1:])]


def test_a_step_that_has_not_begun(place: Place) -> None:
    manager_id = place.start(LONG, times=3)
    answer = place.cancel(manager_id, step="second", reason="not needed")
    assert statuses(answer)["second"] == "cancelled"
    place.go.touch()
    manager = place.finish(manager_id)
    assert statuses(manager)["first"] == "completed"
    assert manager["steps"][1]["reason"] == "cancelled by a user: not needed"
    assert manager["steps"][1]["started_at"] is None


def test_the_last_step_left(place: Place) -> None:
    manager_id = place.start('[step.only]\ntype = "spawns"\nkinds = ["waits"]\ngo = "GO"')
    place.cancel(manager_id, step="only")
    assert place.finish(manager_id)["status"] == "cancelled"


# -- a worker job


@pytest.mark.parametrize(("body", "reason"), REASONS)
def test_a_worker_job_takes_its_descendants_with_it(place: Place, body: dict[str, Any], reason: str) -> None:
    toml = '[step.only]\ntype = "spawns"\nkinds = ["grandparent", "waits"]\nconcurrency = 2\ngo = "GO"'
    manager_id = place.start(toml, times=2)  # of four that wait two are pending
    jobs = {job["job_id"]: job for job in place.jobs(manager_id)}
    parent = next(job for job in jobs.values() if job["name"] == "parent")
    answer = place.cancel(manager_id, job=parent["job_id"], **body)
    assert answer["status"] == "running"
    place.go.touch()
    manager = place.finish(manager_id)
    found = [(job["name"], job["status"], job["reason"]) for job in place.jobs(manager_id)]
    gone = ("waits", "cancelled", f"{reason} (its parent)")
    assert sorted(found[1:], key=str) == sorted(
        [
            ("waits", "completed", None),
            ("parent", "cancelled", reason),
            ("quick", "completed", None),
            *[gone] * 3,
        ],
        key=str,
    )
    assert found[0][:2] == ("grandparent", "failed")
    assert "ended cancelled" in found[0][2]
    assert manager["status"] == "completed_with_warnings"
    assert ("worker", "only", reason[0].upper() + reason[1:]) in place.lines(manager_id)
    assert "has ended" in place.cancel(manager_id, 409, job=parent["job_id"])["detail"]


def test_a_worker_job_that_is_pending(place: Place) -> None:
    toml = '[step.only]\ntype = "spawns"\nkinds = ["waits"]\ncount = 3\nconcurrency = 1\ngo = "GO"'
    manager_id = place.start(toml)
    last = place.jobs(manager_id)[-1]["job_id"]
    answer = place.cancel(manager_id, job=last)
    assert (answer["pending_jobs"], answer["cancelled_jobs"]) == (1, 1)
    place.go.touch()
    assert place.finish(manager_id)["completed_jobs"] == 2


def test_a_worker_job_that_waits_for_its_next_try(place: Place) -> None:
    toml = '[step.only]\ntype = "spawns"\nkinds = ["breaks"]\nretries = 2\nretry_delay = "1h"'
    manager_id = place.start(toml, "began")
    with place.service.stream(manager_id) as events:
        next(event for event in events if "the next one in" in event.data)
    (job,) = place.jobs(manager_id)
    assert (job["status"], job["attempt"]) == ("pending", 2)
    place.cancel(manager_id, job=job["job_id"], step="only")
    manager = place.finish(manager_id)
    assert (manager["status"], manager["cancelled_jobs"]) == ("cancelled", 1)


# -- final, whatever the function does


@pytest.mark.parametrize("what", ["run", "step", "job"])
@pytest.mark.parametrize("kind", ["waits", "in_thread", "swallows", "raises_late"])
def test_cancelled_is_final(place: Place, kind: str, what: str) -> None:
    """Whatever it returns or raises; a thread is given up and writes nothing more."""
    manager_id = place.start(f'[step.only]\ntype = "spawns"\nkinds = ["{kind}"]\nretries = 2\ngo = "GO"')
    place.cancel(manager_id, **target(manager_id, what))
    manager = place.finish(manager_id)
    assert manager["status"] == "cancelled"
    (job,) = place.jobs(manager_id)
    assert (job["status"], job["result"], job["attempt"]) == ("cancelled", None, 1)
    assert job["reason"] == "cancelled by a user"


@pytest.mark.parametrize("what", ["run", "step", "job"])
def test_again_while_it_is_being_cancelled(place: Place, what: str) -> None:
    """A function that shields itself takes its time; it is told once, and what it spawns is cancelled too."""
    manager_id = place.start('[step.only]\ntype = "spawns"\nkinds = ["shields"]\ngo = "GO"')
    for _ in range(3):
        assert place.cancel(manager_id, **target(manager_id, what))["running_jobs"] == 1
    place.go.touch()
    manager = place.finish(manager_id)
    assert manager["status"] == "cancelled"
    assert [job["status"] for job in place.jobs(manager_id)] == ["cancelled", "cancelled"]
    assert len(place.lines(manager_id)) == 1


def test_a_function_has_time_to_clean_up(place: Place) -> None:
    manager_id = place.start('[step.only]\ntype = "spawns"\nkinds = ["cleans_up"]\ngo = "GO"')
    place.cancel(manager_id)
    assert place.finish(manager_id)["status"] == "cancelled"
    assert "said goodbye" in [row.get("message") for row in place.service.rows(manager_id)]


# -- what cannot be cancelled


def test_refusals(place: Place) -> None:
    manager_id = place.start('[step.only]\ntype = "spawns"\nkinds = ["quick", "waits"]\ngo = "GO"')
    assert 'did you mean "only"?' in place.cancel(manager_id, 404, step="onyl")["detail"]
    assert 'no worker job "nobody"' in place.cancel(manager_id, 404, job="nobody")["detail"]
    assert "no worker job" in place.cancel(manager_id, 404, job=f"{manager_id}.1.9")["detail"]
    assert 'did you mean "reason"?' in place.cancel(manager_id, 400, raeson="x")["detail"]
    place.cancel("nobody", 404)
    assert "has ended" in place.cancel(manager_id, 409, job=f"{manager_id}.1.1")["detail"]
    place.go.touch()
    assert place.finish(manager_id)["status"] == "completed"
    assert "has ended" in place.cancel(manager_id, 409, step="only")["detail"]
    assert place.lines(manager_id) == []


def test_a_parent_that_is_tried_again_does_not_run_it_again(place: Place) -> None:
    toml = '[step.only]\ntype = "spawns"\nkinds = ["parent"]\nretries = 1\nretry_delay = "10ms"\ngo = "GO"'
    manager_id = place.start(toml, times=3)
    child = place.jobs(manager_id)[2]["job_id"]
    place.cancel(manager_id, job=child)
    place.go.touch()
    assert place.finish(manager_id)["status"] == "completed_with_warnings"
    found = [(job["status"], job["attempt"]) for job in place.jobs(manager_id)]
    assert found == [("failed", 2), ("completed", 1), ("cancelled", 1), ("completed", 1), ("completed", 1)]
    assert place.service.post(f"/managers/{manager_id}/retry").status_code == 202
    manager = place.finish(manager_id)
    assert (manager["status"], manager["completed_jobs"]) == ("completed", 5)


# -- in a retry


RETRIED = """
    [step.first]
    type = "spawns"
    kinds = ["breaks_first", "quick"]
    go = "GO"
    [step.second]
    type = "spawns"
    kinds = ["breaks_first", "quick"]
    go = "GO"
    depends = "first"
"""


@pytest.mark.parametrize(
    ("body", "second"),
    [
        pytest.param({}, ["cancelled", "cancelled"], id="run"),
        pytest.param({"step": "first"}, ["skipped", "cancelled"], id="the step before it"),
        pytest.param({"step": "second"}, ["cancelled", "cancelled"], id="step"),
        pytest.param({"job": 2}, ["completed_with_warnings", "cancelled"], id="worker job"),
    ],
)
def test_worker_jobs_of_a_step_that_has_not_begun_again(
    place: Place, body: dict[str, Any], second: list[str]
) -> None:
    manager_id = place.start(RETRIED, "began", times=2)
    assert place.finish(manager_id)["status"] == "completed_with_warnings"
    assert place.service.post(f"/managers/{manager_id}/retry").status_code == 202
    place.await_lines(manager_id, "waiting")
    job_id = f"{manager_id}.2.1"
    place.cancel(manager_id, **({"job": job_id} if "job" in body else body))
    place.go.touch()
    manager = place.finish(manager_id)
    (job,) = [job for job in place.jobs(manager_id) if job["job_id"] == job_id]
    assert [statuses(manager)["second"], job["status"]] == second
    assert job["reason"]


def test_a_step_in_the_moment_that_it_starts(place: Place) -> None:
    """The step before it and one that is fatal end in the same turn of the event loop."""
    toml = """
        [step.first]
        type = "spawns"
        kinds = ["meets", "quick"]
        go = "GO"
        [step.fatal]
        type = "spawns"
        kinds = ["meets"]
        on_error = "fatal"
        go = "GO"
        [step.second]
        type = "spawns"
        kinds = ["waits"]
        go = "GO-never"
        depends = "first"
    """
    manager_id = place.start(toml, times=3)
    place.go.touch()
    assert statuses(place.finish(manager_id))["second"] == "cancelled"
    after = place.service.get(f"/managers/{manager_id}")["last_seq"]
    assert place.service.post(f"/managers/{manager_id}/retry").status_code == 202
    place.await_lines(manager_id, "waiting", times=2, after=after)
    place.go.with_name("go-again").touch()
    manager = place.finish(manager_id)
    assert statuses(manager) == {"first": "completed", "fatal": "failed", "second": "cancelled"}
    assert place.jobs(manager_id, step="second")[0]["status"] == "cancelled"


def test_a_run_in_the_moment_that_it_starts(place: Place) -> None:
    """A step is cancelled after the retry is committed and before the blocked event loop knows."""
    manager_id = place.start(RETRIED, "began", times=2)
    place.finish(manager_id)
    place.service.define("blocking", '[step.only]\ntype = "spawns"\nkinds = ["blocks"]')
    blocking = place.service.run("blocking")
    retry = threading.Thread(target=place.service.post, args=[f"/managers/{manager_id}/retry"])
    place.await_lines(blocking, "blocking")
    retry.start()
    while place.service.get(f"/managers/{manager_id}")["status"] in TERMINAL:
        pass
    place.cancel(manager_id, step="second")
    retry.join()
    place.go.touch()
    assert statuses(place.finish(manager_id)) == {"first": "completed", "second": "cancelled"}


# -- many, and at every instant


def test_while_a_thread_spawns(place: Place) -> None:
    for number in range(3):
        manager_id = place.start('[step.only]\ntype = "spawns"\nkinds = ["floods"]', "began")
        while place.service.get(f"/managers/{manager_id}")["total_jobs"] < 200 * number + 2:
            pass
        place.cancel(manager_id, job=f"{manager_id}.1.1")
        assert place.finish(manager_id)["status"] in ("cancelled", "completed_with_warnings")


@pytest.mark.slow
@pytest.mark.parametrize("what", ["run", "step", "job"])
def test_very_many_pending_worker_jobs(place: Place, what: str) -> None:
    """All of them are cancelled when it is answered, and other runs have their turn in between."""
    place.service.define("other", f'[step.only]\ntype = "spawns"\nkinds = ["ticks_on"]\ngo = "{place.go}"')
    other = place.service.run("other")
    kind = 'kinds = ["many"]' if what == "job" else 'kinds = ["waits"]\ncount = 20_000'
    manager_id = place.start(f'[step.only]\ntype = "spawns"\n{kind}\nconcurrency = 2\ngo = "GO"')
    while (before := place.service.get(f"/managers/{manager_id}"))["total_jobs"] < 20_000:
        pass
    answer = place.cancel(manager_id, **target(manager_id, what))
    assert answer["pending_jobs"] == 0
    place.go.touch()
    assert place.finish(manager_id)["cancelled_jobs"] > 19_000
    place.cancel(other)
    query = "SELECT manager_id FROM log WHERE manager_id = ? OR (manager_id = ? AND seq > ?) ORDER BY id"
    with closing(sqlite3.connect(place.service.db)) as database:
        order = database.execute(query, [other, manager_id, before["last_seq"]])
        stretches = [sum(1 for _ in rows) for (who,), rows in groupby(order) if who == manager_id]
    assert max(stretches) < 10_000


def test_very_many_of_a_step_that_does_not_begin_again(place: Place) -> None:
    toml = RETRIED.replace("[step.second]", "[step.second]\n    count = 1_200\n    concurrency = 100")
    manager_id = place.start(toml, "began", times=2)
    place.finish(manager_id)
    assert place.service.post(f"/managers/{manager_id}/retry").status_code == 202
    place.await_lines(manager_id, "waiting")
    answer = place.cancel(manager_id, step="second")
    assert statuses(answer)["second"] == "cancelled"
    assert answer["cancelled_jobs"] == 1_200
    place.go.touch()
    assert statuses(place.finish(manager_id)) == {"first": "completed", "second": "cancelled"}


def test_what_a_manager_says_agrees_with_its_rows_at_every_instant(place: Place) -> None:
    toml = """
        [step.first]
        type = "spawns"
        kinds = ["ticks", "breaks_first", "grandparent"]
        count = 10
        retries = 1
        retry_delay = "0.05s"
        concurrency = 8
        go = "GO"
        [step.second]
        type = "spawns"
        depends = "first"
        always_run = true
        kinds = ["ticks", "quick"]
        count = 50
    """
    place.service.define("job", toml.replace("GO", str(place.go)))
    manager_id = place.service.run("job")
    said: list[dict[str, Any]] = []
    steps: list[Callable[[], Any]] = [
        lambda: place.cancel(manager_id, job=f"{manager_id}.1.3"),
        lambda: place.cancel(manager_id, step="first"),
    ]
    while not said or said[-1]["status"] not in TERMINAL:
        said.append(place.service.get(f"/managers/{manager_id}"))
        if steps and len(said) % 4 == 0 and said[-1]["total_jobs"] >= 3:
            steps.pop(0)()
    fold, rows = Fold(), iter(place.service.rows(manager_id))
    for manager in said:
        while fold.last_seq < manager["last_seq"]:
            fold.take(next(rows))
        fold.check(manager)
    assert len({manager["last_seq"] for manager in said}) > 5
