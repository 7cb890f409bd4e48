"""Does axe-core find nothing wrong, in any view and either theme, and can everything be done by keys?"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Page, expect

from tests.browser.panel import (
    LOG_AT_ONCE,
    SLOWLY,
    OpenPanel,
    grant_notices,
    wait_for_end,
    wait_for_more_lines,
)
from tests.programs import missing
from tests.service_process import Service

pytestmark = pytest.mark.slow

AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
Scheme = Literal["light", "dark"]


def violations(page: Page) -> list[str]:
    if not AXE.exists():
        missing("axe-core is not installed: npm ci --prefix tests/browser")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = page.evaluate("axe.run().then(result => result.violations)")
    return [f"{one['id']}: {node['html'][:200]}" for one in found for node in one["nodes"]]


def faults(page: Page, schemes: Sequence[Scheme]) -> str:
    found = []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for scheme in schemes:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        found += [f"{scheme} {one}" for one in violations(page)]
    return "\n".join(found)


@pytest.mark.parametrize(("width", "schemes"), [(1280, ("light",)), (360, ("dark",))])
def test_every_view_is_accessible(
    service: Service, open_panel: OpenPanel, width: int, schemes: Sequence[Scheme]
) -> None:
    service.define("broken", 'name = "Broken"\n[params]\nloud = true\n[step.a]\ntype = "agentt"\n')
    panel = open_panel(service, width=width)
    page = panel.open()
    expect(page.get_by_role("heading", name="Nothing has run yet")).to_be_visible()
    summaries = page.locator(".definitions summary").all()
    for summary in summaries:
        summary.click()
    assert faults(page, schemes) == "", "nothing has run"
    for summary in summaries:
        summary.click()
    panel.run("Load test", **SLOWLY | {"log_count": 3000})
    wait_for_more_lines(panel, "flat")
    page.get_by_role("button", name="Cancel…").click()
    page.get_by_role("option", name="#1 ").first.click()
    assert faults(page, schemes) == "", "a run goes on"
    page.get_by_role("button", name="Cancel this run").click()
    wait_for_end(panel)
    page.get_by_role("button", name="Delete…").click()
    assert faults(page, schemes) == "", "a cancelled run"
    failed = service.run_to_end("load-test", worker_count=3, log_count=3, log_delay_ms=0, failure_rate=1)
    panel.choose(failed["id"])
    wait_for_end(panel)
    expect(page.get_by_role("region", name="Errors")).to_be_visible()
    assert faults(page, schemes) == "", "a failed run"
    page.get_by_label("Moment").press("Home")
    assert faults(page, schemes) == "", "the past"
    panel.choose(service.run_to_end("nearby-restaurants")["id"])
    expect(page.get_by_role("region", name="Documents")).to_be_visible()
    page.get_by_text("Definition (TOML)").click()
    assert faults(page, schemes) == "", "documents"
    page.keyboard.press("?")
    assert faults(page, schemes) == "", "the keys"


def test_keys_lead_everywhere(service: Service, open_panel: OpenPanel) -> None:
    older = service.run_to_end("load-test", **LOG_AT_ONCE | {"failure_rate": 1})["id"]
    newer = service.run_to_end("nearby-restaurants")["id"]
    panel = open_panel(service)
    page = panel.open()
    expect(page.get_by_role("region", name="Documents")).to_be_visible()
    page.keyboard.press("f")
    expect(page.get_by_label("Filter documents")).to_be_focused()
    page.keyboard.type("jj")
    expect(page.get_by_label("Filter documents"), "what is typed is no key").to_have_value("jj")
    page.keyboard.press("Tab")
    chosen = page.locator(".managers a[aria-current]")
    for key, manager_id in (("j", older), ("k", newer), ("j", older)):
        page.keyboard.press(key)
        expect(chosen).to_have_attribute("href", f"#/managers/{manager_id}")
    expect(page.get_by_role("region", name="Errors")).to_be_visible()
    page.keyboard.press("n")
    expect(panel.step("flat").get_by_role("button", name="flat", exact=True)).to_be_focused()
    page.keyboard.press("n")
    expect(panel.step("recursive").get_by_role("button", name="recursive", exact=True)).to_be_focused()
    page.keyboard.press("p")
    page.keyboard.press("l")
    expect(panel.step("flat").get_by_role("log")).to_be_focused()
    for key, name in {"t": "Steps and worker jobs by time", "m": "Moment"}.items():
        page.keyboard.press(key)
        expect(page.get_by_label(name)).to_be_focused()
    page.keyboard.press("r")
    expect(page.get_by_role("button", name="Retry failed", exact=True)).to_be_focused()
    page.keyboard.press("d")
    expect(page.locator(".definitions").get_by_role("button", name=re.compile("^Run ")).first).to_be_focused()
    page.keyboard.press("e")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/#/managers/{older}/*/L*")


def test_the_help_lists_the_keys_and_turns_them_off(service: Service, open_panel: OpenPanel) -> None:
    page = open_panel(service).open()
    page.keyboard.press("?")
    help_ = page.get_by_role("dialog", name="Keys")
    expect(help_).to_contain_text("next run")
    page.get_by_label("Single keys").uncheck()
    page.keyboard.press("Escape")
    expect(help_).to_be_hidden()
    page.keyboard.press("?")
    expect(help_).to_be_hidden()
    page.reload()
    page.keyboard.press("?")
    expect(help_, "that is remembered").to_be_hidden()
    page.get_by_role("button", name="Keys").click()
    page.get_by_label("Single keys").check()
    page.get_by_role("button", name="Close").click()
    page.keyboard.press("?")
    expect(help_).to_be_visible()


def test_nothing_moves_for_who_wants_no_motion(service: Service, open_panel: OpenPanel) -> None:
    panel = open_panel(service)
    panel.page.emulate_media(reduced_motion="reduce")
    page = panel.open()
    panel.run("Load test", **SLOWLY)
    wait_for_more_lines(panel, "flat")
    assert page.evaluate("document.getAnimations().length") == 0


def test_the_end_of_a_run_is_told_to_who_asked(service: Service, open_panel: OpenPanel) -> None:
    panel = open_panel(service)
    grant_notices(panel.page)
    page = panel.open()
    manager_id = panel.run("Load test", **SLOWLY)
    icon = page.locator("link[rel=icon]")
    page.get_by_role("button", name="Tell me").click()
    expect(page.get_by_role("button", name="Tell me")).to_have_attribute("aria-pressed", "true")
    expect(icon).to_have_attribute("href", re.compile("^data:image/svg"))
    running = icon.get_attribute("href") or ""
    service.post(f"/managers/{manager_id}/cancel")
    page.wait_for_function("() => told.length")
    assert page.evaluate("told") == ["Load test: cancelled"]
    expect(icon).not_to_have_attribute("href", running)
    expect(page).to_have_title("⊘ · Load test")
    panel.choose(service.run_to_end("load-test", **LOG_AT_ONCE)["id"])
    wait_for_end(panel)
    assert page.evaluate("told.length") == 1, "only the run that one asked for"


def test_a_screen_reader_hears_how_it_stands_and_not_every_line(
    service: Service, open_panel: OpenPanel
) -> None:
    panel = open_panel(service)
    panel.page.clock.install()
    page = panel.open()
    panel.run("Load test", **SLOWLY)
    wait_for_more_lines(panel, "flat")
    expect(panel.step("flat").get_by_role("log")).to_have_attribute("aria-live", "off")
    spoken = page.locator("#summary")
    expect(spoken).to_have_attribute("aria-live", "polite")
    page.clock.fast_forward(6_000)
    expect(spoken).to_contain_text("flat: 0 of 1 done")
