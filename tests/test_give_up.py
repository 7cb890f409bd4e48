"""Promise: a function that was told to end and goes on is given up, and its run ends without it."""

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fold import Fold
from tests.service_process import Service

WORKERS = """
    import logging
    from pathlib import Path
    import anyio
    import jobs.call
    from jobs import Job, worker

    jobs.call.END_SECONDS = 1.0  # what is given up here goes on for ever: a busy machine changes nothing

    async def goes_on(job: Job, go: str) -> str:
        job.log.info("waiting")
        while not Path(go).exists():
            try:
                await anyio.sleep(0.1)
            except BaseException:
                pass
        logging.info("a late line")
        job.spawn(quick, go)
        return "late result"

    @worker(timeout=0.2)
    async def goes_on_after_its_time(job: Job, go: str) -> str:
        return await goes_on(job, go)

    async def awaits_and_goes_on(job: Job, go: str) -> str:
        child = job.spawn(goes_on, go)
        while not Path(go).exists():
            try:
                await child
            except BaseException:
                await anyio.sleep(0.01)
        return "late result"

    async def shields(job: Job, go: str) -> str:
        job.log.info("waiting")
        with anyio.CancelScope(shield=True):
            while not Path(go).exists():
                await anyio.sleep(0.1)
        return "late result"

    async def quick(job: Job, go: str) -> None:
        pass

    @worker("goes_on")
    async def step_goes_on(step: Job, go: str) -> None:
        await goes_on(step, go)

    @worker("spawns")
    async def spawns(step: Job, kinds: list[str], go: str) -> None:
        for kind in kinds:
            step.spawn(globals()[kind], go)
"""
GIVEN_UP = "goes on 1 s after it was told to end, and is given up"


class Place:
    """A service, a run of it whose functions do not end, and the file that lets them."""

    def __init__(self, service: Service, go: Path) -> None:
        self.service = service
        self.go = go

    def start(self, toml: str) -> str:
        """Start a run; its id, once a function has said that it is waiting."""
        self.service.define("job", f'{toml}\ngo = "{self.go}"')
        manager_id = self.service.run("job")
        with self.service.stream(manager_id, events="job_log") as events:
            next(event for event in events if event.is_row and event.json["message"] == "waiting")
        return manager_id

    def cancel(self, manager_id: str, what: str) -> None:
        """Cancel the run, its step or its first worker job."""
        body = {"run": {}, "step": {"step": "only"}, "job": {"job": f"{manager_id}.1.1"}}[what]
        assert self.service.post(f"/managers/{manager_id}/cancel", body).status_code == 202

    def check_given_up(self, manager_id: str) -> dict[str, Any]:
        """Check that it ends without its function, and that nothing comes later; the manager."""
        manager = self.service.finish(manager_id)
        rows = self.service.rows(manager_id)
        assert any(row.get("message", "").endswith(GIVEN_UP) for row in rows)
        Fold(rows).check(manager)
        self.go.touch()
        assert self.service.run_to_end("job")["status"] == "completed"  # its place is free
        assert self.service.rows(manager_id) == rows
        assert {job["result"] for job in self.service.get(f"/managers/{manager_id}/jobs")["items"]} <= {None}
        return manager


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("give_up"))
    service.add_workers("goes_on", WORKERS)
    yield service.start()
    assert service.stop() == 0
    assert service.errors() == ""


@pytest.fixture
def place(patient: Service, tmp_path: Path) -> Iterator[Place]:
    place = Place(patient, tmp_path / "go")
    yield place
    place.go.touch()


@pytest.mark.parametrize("what", ["run", "step", "job"])
@pytest.mark.parametrize("kind", ["goes_on", "awaits_and_goes_on", "shields"])
def test_a_worker_job_that_is_cancelled(place: Place, kind: str, what: str) -> None:
    manager_id = place.start(f'[step.only]\ntype = "spawns"\nkinds = ["{kind}"]\nconcurrency = 1')
    place.cancel(manager_id, what)
    assert place.check_given_up(manager_id)["status"] == "cancelled"


@pytest.mark.parametrize("what", ["run", "step"])
def test_a_step_that_is_cancelled(place: Place, what: str) -> None:
    manager_id = place.start('[step.only]\ntype = "goes_on"')
    place.cancel(manager_id, what)
    assert place.check_given_up(manager_id)["status"] == "cancelled"


@pytest.mark.parametrize(
    ("toml", "reason"),
    [
        ('timeout = "200ms"\n[step.only]\ntype = "goes_on"', "the run timed out after 0.2 s"),
        ('[step.only]\ntype = "goes_on"\ntimeout = "200ms"', "only failed"),
        ('[step.only]\ntype = "spawns"\nkinds = ["goes_on_after_its_time"]', "only failed"),
    ],
)
def test_a_time_limit_is_final(place: Place, toml: str, reason: str) -> None:
    manager = place.check_given_up(place.start(toml))
    assert (manager["status"], manager["reason"]) == ("failed", reason)


def test_others_have_its_place(place: Place) -> None:
    manager_id = place.start(
        '[step.only]\ntype = "spawns"\nkinds = ["awaits_and_goes_on", "quick", "quick"]\nconcurrency = 1'
    )
    place.cancel(manager_id, "job")
    manager = place.check_given_up(manager_id)
    assert (manager["status"], manager["completed_jobs"]) == ("completed_with_warnings", 2)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_it_takes_no_processor_meanwhile(place: Place) -> None:
    manager_id = place.start('[step.only]\ntype = "goes_on"')
    place.cancel(manager_id, "run")
    before = processor_seconds(place.service)
    time.sleep(1)
    assert processor_seconds(place.service) - before < 0.5
    place.check_given_up(manager_id)


def processor_seconds(service: Service) -> float:
    """How much of a processor a service has used so far."""
    stat = Path(f"/proc/{service.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")
