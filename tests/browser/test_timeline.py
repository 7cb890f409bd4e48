"""Is seen at a glance what ran when, how fast, and what went wrong, and can the past be replayed?"""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.panel import LOG_AT_ONCE, SLOWLY, OpenPanel, line_count, wait_for_end, wait_for_more_lines
from tests.service_process import Service

pytestmark = pytest.mark.slow

WORKERS = """
    from jobs import Job, worker

    @worker("many")
    async def many(step: Job, number: int) -> None:
        for nth in range(number):
            step.spawn(nothing, nth)

    async def nothing(job: Job, nth: int) -> None:
        pass
"""


def bars(page: Page) -> Locator:
    return page.get_by_role("listbox", name="Steps and worker jobs by time")


def to_moment(page: Page, part: float) -> None:
    page.get_by_label("Moment").evaluate(
        "(slider, part) => { slider.value = part; slider.dispatchEvent(new Event('input')); }", part
    )


def test_steps_and_worker_jobs_are_drawn_by_time(service: Service, open_panel: OpenPanel) -> None:
    manager_id = service.run_to_end("load-test", **LOG_AT_ONCE | {"log_delay_ms": 5})["id"]
    panel = open_panel(service)
    page = panel.open()
    wait_for_end(panel)
    jobs = service.get(f"/managers/{manager_id}/jobs")["items"]
    timeline = page.get_by_role("region", name="Timeline")
    expect(timeline).to_contain_text(f"{len(jobs)} worker jobs, ")
    expect(bars(page).get_by_role("option").first).to_have_attribute(
        "aria-label", re.compile("^flat .*, completed")
    )
    first = bars(page).get_by_role("option", name="#1 write_lines").first
    expect(first.locator(".span")).to_be_visible()
    bar, track = first.locator(".span").bounding_box(), first.locator(".back").bounding_box()
    assert bar is not None
    assert track is not None
    assert track["x"] < bar["x"] < bar["x"] + bar["width"] <= track["x"] + track["width"]
    seen = set()
    bars(page).focus()
    for _ in range(len(jobs) + 2):
        page.keyboard.press("ArrowDown")
        chosen = page.locator(f"[id='{bars(page).get_attribute('aria-activedescendant')}']")
        expect(chosen).to_have_attribute("aria-selected", "true")
        seen.add(chosen.get_attribute("aria-label"))
    assert len(seen) == len(jobs) + 2
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    expect(timeline).to_contain_text(re.compile(r"#\d write_lines in flat · (completed|failed)"))
    timeline.get_by_role("button", name="Its lines").click()
    expect(panel.step("flat").get_by_role("button", name=re.compile(r"^#\d ✕"))).to_be_visible()


def test_a_worker_job_is_cancelled_with_a_reason(service: Service, open_panel: OpenPanel) -> None:
    panel = open_panel(service)
    page = panel.open()
    manager_id = panel.run("Load test", **SLOWLY | {"worker_count": 2})
    wait_for_more_lines(panel, "flat")
    bars(page).get_by_role("option", name="#2 write_lines").first.click()
    page.get_by_role("button", name="Cancel job…").click()
    page.keyboard.type("<img src=x onerror=alert(1)> is enough")
    page.keyboard.press("Enter")
    about = page.get_by_role("region", name="Timeline").locator(".job")
    expect(about).to_contain_text("#2 write_lines in flat · cancelled")
    expect(about.locator(".reason")).to_contain_text("<img src=x onerror=alert(1)> is enough")
    expect(bars(page)).to_be_focused()
    statuses = {
        job["job_id"]: job["status"]
        for job in service.get(f"/managers/{manager_id}/jobs", step="flat")["items"]
    }
    assert statuses == {f"{manager_id}.1.1": "running", f"{manager_id}.1.2": "cancelled"}
    service.post(f"/managers/{manager_id}/cancel")
    wait_for_end(panel)


def test_errors_are_grouped_and_lead_to_the_first(service: Service, open_panel: OpenPanel) -> None:
    manager_id = service.run_to_end("load-test", log_delay_ms=0, failure_rate=1)["id"]
    groups = service.get(f"/managers/{manager_id}")["error_groups"]
    panel = open_panel(service)
    page = panel.open()
    wait_for_end(panel)
    errors = page.get_by_role("region", name="Errors")
    expect(errors.get_by_role("listitem")).to_have_count(len(groups))
    item = errors.get_by_role("listitem").first
    expect(item).to_contain_text(f"{groups[0]['count']} ×")
    expect(item).to_contain_text(groups[0]["message"].strip().rpartition("\n")[2])
    item.get_by_role("button").click()
    row = service.get(
        f"/managers/{manager_id}/log", format="json", after=groups[0]["first_seq"] - 1, limit=1
    )["items"][0]
    page.wait_for_url(f"**/{row['step_name']}/L{row['line_number']}")
    expect(panel.step(row["step_name"]).locator(".line.marked.error")).to_be_visible()


def test_errors_and_speed_are_told_while_it_runs(service: Service, open_panel: OpenPanel) -> None:
    panel = open_panel(service)
    page = panel.open()
    manager_id = panel.run("Load test", worker_count=40, log_count=20, log_delay_ms=20, failure_rate=0.5)
    expect(page.get_by_role("region", name="Errors").get_by_role("listitem").first).to_be_visible()
    expect(page.locator(".rate")).to_contain_text(re.compile(r"up to [\d,]+ lines/s"))
    expect(page.locator(".rate path")).to_have_attribute("d", re.compile("^M0 20L"))
    service.post(f"/managers/{manager_id}/cancel")


def test_a_moment_of_the_past_is_as_it_was(service: Service, open_panel: OpenPanel) -> None:
    keys = "worker_count = 3\nlog_count = 40\nlog_delay_ms = 10\n"
    service.define("one", f'[step.flat]\ntype = "test_job_generator"\n{keys}')
    manager_id = service.run_to_end("one")["id"]
    panel = open_panel(service)
    page = panel.open()
    wait_for_end(panel)
    whole = line_count(panel, "flat")
    to_moment(page, 0.5)
    expect(page.locator("main .badge")).to_contain_text(re.compile(r"^as at \d\d:\d\d:\d\d\.\d{3}$"))
    expect(page.locator(".state > .status")).to_have_text("running")
    expect(panel.step("flat").locator(".status")).to_have_text("running")
    expect(panel.step("flat").get_by_role("button", name="Cancel step…")).to_be_hidden()
    page.wait_for_function(
        "whole => { const n = Number(document.querySelector('section[aria-label=flat] .facts')"
        ".textContent.match(/(\\d+) line/)?.[1]); return n > 0 && n < whole; }",
        arg=whole,
    )
    shown = line_count(panel, "flat")
    expect(panel.step("flat").locator(".number").last).to_have_text(str(shown))
    at = page.evaluate("document.querySelector('main .badge').textContent.slice(6)")
    lines = [
        row
        for row in service.rows(manager_id)
        if row["event"] == "job_log" and row.get("step_name") == "flat"
    ]
    newest = page.evaluate("at => new Date(at).toTimeString().slice(0, 8)", lines[shown - 1]["created_at"])
    assert newest <= at[:8]
    page.get_by_label("Moment").press("Home")
    expect(panel.step("flat").locator(".status")).to_have_text("pending")
    expect(panel.step("flat").locator(".facts")).not_to_contain_text("line")
    page.get_by_role("button", name="Now", exact=True).click()
    expect(page.locator(".state > .status")).to_have_text("completed")
    expect(page.locator("main .badge")).to_contain_text("complete: ")
    assert line_count(panel, "flat") == whole


def test_a_replay_goes_on_by_itself_to_the_end(service: Service, open_panel: OpenPanel) -> None:
    service.run_to_end("load-test", worker_count=3, log_count=60, log_delay_ms=10, failure_rate=0)
    panel = open_panel(service)
    page = panel.open()
    wait_for_end(panel)
    page.evaluate(
        "window.seen = new Set(); const badge = document.querySelector('.state > .status');"
        "new MutationObserver(() => seen.add(badge.textContent))"
        ".observe(badge, {childList: true, subtree: true})"
    )
    page.get_by_role("button", name="1×", exact=True).click()
    expect(page.locator("main .badge")).to_contain_text("as at")
    page.get_by_role("button", name="10×", exact=True).click()
    page.get_by_role("button", name="100×", exact=True).click()
    expect(page.locator("main .badge")).to_contain_text("complete: ")
    expect(page.locator(".state > .status")).to_have_text("completed")
    assert "running" in page.evaluate("[...seen]")


def test_the_past_can_be_seen_while_the_run_goes_on(service: Service, open_panel: OpenPanel) -> None:
    panel = open_panel(service)
    page = panel.open()
    manager_id = panel.run("Load test", **SLOWLY)
    expect(bars(page).get_by_role("option", name=re.compile("^#1 .* of 600 "))).to_be_visible()
    to_moment(page, 0.3)
    expect(page.locator("main .badge")).to_contain_text("as at")
    at = page.locator("main .badge").inner_text()
    service.post(f"/managers/{manager_id}/cancel")
    service.finish(manager_id)
    expect(page.locator(".managers a[aria-current].cancelled")).to_be_visible()
    expect(page.locator(".state > .status")).to_have_text("running")
    assert page.locator("main .badge").inner_text() == at
    page.get_by_role("button", name="Now", exact=True).click()
    expect(page.locator(".state > .status")).to_have_text("cancelled")


def test_ten_thousand_worker_jobs_do_not_slow_it(service: Service, open_panel: OpenPanel) -> None:
    service.define("many", '[step.a]\ntype = "many"\nnumber = 10000\nconcurrency = 50\n')
    service.run_to_end("many")
    panel = open_panel(service)
    panel.page.add_init_script(
        "window.longest = 0; new PerformanceObserver(list => { for (const one of list.getEntries())"
        " longest = Math.max(longest, one.duration) }).observe({type: 'longtask'})"
    )
    page = panel.open()
    wait_for_end(panel)
    timeline = page.get_by_role("region", name="Timeline")
    expect(timeline).to_contain_text("10,000 worker jobs", timeout=30_000)
    assert bars(page).locator("g").count() < 30
    bars(page).focus()
    page.keyboard.press("End")
    expect(bars(page).get_by_role("option").last).to_have_attribute("aria-selected", "true")
    page.get_by_role("button", name="Slowest first").click()
    to_moment(page, 0.5)
    expect(page.locator("main .badge")).to_contain_text("as at")
    longest = page.evaluate("longest")
    assert longest < 3_000
