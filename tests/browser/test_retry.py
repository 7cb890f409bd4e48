"""Does the panel show how far worker jobs are, and can what did not complete be run again in it?"""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.panel import OpenPanel, box, wait_for_end
from tests.service_process import Service

pytestmark = pytest.mark.slow

# `one` fails until the file `go` is there, and `all` wait for it.
WORKERS = """
    from pathlib import Path
    import anyio
    from jobs import Job, worker

    @worker("some")
    async def some(step: Job, go: str) -> None:
        for name in ("a", "b", "c"):
            step.spawn(one, name, go)

    async def one(job: Job, name: str, go: str) -> None:
        job.log.info("%s is called", name)
        if name == "b" and not Path(go).exists():
            raise ValueError("b is broken")

    @worker("many")
    async def many(step: Job, go: str, number: int) -> None:
        for nth in range(number):
            step.spawn(wait, nth + 1, go)

    async def wait(job: Job, nth: int, go: str) -> None:
        job.progress(nth, None if nth == 2 else 20)
        while not Path(go).exists():
            await anyio.sleep(0.01)
"""


class Place:
    """A service whose worker functions wait for a file."""

    def __init__(self, service: Service, go: Path) -> None:
        self.service = service
        self.go = go

    def define(self, **steps: str) -> None:
        """A definition `job` with these steps: the type and further lines of each."""
        parts = [f'[step.{name}]\ngo = "{self.go}"\ntype = {lines}\n' for name, lines in steps.items()]
        self.service.define("job", "".join(parts))


@pytest.fixture
def place(service: Service, tmp_path: Path) -> Place:
    return Place(service, tmp_path / "go")


def test_retry_runs_again_what_failed(place: Place, open_panel: OpenPanel) -> None:
    place.define(a='"some"', b='"some"\ndepends = "a"')
    manager_id = place.service.run_to_end("job")["id"]
    panel = open_panel(place.service)
    page = panel.open()
    wait_for_end(panel)
    expect(page.locator(".state > .status")).to_have_text("completed with warnings")
    expect(page.locator(".run-head .facts")).not_to_contain_text("attempt")
    place.go.touch()
    retry = page.get_by_role("button", name="Retry failed")
    retry.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".run-head .facts")).to_contain_text("attempt 2")
    expect(page.locator(".state > .status")).to_have_text("completed")
    wait_for_end(panel)
    expect(retry).to_be_hidden()
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    expect(panel.step("a").locator(".status")).to_have_text("completed")
    expect(panel.step("a").locator(".facts")).to_contain_text("attempt 2")
    expect(page.locator(".managers a[aria-current]")).to_contain_text("attempt 2")
    expect(box(panel, "a")).to_contain_text("b is called")
    jobs = place.service.get(f"/managers/{manager_id}/jobs", step="a")["items"]
    assert [(job["status"], job["attempt"]) for job in jobs] == [
        ("completed", 1),
        ("completed", 2),
        ("completed", 1),
    ]


def test_a_refused_retry_says_why(place: Place, open_panel: OpenPanel) -> None:
    place.define(a='"many"\nnumber = 1')
    first = place.service.run("job")
    place.service.post(f"/managers/{first}/cancel")
    place.service.finish(first)
    place.service.run("job")
    panel = open_panel(place.service)
    panel.expected = ["409"]
    page = panel.open(f"#/managers/{first}")
    wait_for_end(panel)
    page.get_by_role("button", name="Retry failed").click()
    expect(page.locator(".actions").get_by_role("alert")).to_contain_text("job is already running")
    expect(page.locator(".state > .status")).to_have_text("cancelled")


def test_a_retry_by_somebody_else_is_seen(place: Place, open_panel: OpenPanel) -> None:
    place.define(a='"some"')
    manager_id = place.service.run_to_end("job")["id"]
    panel = open_panel(place.service)
    panel.expected = ["ERR_FAILED"]
    page = panel.open()
    wait_for_end(panel)
    place.go.touch()
    page.route("**/managers?limit=50", lambda route: route.abort())  # it is over when the list comes again
    place.service.post(f"/managers/{manager_id}/retry")
    place.service.finish(manager_id)
    page.unroute("**/managers?limit=50")
    expect(page.locator(".run-head .facts")).to_contain_text("attempt 2")
    wait_for_end(panel)
    expect(page.locator(".state > .status")).to_have_text("completed")


def test_the_progress_of_worker_jobs_is_told_while_they_run(place: Place, open_panel: OpenPanel) -> None:
    place.define(a='"many"\nnumber = 11\nconcurrency = 11')
    panel = open_panel(place.service)
    page = panel.open()
    panel.run("job")
    bars = page.get_by_role("listbox", name="Steps and worker jobs by time")
    for _ in range(2):
        expect(bars.get_by_role("option", name=re.compile(r"^#1 wait 1 of 20 · "))).to_be_visible()
        expect(bars.get_by_role("option", name=re.compile(r"^#2 wait 2 · "))).to_be_visible()
        expect(page.get_by_role("region", name="Timeline")).to_contain_text(
            "11 worker jobs, 11 at once at most"
        )
        page.reload()  # no row of before has it any more
    place.go.touch()
    wait_for_end(panel)
    expect(bars.get_by_role("option", name=re.compile(r"^#1 wait \d.*, completed"))).to_be_visible()


def test_the_time_that_is_left_is_told_while_a_step_runs(service: Service, open_panel: OpenPanel) -> None:
    panel = open_panel(service)
    panel.open()
    panel.run("Load test", worker_count=32, log_count=30, log_delay_ms=20, failure_rate=0)
    text = panel.step("flat").locator(".progress .progress-text")
    expect(text).to_contain_text(re.compile(r" · about [1-9]\d*s left$"))
    wait_for_end(panel)
    expect(text).to_have_text("0 pending, 0 running, 32 completed, 0 failed")


def test_a_step_is_cancelled_with_a_reason(place: Place, open_panel: OpenPanel) -> None:
    place.define(a='"many"\nnumber = 1', b='"many"\nnumber = 1')
    panel = open_panel(place.service)
    page = panel.open()
    manager_id = panel.run("job")
    fold = panel.step("a").get_by_role("button", name="a", exact=True)
    expect(fold).to_have_attribute("aria-expanded", "true")
    panel.step("a").get_by_role("button", name="Cancel step…").click()
    expect(page.get_by_label("Reason")).to_be_focused()
    page.keyboard.type("wrong town")
    page.keyboard.press("Enter")
    expect(panel.step("a").locator(".status")).to_have_text("cancelled")
    expect(panel.step("a").locator("> .reason")).to_contain_text("wrong town")
    expect(fold).to_be_focused()
    expect(panel.step("a").get_by_role("button", name="Cancel step…")).to_be_hidden()
    expect(panel.step("b").locator(".status")).to_have_text("running")
    place.go.touch()
    wait_for_end(panel)
    steps = {step["name"]: step["status"] for step in place.service.get(f"/managers/{manager_id}")["steps"]}
    assert steps == {"a": "cancelled", "b": "completed"}
