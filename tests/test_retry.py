"""Promise: a retry runs again what did not complete, and nothing that did."""

from pathlib import Path
from typing import Any

import pytest

from tests.fold import Fold
from tests.service_process import Service

# Each function appends its call to a file: what ran, how often.
WORKERS = """
    import os
    from pathlib import Path
    import anyio
    from jobs import Job, JobFailed, worker

    def mark(folder, what):
        with open(Path(folder) / "calls", "a") as calls:
            calls.write(what + "\\n")

    def broken(folder, what):
        return (Path(folder) / f"break-{what}").exists()

    @worker("items")
    async def items(step: Job, folder: str, names: list[str], die_after: int = -1,
                    save: bool = False) -> None:
        mark(folder, step.step_name)
        for number, name in enumerate(names):
            if number == die_after and broken(folder, step.step_name):
                raise RuntimeError("half-way")
            step.spawn(item, folder, name, save)
        if broken(folder, step.step_name) and die_after < 0:
            raise RuntimeError("the step is broken")

    async def item(job: Job, folder: str, name: str, save: bool) -> str:
        mark(folder, name)
        if save:
            job.save({"source_type": "test", "source_id": name, "title": f"attempt {job.attempt}"})
        if (Path(folder) / f"hang-{name}").exists():
            await anyio.sleep_forever()
        if broken(folder, name):
            raise ValueError(f"{name} is broken")
        job.log.info("%s done", name)
        return name.upper()

    @worker("family")
    async def family(step: Job, folder: str) -> None:
        mark(folder, "step")
        step.spawn(parent, folder)

    async def parent(job: Job, folder: str) -> list[str]:
        mark(folder, "parent")
        handles = [job.spawn(item, folder, name, False) for name in ("a", "b", "a")]
        results = [await handle for handle in handles]
        if broken(folder, "parent"):
            raise RuntimeError("after the children")
        return results

    @worker("generations")
    async def generations(step: Job, folder: str) -> None:
        step.spawn(grandparent, folder)

    async def grandparent(job: Job, folder: str) -> None:
        mark(folder, "grandparent")
        await job.spawn(parent, folder)

    @worker("found")
    async def found(step: Job, folder: str) -> None:
        mark(folder, step.step_name)
        for document in step.documents():
            step.spawn(item, folder, step.step_name + "-" + document["source_id"], False)

    @worker("secret")
    async def secret(step: Job, folder: str, token: str) -> None:
        step.spawn(use, folder, token)

    async def use(job: Job, folder: str, token: str) -> None:
        mark(folder, token)
        if broken(folder, "use"):
            raise ValueError("not yet")
"""


class Place:
    """A folder where worker functions tell what they did, and read what they shall do."""

    def __init__(self, folder: Path, service: Service) -> None:
        self.folder = folder
        self.service = service

    def break_(self, *names: str, how: str = "break") -> None:
        for name in names:
            (self.folder / f"{how}-{name}").touch()

    def mend(self) -> None:
        for pattern in ("break-*", "hang-*"):
            for path in self.folder.glob(pattern):
                path.unlink()

    def calls(self) -> list[str]:
        """What was called since the last time that this was asked."""
        path = self.folder / "calls"
        calls = path.read_text().split() if path.exists() else []
        path.unlink(missing_ok=True)
        return calls

    def define(self, toml: str) -> None:
        head, _, rest = toml.partition("[step.")
        folder = f'folder = "{self.folder}"'
        steps = "".join(f"[step.{each.rstrip()}\n{folder}\n" for each in rest.split("[step."))
        self.service.define("job", head + steps)

    def retry(self, manager_id: str, step: str | None = None) -> dict[str, Any]:
        response = self.service.post(
            f"/managers/{manager_id}/retry", None if step is None else {"step": step}
        )
        assert response.status_code == 202, response.text
        assert response.json()["id"] == manager_id  # of any status: it may have ended by now
        return self.service.finish(manager_id)


@pytest.fixture
def place(make_service: Any, tmp_path: Path) -> Place:
    service = make_service({"A_TOKEN": "a-secret-token"})
    service.add_workers("items", WORKERS)
    return Place(tmp_path, service.start())


def test_only_what_failed_runs_again(place: Place) -> None:
    place.define('[step.one]\ntype = "items"\nnames = ["a", "b", "c"]\nsave = true')
    place.break_("b")
    manager = place.service.run_to_end("job")
    assert manager["status"] == "completed_with_warnings"
    assert sorted(place.calls()) == ["a", "b", "c", "one"]
    place.mend()
    before = place.service.rows(manager["id"])
    manager = place.retry(manager["id"])
    assert (manager["status"], manager["attempt"]) == ("completed", 2)
    assert place.calls() == ["b"]
    (step,) = manager["steps"]
    assert (step["status"], step["attempt"], step["completed_jobs"], step["total_jobs"]) == (
        "completed",
        2,
        3,
        3,
    )
    jobs = place.service.get(f"/managers/{manager['id']}/jobs")["items"]
    assert [(job["status"], job["attempt"], job["result"]) for job in jobs] == [
        ("completed", 1, "A"),
        ("completed", 2, "B"),
        ("completed", 1, "C"),
    ]
    rows = place.service.rows(manager["id"])
    assert rows[: len(before)] == before
    assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
    lines = [row["line_number"] for row in rows if row["event"] == "job_log" and "step_name" in row]
    assert lines == list(range(1, len(lines) + 1))
    assert [
        (row["status"], row["previous"], row["attempt"])
        for row in rows
        if row["event"] == "job_status" and row.get("job_id") == jobs[1]["job_id"]
    ] == [
        ("pending", None, 1),
        ("running", "pending", 1),
        ("failed", "running", 1),
        ("pending", "failed", 2),
        ("running", "pending", 2),
        ("completed", "running", 2),
    ]
    documents = place.service.get("/documents")["items"]
    assert sorted((each["source_id"], each["title"]) for each in documents) == [
        ("a", "attempt 1"),
        ("b", "attempt 2"),
        ("c", "attempt 1"),
    ]


def test_a_function_that_died_half_way_spawns_no_job_twice(place: Place) -> None:
    place.define('[step.one]\ntype = "items"\nnames = ["a", "b", "a", "c", "d", "b"]\ndie_after = 4')
    place.break_("one", "b")
    manager = place.service.run_to_end("job")
    assert manager["status"] == "failed"
    assert sorted(place.calls()) == ["a", "a", "b", "c", "one"]
    place.mend()
    manager = place.retry(manager["id"])
    assert manager["status"] == "completed"
    assert sorted(place.calls()) == ["b", "b", "d", "one"]
    assert manager["total_jobs"] == manager["completed_jobs"] == 6
    jobs = place.service.get(f"/managers/{manager['id']}/jobs")["items"]
    assert [job["job_id"].rpartition(".")[2] for job in jobs] == ["1", "2", "3", "4", "5", "6"]
    assert [job["arguments"]["name"] for job in jobs] == ["a", "b", "a", "c", "d", "b"]


def test_a_job_that_fails_again_before_its_step_spawns_it_again_runs_once(place: Place) -> None:
    place.define('[step.one]\ntype = "items"\nnames = ["a"]')
    place.break_("one", "a")
    manager = place.service.run_to_end("job")
    place.calls()
    (place.folder / "break-one").unlink()
    manager = place.retry(manager["id"])
    assert sorted(place.calls()) == ["a", "one"]
    assert (manager["status"], manager["failed_jobs"]) == ("failed", 1)


def test_the_handle_of_a_kept_child_has_its_result(place: Place) -> None:
    place.define('[step.one]\ntype = "family"')
    place.break_("parent")
    manager = place.service.run_to_end("job")
    assert place.calls() == ["step", "parent", "a", "b", "a"]
    place.mend()
    manager = place.retry(manager["id"])
    assert manager["status"] == "completed"
    assert place.calls() == ["parent"]
    jobs = place.service.get(f"/managers/{manager['id']}/jobs")["items"]
    assert jobs[0]["result"] == ["A", "B", "A"]
    assert len(jobs) == 4


def test_a_parent_that_failed_by_its_child_awaits_it_again(place: Place) -> None:
    place.define('[step.one]\ntype = "family"')
    place.break_("b")
    manager = place.service.run_to_end("job")
    assert manager["failed_jobs"] == 2
    place.calls()
    place.mend()
    manager = place.retry(manager["id"])
    assert sorted(place.calls()) == ["b", "parent"]
    assert (manager["status"], manager["total_jobs"]) == ("completed", 4)


def test_automatic_tries(place: Place) -> None:
    place.define('[step.one]\ntype = "items"\nnames = ["a", "b"]\nretries = 2\nretry_delay = "0.3s"')
    place.break_("a")
    manager = place.service.run_to_end("job")
    assert sorted(place.calls()) == ["a", "a", "a", "b", "one"]
    rows = place.service.rows(manager["id"], job=f"{manager['id']}.1.1")
    statuses = [(row["status"], row["attempt"]) for row in rows if row["event"] == "job_status"]
    assert statuses == [
        ("pending", 1),
        ("running", 1),
        ("pending", 2),
        ("running", 2),
        ("pending", 3),
        ("running", 3),
        ("failed", 3),
    ]
    reasons = [row["reason"] for row in rows if row.get("reason")]
    told = [reason.rpartition("; the next one in ") for reason in reasons[:2]]
    assert [text for text, *_ in told] == [f"try {n} of 3 failed: ValueError: a is broken" for n in (1, 2)]
    first, second = (float(delay.removesuffix(" s")) for *_, delay in told)
    assert 0.2 <= first <= 0.4
    assert 0.5 <= second <= 0.7
    assert [row["attempt"] for row in rows if row["event"] == "job_log"] == [1, 2, 3]


def test_a_parent_tried_again_keeps_its_children(place: Place) -> None:
    place.define('[step.one]\ntype = "family"\nretries = 1\nretry_delay = "0.01s"')
    place.break_("parent")
    manager = place.service.run_to_end("job")
    assert place.calls() == ["step", "parent", "a", "b", "a", "parent"]
    assert (manager["total_jobs"], manager["completed_jobs"], manager["failed_jobs"]) == (4, 3, 1)
    place.break_("b")
    place.mend()
    place.retry(manager["id"])
    assert place.calls() == ["parent"]


def test_a_parent_tried_again_runs_its_failed_child_again(place: Place) -> None:
    place.define('[step.one]\ntype = "family"\nretries = 1\nretry_delay = "0.01s"')
    place.break_("b")
    manager = place.service.run_to_end("job")
    # The child's own two tries, then two more for the parent's second one.
    calls = place.calls()
    assert (calls.count("parent"), calls.count("a"), calls.count("b")) == (2, 2, 4)
    assert manager["total_jobs"] == 4


def test_a_child_that_runs_again_for_its_parent_keeps_its_own_children(place: Place) -> None:
    place.define('[step.one]\ntype = "generations"\nretries = 1\nretry_delay = "0.01s"')
    place.break_("parent")
    manager = place.service.run_to_end("job")
    # The grandparent's two tries, the parent's two for each of them, and its children once.
    assert sorted(place.calls()) == ["a", "a", "b", "grandparent", "grandparent"] + ["parent"] * 4
    assert (manager["total_jobs"], manager["completed_jobs"]) == (5, 3)


STEPS = """
    [step.one]
    type = "items"
    names = ["a", "b"]
    save = true
    [step.two]
    type = "found"
    depends = "one"
    [step.apart]
    type = "items"
    names = ["z"]
"""


def test_what_depends_on_it_finds_what_is_new_and_repeats_nothing(place: Place) -> None:
    place.define(STEPS.replace("    ", ""))
    place.break_("b", "z")
    (place.folder / "break-b").unlink()
    place.break_("two-b")
    manager = place.service.run_to_end("job")
    statuses = {step["name"]: step["status"] for step in manager["steps"]}
    assert statuses == {"one": "completed", "two": "completed_with_warnings", "apart": "failed"}
    place.calls()
    place.mend()
    manager = place.retry(manager["id"], "two")
    assert place.calls() == ["two-b"]
    statuses = {step["name"]: step["status"] for step in manager["steps"]}
    assert statuses == {"one": "completed", "two": "completed", "apart": "failed"}
    assert manager["status"] == "completed_with_warnings"
    manager = place.retry(manager["id"])
    assert place.calls() == ["z"]
    assert manager["status"] == "completed"
    assert [step["attempt"] for step in manager["steps"]] == [1, 2, 2]


def test_skipped_steps_run_after_the_retry(place: Place) -> None:
    place.define(STEPS.replace("    ", ""))
    place.break_("one")
    manager = place.service.run_to_end("job")
    assert {step["name"]: step["status"] for step in manager["steps"]} == {
        "one": "failed",
        "two": "skipped",
        "apart": "completed",
    }
    response = place.service.post(f"/managers/{manager['id']}/retry", {"step": "two"})
    assert response.status_code == 409
    assert "one ended failed" in response.json()["detail"]
    place.calls()
    place.mend()
    manager = place.retry(manager["id"], "one")
    assert manager["status"] == "completed"
    assert sorted(place.calls()) == ["one", "two", "two-a", "two-b"]


@pytest.mark.parametrize(
    ("body", "status", "detail"),
    [
        (None, 409, "nothing is left to do"),
        ({"step": "one"}, 409, "one has completed"),
        ({"step": "oen"}, 404, 'did you mean "one"?'),
        ({"stp": "one"}, 400, 'did you mean "step"?'),
    ],
)
def test_refusals(place: Place, body: Any, status: int, detail: str) -> None:
    place.define('[step.one]\ntype = "items"\nnames = []')
    manager = place.service.run_to_end("job")
    response = place.service.post(f"/managers/{manager['id']}/retry", body)
    assert response.status_code == status
    assert detail in response.json()["detail"]


def test_a_run_that_runs_is_not_retried(place: Place) -> None:
    place.define('[step.one]\ntype = "items"\nnames = ["a"]')
    place.break_("a", how="hang")
    manager_id = place.service.run("job")
    assert place.service.post(f"/managers/{manager_id}/retry").status_code == 409


def test_a_secret_argument_comes_back_and_is_never_stored(place: Place) -> None:
    place.define('[step.one]\ntype = "secret"\ntoken = "{env.A_TOKEN}"')
    place.break_("use")
    manager = place.service.run_to_end("job")
    place.service.kill()
    assert b"a-secret-token" not in place.service.db.read_bytes()
    place.service.start()
    place.calls()
    place.mend()
    manager = place.retry(manager["id"])
    assert place.calls() == ["a-secret-token"]
    (job,) = place.service.get(f"/managers/{manager['id']}/jobs")["items"]
    assert job["arguments"]["token"] == "***"


@pytest.mark.parametrize("on_restart", ["interrupt", "resume"])
def test_kill_9_and_on_with_it(place: Place, on_restart: str) -> None:
    place.define(
        f'on_restart = "{on_restart}"\n[step.one]\ntype = "items"\nnames = ["a", "b", "c", "d"]\n'
        'concurrency = 2\n[step.two]\ntype = "items"\nnames = ["y"]\ndepends = "one"'
    )
    place.break_("b", "c", how="hang")
    manager_id = place.service.run("job")
    with place.service.stream(manager_id, job=f"{manager_id}.1.3") as events:
        for event in events:
            if event.is_row and event.json.get("status") == "running":
                break
    while "c" not in (place.folder / "calls").read_text().split():
        pass  # its row comes before its call
    place.service.kill()
    assert sorted(place.calls()) == ["a", "b", "c", "one"]
    place.mend()
    place.service.start()
    if on_restart == "interrupt":
        manager = place.service.get(f"/managers/{manager_id}")
        assert manager["status"] == "interrupted"
        assert manager["interrupted_jobs"] == 3
        place.retry(manager_id)
    manager = place.service.finish(manager_id)
    assert (manager["status"], manager["attempt"]) == ("completed", 2)
    assert sorted(place.calls()) == ["b", "c", "d", "two", "y"]
    reasons = {row.get("reason") for row in place.service.rows(manager_id, events="job_status")}
    assert "the service had died" in reasons


def test_a_run_that_dies_again_says_in_which_attempt(place: Place) -> None:
    place.define('[step.one]\ntype = "items"\nnames = ["a"]')
    place.break_("a", how="hang")
    manager_id = place.service.run("job")
    for attempt in (1, 2):
        with place.service.stream(manager_id, job=f"{manager_id}.1.1") as events:
            running = {"status": "running", "attempt": attempt}
            next(event for event in events if event.is_row and running.items() <= event.json.items())
        place.service.kill()
        place.service.start()
        Fold(place.service.rows(manager_id)).check(place.service.get(f"/managers/{manager_id}"))
        assert place.service.post(f"/managers/{manager_id}/retry").status_code == 202


def test_the_definition_may_have_changed_or_gone(place: Place) -> None:
    place.define('[step.one]\ntype = "items"\nnames = ["a"]')
    place.break_("a")
    manager = place.service.run_to_end("job")
    (place.service.definitions / "job.toml").unlink()
    place.mend()
    manager = place.retry(manager["id"])
    assert manager["status"] == "completed"


def test_a_function_that_is_gone_fails_its_jobs(place: Place) -> None:
    place.define('[step.one]\ntype = "items"\nnames = ["a", "b"]')
    place.break_("a")
    manager = place.service.run_to_end("job")
    place.service.stop()
    file = place.service.workers / "items.py"
    file.write_text(file.read_text().replace("def item(", "def thing(").replace("(item,", "(thing,"))
    place.mend()
    place.service.start()
    assert place.retry(manager["id"])["status"] == "completed_with_warnings"
    (job,) = place.service.get(f"/managers/{manager['id']}/jobs", status="failed")["items"]
    assert "the function stepstream_workers.items:item is not there any more" in job["reason"]


def test_a_worker_type_that_is_gone_is_told(place: Place) -> None:
    place.define('[step.one]\ntype = "items"\nnames = ["a"]')
    place.break_("a")
    manager = place.service.run_to_end("job")
    place.service.stop()
    (place.service.workers / "items.py").unlink()
    place.service.start()
    response = place.service.post(f"/managers/{manager['id']}/retry")
    assert response.status_code == 409
    assert "unknown worker type" in response.json()["detail"]
