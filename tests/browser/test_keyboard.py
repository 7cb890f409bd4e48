"""Does somebody without a mouse get everywhere, and stay where they are?"""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.panel import SLOWLY, OpenPanel, wait_for_end
from tests.service_process import Service

pytestmark = pytest.mark.slow


def top_of(page: Page, selector: str) -> float:
    top: float = page.locator(selector).first.evaluate("element => element.getBoundingClientRect().top")
    return top


def test_the_skip_link_leads_to_the_chosen_run_and_leaves_it_chosen(
    service: Service, open_panel: OpenPanel
) -> None:
    chosen = service.run_to_end("nearby-restaurants")["id"]
    service.run_to_end("load-test", worker_count=1, log_count=1, log_delay_ms=0)
    panel = open_panel(service, height=500)
    page = panel.open(f"#/managers/{chosen}")
    wait_for_end(panel)
    page.evaluate("scrollTo(0, 300)")
    address = page.url
    page.get_by_role("link", name="Skip to the chosen run").press("Enter")
    expect(page.locator("main")).to_be_focused()
    expect(page.get_by_role("heading", level=1)).to_have_text("Nearby restaurants and their keywords")
    assert page.url == address
    bar = page.locator(".bar").evaluate("bar => bar.getBoundingClientRect().bottom")
    assert bar <= top_of(page, "main h1") < 250


def test_run_keeps_the_focus_on_its_button(service: Service, open_panel: OpenPanel) -> None:
    service.define("short", 'name = "Short"\n[step.a]\ntype = "test_job_generator"\nworker_count = 1\n')
    panel = open_panel(service)
    page = panel.open()
    run = page.get_by_role("button", name="Run Short")
    run.focus()
    page.keyboard.press("Enter")
    wait_for_end(panel)
    expect(page.locator(".managers a[aria-current].completed")).to_be_visible()
    expect(run).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".managers li")).to_have_count(2)
    expect(run).to_be_focused()


def test_a_cancel_ends_on_the_heading_of_its_run(service: Service, open_panel: OpenPanel) -> None:
    panel = open_panel(service)
    page = panel.open()
    panel.run("Load test", **SLOWLY)
    heading = page.get_by_role("heading", level=1, name="Load test")
    page.get_by_role("button", name="Cancel…").press("Enter")
    page.keyboard.press("Enter")
    expect(heading).to_be_focused()
    wait_for_end(panel)
    expect(heading).to_be_focused()


def test_a_run_that_ends_before_its_cancel_is_sent_gives_the_focus_to_its_heading(
    service: Service, open_panel: OpenPanel
) -> None:
    panel = open_panel(service)
    page = panel.open()
    manager_id = panel.run("Load test", **SLOWLY)
    page.get_by_role("button", name="Cancel…").press("Enter")
    expect(page.get_by_label("Reason")).to_be_focused()
    service.post(f"/managers/{manager_id}/cancel")
    wait_for_end(panel)
    expect(page.get_by_role("heading", level=1, name="Load test")).to_be_focused()
