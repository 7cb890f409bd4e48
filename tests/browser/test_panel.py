"""Does a real browser show a run as it happens, and leave what the reader did alone?"""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.panel import (
    SLOWLY,
    OpenPanel,
    box,
    line_count,
    step_lines,
    wait_for_end,
    wait_for_more_lines,
)
from tests.service_process import Service

# The element that has the focus is marked, itself or all of its head.
SEEN = """document.activeElement === document.body || [null, "::after"].some((part) =>
    getComputedStyle(document.activeElement, part).outlineStyle === "solid")"""


def test_shipped_example_runs_at_the_press_of_a_button(service: Service, open_panel: OpenPanel) -> None:
    panel = open_panel(service)
    page = panel.open()
    expect(page.get_by_role("heading", name="Nothing has run yet")).to_be_visible()
    manager_id = panel.run("Nearby restaurants")
    wait_for_end(panel)
    manager = service.get(f"/managers/{manager_id}")
    lines = sum(manager["log_counts"].values())
    expect(page.locator("main .badge")).to_have_text(f"complete: {lines} of {lines} lines")
    expect(page).to_have_title("✓ · Nearby restaurants and their keywords")
    for step in manager["steps"]:
        expect(panel.step(step["name"]).locator(".status")).to_have_text("completed")
        expect(box(panel, step["name"])).to_be_visible()
        assert line_count(panel, step["name"]) == step["lines"]
    expect(page.locator(".documents li")).to_have_count(manager["total_jobs"])
    expect(page.locator(".managers a[aria-current]")).to_contain_text("completed")
    expect(page.get_by_role("group", name="Managers by status")).to_contain_text("1 completed")
    expect(page.get_by_role("group", name="Worker jobs by status")).to_contain_text(
        str(manager["total_jobs"])
    )


def test_lines_appear_while_their_step_still_runs(service: Service, open_panel: OpenPanel) -> None:
    panel = open_panel(service)
    page = panel.open()
    manager_id = panel.run("Load test", **SLOWLY)
    expect(box(panel, "flat").locator(".line").first).to_be_visible()
    first = wait_for_more_lines(panel, "flat")
    second = wait_for_more_lines(panel, "flat", more=20)
    assert first < second < 600
    steps = {step["name"]: step["status"] for step in service.get(f"/managers/{manager_id}")["steps"]}
    assert steps["flat"] == "running"
    expect(panel.step("flat").locator(".status")).to_have_text("running")
    expect(page.locator("main .badge")).to_have_text("live")
    expect(page).to_have_title(re.compile(r"^▶ \d+/\d+ · Load test$"))


def test_a_fold_by_hand_is_not_undone_by_events(service: Service, open_panel: OpenPanel) -> None:
    panel = open_panel(service)
    panel.open()
    manager_id = panel.run("Load test", **SLOWLY | {"log_count": 60})
    fold = panel.step("flat").get_by_role("button", name="flat")
    expect(fold).to_have_attribute("aria-expanded", "true")
    fold.click()
    expect(box(panel, "flat")).to_be_hidden()
    wait_for_more_lines(panel, "flat", more=10)
    expect(box(panel, "flat")).to_be_hidden()
    wait_for_end(panel)
    expect(panel.step("flat").locator(".status")).to_have_text("completed")
    expect(fold).to_have_attribute("aria-expanded", "false")
    fold.press("Enter")
    expect(box(panel, "flat")).to_be_visible()
    # Folded or not, the lines came, and the newest is in sight.
    newest = re.compile(f"^{step_lines(service, manager_id, 'flat')}$")
    expect(panel.step("flat").locator(".number").filter(has_text=newest)).to_be_visible()


@pytest.mark.slow
def test_a_restart_of_the_service_is_survived(service: Service, open_panel: OpenPanel) -> None:
    panel = open_panel(service)
    panel.expected = ["ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_CONNECTION_RESET"]
    page = panel.open()
    manager_id = panel.run("Load test", **SLOWLY)
    seen = wait_for_more_lines(panel, "flat", more=20)
    service.stop()
    expect(page.locator("main .badge")).to_contain_text("reconnecting")
    service.start()
    wait_for_end(panel)
    expect(page.locator(".state > .status")).to_have_text("interrupted")
    total = sum(service.get(f"/managers/{manager_id}")["log_counts"].values())
    expect(page.locator("main .badge")).to_have_text(f"complete: {total} of {total} lines")
    last = step_lines(service, manager_id, "flat")
    assert last >= seen
    numbers = panel.numbers("flat")
    assert numbers == list(range(numbers[0], last + 1)), "no line twice, none missing"


@pytest.mark.slow
def test_a_killed_service_is_found_again(service: Service, open_panel: OpenPanel) -> None:
    panel = open_panel(service)
    panel.expected = ["net::ERR_"]
    page = panel.open()
    panel.run("Load test", **SLOWLY)
    seen = wait_for_more_lines(panel, "flat", more=20)
    service.kill()
    expect(page.locator("main .badge")).to_contain_text("reconnecting")
    expect(page.locator(".bar .badge")).to_contain_text("stale since")
    service.start()
    wait_for_end(panel)
    expect(page.locator(".bar .badge")).to_be_hidden()
    assert line_count(panel, "flat") >= seen


def test_a_run_is_cancelled_with_a_reason(service: Service, open_panel: OpenPanel) -> None:
    panel = open_panel(service)
    page = panel.open()
    manager_id = panel.run("Load test", **SLOWLY)
    wait_for_more_lines(panel, "flat")
    page.get_by_role("button", name="Cancel…").click()
    expect(page.get_by_label("Reason")).to_be_focused()
    page.keyboard.type("wrong town")
    page.keyboard.press("Enter")
    wait_for_end(panel)
    expect(page.locator(".state > .status")).to_have_text("cancelled")
    expect(page.locator(".run-head > .reason")).to_contain_text("wrong town")
    expect(page.get_by_role("button", name="Cancel…")).to_be_hidden()
    assert service.get(f"/managers/{manager_id}")["status"] == "cancelled"


def test_the_number_of_errors_leads_to_them_and_folds_nothing(
    service: Service, open_panel: OpenPanel
) -> None:
    manager_id = service.run_to_end("load-test", log_delay_ms=0, failure_rate=1)["id"]
    panel = open_panel(service)
    page = panel.open()
    wait_for_end(panel)
    with page.expect_popup() as opened:
        panel.step("flat").get_by_role("link", name="5 errors").click()
    text = opened.value.locator("body").inner_text()
    assert opened.value.url.endswith(f"/managers/{manager_id}/log?step=flat&level=error")
    assert text.count(" ERROR flat › ") == 5
    assert " INFO " not in text
    assert "recursive › " not in text
    opened.value.close()
    expect(box(panel, "flat")).to_be_visible()


def test_a_narrow_window_shows_everything_without_scrolling_sideways(
    service: Service, open_panel: OpenPanel
) -> None:
    manager_id = service.run_to_end("nearby-restaurants")["id"]
    panel = open_panel(service, width=360, height=740)
    page = panel.open(f"#/managers/{manager_id}")
    wait_for_end(panel)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert box(panel, "extract_keywords").evaluate("box => box.scrollWidth <= box.clientWidth")


def test_every_control_has_a_name_and_is_reached_and_shown_by_the_keyboard(
    service: Service, open_panel: OpenPanel
) -> None:
    service.run_to_end("nearby-restaurants")
    panel = open_panel(service)
    page = panel.open()
    wait_for_end(panel)
    reached = set()
    page.keyboard.press("Tab")
    for _ in range(100):
        name = page.evaluate(
            "(document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent).trim()"
        )
        assert name
        assert page.evaluate(SEEN), f"one sees where one is: {name[:50]}"
        reached.add(name)
        page.keyboard.press("Tab")
    assert {"Run Load test", "Definition (TOML)", "extract_keywords", "Lines of extract_keywords"} <= reached
