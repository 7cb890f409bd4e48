"""Is the panel as quick with a million lines, and with twenty thousand a second, as with ten?"""

import pytest
from playwright.sync_api import expect

from tests.browser import large_log
from tests.browser.large_log import LINES
from tests.browser.panel import OpenPanel, box, line_count, wait_for_end
from tests.service_process import Service

pytestmark = pytest.mark.slow

WORKERS = large_log.WORKERS
FAR_TOO_LONG = 5_000  # on any machine; how quick it is on a quiet one, tests/bench/panel.py measures


@pytest.fixture(scope="module")
def million(running_service: Service) -> str:
    """A run of a million lines."""
    return large_log.fill(running_service)


def test_a_million_lines_open_and_scroll_at_once(
    running_service: Service, million: str, open_panel: OpenPanel
) -> None:
    panel = open_panel(running_service)
    page = panel.page
    opened = large_log.open_log(page, f"{running_service.url}/#/managers/{million}")
    blank = large_log.jump(box(panel, "flat"))
    total = sum(running_service.get(f"/managers/{million}")["log_counts"].values())
    expect(page.locator("main .badge")).to_have_text(f"complete: {total:,} of {total:,} lines")
    assert page.locator(".line").count() <= 300
    assert large_log.heap(page) < 150e6
    assert max(opened, *blank) < FAR_TOO_LONG


def test_wheels_and_keys_pass_every_line_of_a_list_taller_than_a_browser_can(
    running_service: Service, million: str, open_panel: OpenPanel
) -> None:
    panel = open_panel(running_service)
    page = panel.open(f"#/managers/{million}/flat/L500000")
    lines = box(panel, "flat")
    expect(panel.step("flat").locator(".line.marked")).to_be_in_viewport()
    lines.hover()
    before = panel.numbers("flat")
    for _ in range(10):
        page.mouse.wheel(0, 200)
        page.wait_for_function(
            "([box, seen]) => Number(box.querySelector('.number').textContent) > seen",
            arg=[lines.element_handle(), before[0]],
        )
        after = panel.numbers("flat")
        assert after[0] < before[-1], "no line was skipped"
        before = after
    lines.press("Home")
    expect(panel.step("flat").locator(".number").first).to_have_text("1")
    lines.press("End")
    expect(panel.step("flat").locator(".number").last).to_have_text(str(LINES))


def test_a_flood_leaves_the_page_responsive(running_service: Service, open_panel: OpenPanel) -> None:
    large_log.define_flood(running_service)
    panel = open_panel(running_service)
    large_log.watch_tasks(panel.page)
    page = panel.open()
    manager_id = panel.run("Flood")
    expect(box(panel, "flood").locator(".line").first).to_be_visible()
    panel.step("flood").get_by_role("button", name="flood", exact=True).focus()
    wait_for_end(panel)
    total = running_service.get(f"/managers/{manager_id}")["steps"][0]["lines"]
    assert line_count(panel, "flood") == total > 50_000
    numbers = panel.numbers("flood")
    assert numbers == list(range(numbers[0], total + 1))
    assert large_log.longest_task(page) < FAR_TOO_LONG
