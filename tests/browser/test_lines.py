"""Does a list of lines follow, stay, find and bear a flood, as its reader expects?"""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.panel import (
    LOG_AT_ONCE,
    SLOWLY,
    OpenPanel,
    box,
    distance_to_end,
    line_count,
    step_lines,
    wait_for_end,
    wait_for_more_lines,
)
from tests.service_process import Service

pytestmark = pytest.mark.slow

WORKERS = """
    from pathlib import Path
    import anyio
    from jobs import Job, worker

    @worker("shout")
    async def shout(step: Job, text: str) -> None:
        step.log.info(text)
        step.log.warning(text)

    @worker("halves")
    async def halves(step: Job, go: str) -> None:
        for number in range(1, 201):
            while number > 100 and not Path(go).exists():
                await anyio.sleep(0.01)
            step.log.info("line %d", number)
"""
SHOUTING = """
    name = "Shouting"
    [step.aloud]
    type = "shout"
    text = '''{text}'''
"""


def test_the_list_follows_until_the_reader_scrolls_up(service: Service, open_panel: OpenPanel) -> None:
    panel = open_panel(service)
    page = panel.open()
    panel.run("Load test", **SLOWLY)
    wait_for_more_lines(panel, "flat", more=60)
    lines = box(panel, "flat")
    page.wait_for_function(
        "box => box.scrollTop > 0 && box.scrollTop + box.clientHeight >= box.scrollHeight - 1",
        arg=lines.element_handle(),
    )
    lines.hover()
    page.mouse.wheel(0, -300)
    more = panel.step("flat").locator(".more")
    expect(more).to_have_text(re.compile(r"^\d+ new lines? ↓$"))
    top = lines.evaluate("box => box.scrollTop")
    wait_for_more_lines(panel, "flat", more=20)
    assert lines.evaluate("box => box.scrollTop") == top
    more.click()
    expect(more).to_be_hidden()
    wait_for_more_lines(panel, "flat", more=5)
    assert distance_to_end(lines) < 25, "it follows again"


def test_markup_in_a_message_stays_text(service: Service, open_panel: OpenPanel) -> None:
    message = '<img src=x onerror="window.hacked = 1"><script>window.hacked = 2</script>&amp;\n\tsecond line'
    service.define("shouting", SHOUTING.format(text=message))
    panel = open_panel(service)
    page = panel.open()
    panel.run("Shouting")
    wait_for_end(panel)
    messages = panel.step("aloud").locator(".message")
    assert messages.all_text_contents() == [message, message]
    assert page.locator("main img, main script").count() == 0
    assert page.evaluate("window.hacked") is None
    expect(panel.step("aloud").locator(".line.warning .level")).to_have_text("WARN")


def test_a_link_leads_to_its_lines(service: Service, open_panel: OpenPanel) -> None:
    manager_id = service.run_to_end("load-test", worker_count=4, log_count=500, **LOG_AT_ONCE)["id"]
    panel = open_panel(service)
    page = panel.open(f"#/managers/{manager_id}/flat/L1040-L1052")
    marked = panel.step("flat").locator(".line.marked")
    expect(marked).to_have_count(13)
    expect(marked.first).to_be_in_viewport()
    expect(marked.first.locator(".number")).to_have_text("1040")
    panel.step("flat").locator(".line .number", has_text="1045").click()
    expect(marked).to_have_count(1)
    assert page.url.endswith("/flat/L1045")
    box(panel, "flat").press("Shift+ArrowDown")
    expect(marked.locator(".number")).to_have_text("1046")
    assert page.url.endswith("/flat/L1046")


def test_a_link_to_a_line_that_is_still_to_come_waits_for_it(service: Service, open_panel: OpenPanel) -> None:
    go = service.folder / "go"
    go.unlink(missing_ok=True)
    service.define("halves", f'[step.halves]\ntype = "halves"\ngo = "{go}"\n')
    panel = open_panel(service)
    panel.open(f"#/managers/{service.run('halves')}/halves/L150-L152")
    expect(panel.step("halves").locator(".line").last).to_have_text(re.compile("line 100$"))
    go.touch()
    marked = panel.step("halves").locator(".line.marked")
    expect(marked.locator(".number")).to_have_text(["150", "151", "152"])
    wait_for_end(panel)
    expect(marked.first).to_be_in_viewport()
    assert distance_to_end(box(panel, "halves")) > 0


def test_twenty_thousand_lines_are_a_few_rows(service: Service, open_panel: OpenPanel) -> None:
    manager_id = service.run_to_end("load-test", worker_count=4, log_count=5_000, **LOG_AT_ONCE)["id"]
    panel = open_panel(service)
    page = panel.open(f"#/managers/{manager_id}")
    wait_for_end(panel)
    total = step_lines(service, manager_id, "flat")
    assert total >= 20_000
    assert line_count(panel, "flat") == panel.numbers("flat")[-1] == total
    lines = box(panel, "flat")
    for part in (0, 0.5, 0.25, 1):
        lines.evaluate("(box, part) => { box.scrollTop = box.scrollHeight * part }", part)
        page.wait_for_function(
            "([box, line]) => Math.abs(box.querySelector('.number').textContent - line) < 100",
            arg=[lines.element_handle(), part * total],
        )
        numbers = panel.numbers("flat")
        assert numbers == list(range(numbers[0], numbers[-1] + 1))
        assert len(numbers) < 100
    assert page.locator(".line").count() < 300
