"""Promise: a worker job's own progress is shown while it runs: ten times a second, the last one always."""

from typing import Any

import pytest

from tests.service_process import Service

WORKERS = """
    import time
    import anyio
    from jobs import Job, worker

    @worker("counts")
    async def counts(step: Job, kind: str) -> None:
        step.progress(1, 2)  # a step's own has no place, and hurts nobody
        kinds = {"async": calmly, "thread": in_thread, "track": tracked, "flood": flood, "again": again}
        step.spawn(kinds[kind])

    async def calmly(job: Job) -> None:
        for number in range(1, 61):
            job.progress(number, 60)
            await anyio.sleep(0.01)

    def in_thread(job: Job) -> None:
        for number in range(1, 61):
            job.progress(number / 2, None)
            time.sleep(0.01)

    async def tracked(job: Job) -> None:
        for _ in job.track(["a", "b", "c"]):
            await anyio.sleep(0.15)

    async def again(job: Job) -> None:
        if job.attempt == 1:
            job.progress(1, 2)
            await anyio.sleep(0.11)
            job.progress(2, 2)
            raise RuntimeError("after all of it")

    def flood(job: Job) -> None:
        for number in range(100_000):
            job.progress(number, 100_000)
"""


@pytest.fixture
def counting(service: Service) -> Service:
    service.stop()
    service.add_workers("counts", WORKERS)
    service.start()
    service.define(
        "counts",
        '[params]\nkind = ""\n[step.one]\ntype = "counts"\nkind = "{params.kind}"\n'
        'retries = 1\nretry_delay = "1ms"',
    )
    return service


def reports(rows: list[dict[str, Any]], job_id: str) -> list[tuple[str, dict[str, Any]]]:
    return [
        (row["created_at"], row["progress"][job_id])
        for row in rows
        if row["event"] == "step_progress" and job_id in row.get("progress", {})
    ]


@pytest.mark.parametrize(
    ("kind", "last"),
    [
        ("async", {"done": 60, "total": 60}),
        ("thread", {"done": 30, "total": None}),
        ("track", {"done": 3, "total": 3}),
        ("flood", {"done": 99_999, "total": 100_000}),
    ],
)
def test_progress_is_in_the_log_and_with_the_job(counting: Service, kind: str, last: dict[str, Any]) -> None:
    manager = counting.run_to_end("counts", kind=kind)
    (job,) = counting.get(f"/managers/{manager['id']}/jobs")["items"]
    assert job["progress"] == last
    found = reports(counting.rows(manager["id"]), job["job_id"])
    assert found
    assert found[-1][1] == last
    done = [progress["done"] for _, progress in found]
    assert done == sorted(done)
    if kind in ("async", "thread"):
        assert 3 <= len(found) <= 1 + 10 * (job["duration"] + 0.2)


def test_a_running_job_says_how_far_it_is(counting: Service) -> None:
    manager_id = counting.run("counts", kind="track")
    with counting.stream(manager_id, events="step_progress") as events:
        progress = next(event.json for event in events if event.is_row and "progress" in event.json)
        job_id, said = next(iter(progress["progress"].items()))
        (job,) = counting.get(f"/managers/{manager_id}/jobs")["items"]
    assert job["job_id"] == job_id
    assert job["progress"]["total"] == said["total"] == 3
    assert job["progress"]["done"] >= said["done"]


def test_a_try_has_only_its_own_progress(counting: Service) -> None:
    manager = counting.run_to_end("counts", kind="again")
    (job,) = counting.get(f"/managers/{manager['id']}/jobs")["items"]
    assert (job["status"], job["attempt"], job["progress"]) == ("completed", 2, None)
