"""Promise: a worker function that misbehaves fails its own job; every other one, and the service, goes on."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.service import Service

WORKERS = """
    import anyio
    from jobs import Job, worker

    @worker("misbehave")
    async def misbehave(step: Job, how: str) -> None:
        step.spawn(FUNCTIONS[how])
        step.spawn(bystander)

    async def bystander(job: Job) -> str:
        await anyio.sleep(0.05)
        return "goes on"

    async def raises_half_a_pair(job: Job) -> None:
        raise ValueError("no \\ud800 whole character")

    async def progress_of_an_object(job: Job) -> None:
        job.progress(object())

    async def progress_of_a_text(job: Job) -> None:
        job.progress(1, "many")

    async def progress_beyond_any_float(job: Job) -> None:
        job.progress(10**400)

    async def progress_beyond_64_bits(job: Job) -> None:
        job.progress(10**30)

    async def progress_without_end(job: Job) -> None:
        job.progress(1, float("inf"))

    FUNCTIONS = {name: value for name, value in globals().items() if callable(value)}
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("misbehaviour"))
    service.add_workers("misbehaviour", WORKERS)
    service.define(
        "job",
        """
        [params]
        how = ""
        [step.only]
        type = "misbehave"
        how = "{params.how}"
        """,
    )
    yield service.start()
    assert service.stop() == 0


@pytest.mark.parametrize(
    ("how", "status", "reason"),
    [
        ("raises_half_a_pair", "failed", "ValueError: no \\ud800 whole character"),
        ("progress_of_an_object", "failed", "ValueError: progress: done is a finite number, not <object"),
        ("progress_of_a_text", "failed", "ValueError: progress: total is a finite number, not 'many'"),
        ("progress_beyond_any_float", "failed", "ValueError: progress: done is a finite number, not 1000"),
        ("progress_beyond_64_bits", "completed", None),
        ("progress_without_end", "failed", "ValueError: progress: total is a finite number, not inf"),
    ],
)
def test_it_fails_alone(service: Service, how: str, status: str, reason: str | None) -> None:
    manager = service.run_to_end("job", how=how)
    jobs: list[dict[str, Any]] = service.get(f"/managers/{manager['id']}/jobs")["items"]
    assert (jobs[0]["status"], (jobs[0]["reason"] or "")[: len(reason or "")] or None) == (status, reason)
    assert (jobs[1]["status"], jobs[1]["result"]) == ("completed", "goes on")
    assert manager["status"] == ("completed" if status == "completed" else "completed_with_warnings")
    rows = service.rows(manager["id"])
    assert [row["seq"] for row in rows] == list(range(1, manager["last_seq"] + 1))
