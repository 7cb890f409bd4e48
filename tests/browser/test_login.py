"""Does the panel ask for the token, once, and go on where it was?"""

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.panel import OpenPanel, wait_for_end
from tests.service_process import Service

TOKEN = "correct-horse-battery"
REFUSED = "401"  # the browser complains of each


def form(page: Page) -> Locator:
    return page.get_by_role("dialog", name="Log in")


def log_in(page: Page, token: str) -> None:
    form(page).get_by_label("Token").fill(token)
    form(page).get_by_role("button", name="Log in").click()


@pytest.mark.slow
def test_the_panel_asks_for_the_token_and_goes_on(
    make_service: Callable[..., Service], open_panel: OpenPanel
) -> None:
    service = make_service({"STEPSTREAM_TOKEN": TOKEN}).start()
    service.client.headers["Authorization"] = f"Bearer {TOKEN}"
    panel = open_panel(service)
    panel.expected = [REFUSED]
    manager_id = service.run("load-test", worker_count=1, log_count=3)
    page = panel.page
    page.goto(f"{service.url}/#/managers/{manager_id}")
    expect(form(page)).to_be_visible()
    expect(form(page).get_by_label("Token")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(form(page)).to_be_visible()
    log_in(page, "wrong-token")
    expect(form(page).get_by_role("alert")).to_have_text("this is not the token")
    log_in(page, TOKEN)
    expect(form(page)).to_be_hidden()
    wait_for_end(panel)
    expect(page.locator(".definitions li").first).to_be_visible()
    assert page.evaluate("document.cookie") == ""
    page.reload()  # and it stays in
    wait_for_end(panel)
    expect(form(page)).to_be_hidden()


@pytest.mark.slow
def test_who_is_logged_out_while_lines_come_logs_in_and_misses_none(
    make_service: Callable[..., Service], open_panel: OpenPanel
) -> None:
    service = make_service({"STEPSTREAM_TOKEN": TOKEN})
    service.define(
        "goes-on",
        'on_restart = "resume"\n[step.only]\ntype = "test_job_generator"\n'
        "worker_count = 2\nlog_count = 40\nlog_delay_ms = 50\n",
    )
    service.start()
    service.client.headers["Authorization"] = f"Bearer {TOKEN}"
    panel = open_panel(service)
    panel.expected = [REFUSED, "ERR_", "EventSource"]
    page = panel.page
    page.goto(service.url)
    log_in(page, TOKEN)
    panel.run("goes-on")
    page.evaluate("window.same = true")
    page.context.clear_cookies()
    service.kill()  # the stream breaks off, and its next answer is 401
    service.start()
    expect(form(page)).to_be_visible()
    log_in(page, TOKEN)
    wait_for_end(panel)
    assert page.evaluate("window.same")
