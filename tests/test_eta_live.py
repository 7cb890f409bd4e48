"""Promise: a running step says when it will have ended, once something tells."""

from typing import Any

import pytest

from tests.service_process import Service

WORKERS = """
    import anyio
    from jobs import Job, worker

    @worker("naps")
    async def naps(step: Job, number: int, seconds: float) -> None:
        for _ in range(number):
            step.spawn(nap, seconds)
        if not number:
            await anyio.sleep(seconds)

    @worker("uneven")
    async def uneven(step: Job) -> None:
        step.spawn(nap, 0)
        step.spawn(long)

    async def long(job: Job) -> None:
        for _ in job.track(range(400)):
            await anyio.sleep(0.01)

    async def nap(job: Job, seconds: float) -> None:
        await anyio.sleep(seconds)
"""


@pytest.fixture
def napping(service: Service) -> Service:
    service.stop()
    service.add_workers("naps", WORKERS)
    service.start()
    return service


def estimates(service: Service, manager_id: str) -> list[tuple[int, float | None]]:
    rows = service.rows(manager_id, events="step_progress")
    return [(row["completed_jobs"], row.get("eta_seconds")) for row in rows if row["status"] == "running"]


def test_a_first_run_is_judged_by_its_own_rate(napping: Service) -> None:
    napping.define("naps", '[step.one]\ntype = "naps"\nnumber = 12\nseconds = 0.3\nconcurrency = 3')
    found = estimates(napping, napping.run("naps"))
    assert found[0] == (0, None)
    assert next(eta for done, eta in found if done == 6) == pytest.approx(0.6, abs=0.4)
    assert {eta for done, eta in found if done == 12} <= {0.0}


def test_a_later_run_knows_from_the_first_row_on(napping: Service) -> None:
    napping.define("naps", '[step.one]\ntype = "naps"\nnumber = 0\nseconds = 1.5')
    assert {eta for _, eta in estimates(napping, napping.run("naps"))} == {None}
    manager_id = napping.run("naps")
    with napping.stream(manager_id, events="step_progress") as events:
        for event in events:
            if event.is_row and event.json.get("eta_seconds") is not None:
                break
        step: dict[str, Any] = napping.get(f"/managers/{manager_id}")["steps"][0]
    assert event.json["eta_seconds"] == pytest.approx(1.5, abs=0.4)
    assert step["eta_seconds"] == event.json["eta_seconds"]
    manager = napping.finish(manager_id)
    assert manager["steps"][0]["eta_seconds"] is None


def test_a_worker_job_that_says_how_far_it_is_is_believed(napping: Service) -> None:
    napping.define("uneven", '[step.one]\ntype = "uneven"')
    manager_id = napping.run("uneven")
    with napping.stream(manager_id, events="step_progress") as events:
        for event in events:
            progress = event.json.get("progress", {}) if event.is_row else {}
            if progress.get(f"{manager_id}.1.2", {"done": 0})["done"] >= 100:
                break
    # A quarter is done in a second at least; half of the worker jobs are.
    assert event.json["eta_seconds"] > 2
