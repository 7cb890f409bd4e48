"""What does the card of a definition say, and for how long?"""

import re
import sqlite3
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.panel import LOG_AT_ONCE, OpenPanel
from tests.service_process import Service
from tests.test_scheduler import is_seen, until

pytestmark = pytest.mark.slow


def test_a_broken_definition_shows_its_errors(service: Service, open_panel: OpenPanel) -> None:
    service.define("broken", 'name = "Broken one"\n[step.a]\ntype = "agent"\nfilter_limmit = 3\n')
    service.define("off", 'name = "Switched off"\nenabled = false\n[step.a]\ntype = "test_job_generator"\n')
    panel = open_panel(service)
    page = panel.open()
    card = page.locator(".definitions li").filter(has_text="Broken one")
    expect(card.get_by_role("button", name="Run")).to_be_disabled()
    card.get_by_text(re.compile(r"^\d+ errors?$")).click()
    expect(card.locator(".fault.error").first).to_be_visible()
    for error in service.get("/definitions/broken")["errors"]:
        expect(card).to_contain_text(error["message"])
        expect(card).to_contain_text(error["where"])
    expect(card).to_contain_text("filter_limit")
    off = page.locator(".definitions li").filter(has_text="Switched off")
    expect(off.get_by_role("button", name="Run")).to_be_disabled()


def test_a_refused_run_says_why_and_links_to_the_one_that_runs(
    service: Service, open_panel: OpenPanel
) -> None:
    service.define(
        "once",
        """
        name = "One at a time"
        max_running = 1
        [step.flat]
        type = "test_job_generator"
        worker_count = 1
        log_count = 600
        log_delay_ms = 20
        """,
    )
    panel = open_panel(service)
    panel.expected = ["status of 409"]
    page = panel.open()
    manager_id = panel.run("One at a time")
    card = page.locator(".definitions li").filter(has_text="One at a time")
    card.get_by_role("button", name="Run").click()
    link = card.get_by_role("link", name="Show that run")
    expect(link).to_have_attribute("href", f"#/managers/{manager_id}")
    service.post(f"/managers/{manager_id}/cancel")
    expect(link, "nothing is in the way any more").to_have_count(0)


def test_a_service_that_does_not_answer_is_named_until_it_does(
    service: Service, open_panel: OpenPanel
) -> None:
    panel = open_panel(service)
    panel.expected = ["net::ERR_"]
    page = panel.open()
    card = page.locator(".definitions li").filter(has_text="Load test")
    service.stop()
    card.get_by_role("button", name="Run").click()
    expect(card.locator(".answer")).to_have_text("the service does not answer")
    service.start()
    expect(card.locator(".answer")).to_be_empty()


def test_a_schedule_says_what_comes_next_and_what_was_skipped(
    make_service: Callable[..., Service], open_panel: OpenPanel
) -> None:
    service = make_service()
    service.define(
        "nightly",
        """
        name = "Nightly"
        schedule = "0 0 1 * *"
        [params]
        size = 3
        [step.a]
        type = "test_job_generator"
        """,
    )
    service.start()
    until(lambda: service.get("/definitions/nightly")["next_run_at"] and is_seen(service, "nightly"))
    service.stop()
    with sqlite3.connect(service.db) as connection:
        connection.execute(
            "UPDATE schedules SET skipped_due_at = '2026-11-01T00:00:00.000000Z', skipped_reason = 'too many'"
        )
    connection.close()
    service.start()
    page = open_panel(service).open()
    card = page.locator(".definitions li").filter(has_text="Nightly")
    following = card.get_by_text(re.compile(r"^next run (in \d+ (min|h|days?)|within a minute)$"))
    expect(following).to_have_attribute("title", re.compile(r"\(0 0 1 \* \*, UTC\)$"))
    expect(card.get_by_text(re.compile(r"^skipped .*: too many$"))).to_be_visible()


def test_a_wrong_parameter_is_explained(service: Service, open_panel: OpenPanel) -> None:
    panel = open_panel(service)
    panel.expected = ["status of 400"]
    page = panel.open()
    card = page.locator(".definitions li").filter(has_text="Load test")
    card.get_by_text("Parameters").click()
    card.get_by_label("log_count", exact=True).fill("1.5")
    card.get_by_role("button", name="Run").click()
    expect(card.locator(".answer .fault")).to_have_count(1)
    expect(card.locator(".answer")).to_contain_text("log_count")
    expect(page.locator(".managers li")).to_have_count(0)
    service.run_to_end("load-test", **LOG_AT_ONCE)
    expect(page.locator(".managers a.completed")).to_have_count(1)
    expect(card.locator(".answer"), "still as wrong").to_contain_text("log_count")
