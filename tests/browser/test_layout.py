"""Is what matters in sight, and does it stay in its place?"""

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.panel import (
    LOG_AT_ONCE,
    SLOWLY,
    OpenPanel,
    Panel,
    wait_for_end,
    wait_for_more_lines,
)
from tests.service_process import Service

pytestmark = pytest.mark.slow

STATUSES = (
    "running",
    "pending",
    "completed",
    "completed_with_warnings",
    "failed",
    "cancelled",
    "interrupted",
)
LONG = "What this definition does takes a good many words to say. " * 10


def edge(element: Locator, side: str) -> float:
    place: float = element.evaluate("(element, side) => element.getBoundingClientRect()[side]", side)
    return place


def tell(panel: Panel, events: list[tuple[str, Any]]) -> None:
    """What the service's stream says, instead of what it would say."""
    body = "".join(f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in events)
    panel.page.route("**/events?*", lambda route: route.fulfill(body=body, content_type="text/event-stream"))


def define_many(service: Service, count: int = 12) -> None:
    for number in range(count):
        service.define(
            f"broken-{number}",
            f"""
            name = "Broken {number}"
            description = "{LONG}"
            [step.a]
            type = "agent"
            filter_limmit = 3
            """,
        )


def test_many_broken_definitions_leave_the_runs_in_sight(service: Service, open_panel: OpenPanel) -> None:
    define_many(service)
    manager_id = service.run_to_end("nearby-restaurants")["id"]
    panel = open_panel(service, height=760)
    page = panel.open()
    wait_for_end(panel)
    newest = page.locator(".managers li").first
    assert edge(newest, "bottom") < 760
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    page.wait_for_function("() => scrollY > 0")
    assert edge(page.locator(".bar"), "bottom") <= edge(newest, "top")
    assert edge(newest, "bottom") < 760, "beside a long run, too"
    expect(newest.get_by_role("link")).to_have_attribute("href", f"#/managers/{manager_id}")
    about = page.locator(".definitions .about").first
    assert about.evaluate("p => p.clientHeight <= 2 * parseFloat(getComputedStyle(p).lineHeight) + 1")


def test_a_narrow_window_goes_to_the_run_that_its_address_names(
    service: Service, open_panel: OpenPanel
) -> None:
    define_many(service)
    manager_id = service.run_to_end("load-test", **LOG_AT_ONCE)["id"]
    panel = open_panel(service, width=360, height=740)
    page = panel.open(f"#/managers/{manager_id}")
    wait_for_end(panel)
    page.wait_for_function("() => scrollY > 0")
    assert 0 <= edge(page.get_by_role("heading", level=1), "top") < 200
    other = open_panel(service, width=360, height=740)
    page = other.open()
    wait_for_end(other)
    assert page.evaluate("scrollY") == 0, "an address without a run shows the lists"


def test_a_run_that_starts_works_and_ends_moves_nothing(service: Service, open_panel: OpenPanel) -> None:
    panel = open_panel(service)
    page = panel.open()
    bar = edge(page.locator(".bar"), "bottom")
    panel.run("Load test", **SLOWLY | {"log_count": 200})
    wait_for_more_lines(panel, "flat")
    expect(page.get_by_role("button", name="Cancel…")).to_be_visible()
    steps = edge(page.locator(".steps"), "top")
    log = edge(page.get_by_role("link", name="Text log"), "left")
    wait_for_end(panel)
    expect(page.locator(".state > .status")).to_have_text("completed")
    expect(page.get_by_role("button", name="Cancel…")).to_be_hidden()
    assert edge(page.locator(".steps"), "top") == steps
    assert edge(page.get_by_role("link", name="Text log"), "left") == log
    assert edge(page.locator(".bar"), "bottom") == bar


def test_the_bar_stays_one_line_whatever_there_is_to_count(service: Service, open_panel: OpenPanel) -> None:
    panel = open_panel(service)
    counts = dict.fromkeys(STATUSES, 1234)
    tell(panel, [("stats", {"managers": counts, "jobs": counts})])
    service.run_to_end("load-test", **LOG_AT_ONCE)
    page = panel.open("#/managers/latest")
    jobs = page.get_by_role("group", name="Worker jobs by status")
    expect(jobs.locator(".count")).to_have_count(len(STATUSES))
    assert edge(page.locator(".bar"), "bottom") < 56
    assert edge(page.locator("#toolbar"), "right") < 1280
    assert edge(page.locator("#toolbar"), "bottom") < 56


def test_a_lost_connection_hides_counts_and_covers_none(service: Service, open_panel: OpenPanel) -> None:
    panel = open_panel(service)
    panel.expected = ["net::ERR_"]
    counts = dict.fromkeys(STATUSES, 1234)
    tell(panel, [("stats", {"managers": counts, "jobs": counts})])
    service.run_to_end("load-test", **LOG_AT_ONCE)
    page = panel.open("#/managers/latest")
    places = page.locator("#toolbar .count")
    expect(places).to_have_count(2 * len(STATUSES))
    page.unroute("**/events?*")
    page.route("**/events?*", lambda route: route.abort())
    expect(page.get_by_text("no connection")).to_be_visible()
    assert all(places.evaluate_all("them => them.map((one) => one.scrollWidth <= one.clientWidth + 1)"))
    scope = page.get_by_label("Where to look")
    assert scope.evaluate("one => one.offsetWidth") >= 100, "its words are whole"


def test_in_a_narrow_window_the_bar_has_find_and_keys_in_one_line(
    service: Service, open_panel: OpenPanel
) -> None:
    page = open_panel(service, width=360, height=740).open()
    find = page.get_by_placeholder("Find words")
    assert edge(find, "left") < 20
    assert edge(page.get_by_role("button", name="Keys"), "top") < edge(find, "bottom")


def test_a_run_that_is_chosen_shows_its_name(service: Service, open_panel: OpenPanel) -> None:
    first, second = (service.run_to_end("load-test", **LOG_AT_ONCE)["id"] for _ in range(2))
    panel = open_panel(service, height=500)
    page = panel.open(f"#/managers/{first}")
    wait_for_end(panel)
    page.evaluate("scrollTo(0, 400)")
    panel.choose(second)
    expect(page.locator(".run-head")).to_contain_text(second)
    assert edge(page.locator(".bar"), "bottom") <= edge(page.get_by_role("heading", level=1), "top")


def test_the_list_shows_the_date_of_a_run_of_another_day(service: Service, open_panel: OpenPanel) -> None:
    manager = service.run_to_end("load-test", **LOG_AT_ONCE)
    old = manager | {"id": "old", "started_at": "2001-02-14T12:00:00Z"}
    panel = open_panel(service)
    stats = {"managers": {"completed": 2}, "jobs": {}}
    tell(panel, [("stats", stats), ("manager", old), ("manager", manager)])
    page = panel.open(f"#/managers/{manager['id']}")
    when = page.locator(".managers .when")
    expect(when).to_have_count(2)
    expect(when.first).to_have_text(re.compile(r"^\d\d:\d\d:\d\d$"))
    expect(when.last).to_have_text(re.compile(r"14.*2001.*, \d\d:\d\d:\d\d$"))
    assert edge(when.last, "right") <= edge(page.locator(".managers"), "right")
