"""Does somebody without a mouse get everywhere, and stay where they are?"""

from playwright.sync_api import Page, expect

from tests.browser.panel import OpenPanel, wait_for_end
from tests.service import Service


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
