"""Does a real browser show a run as it happens, and leave what the reader did alone?"""

import gzip
import re
from collections.abc import Callable

from playwright.sync_api import Locator, expect

from tests.browser.conftest import Panel
from tests.service import ROOT, Service

OpenPanel = Callable[..., Panel]
LOG_AT_ONCE = {"log_delay_ms": 0, "failure_rate": 0}
SLOWLY = {"worker_count": 1, "log_count": 600, "log_delay_ms": 20, "failure_rate": 0}

SHOUT = """
    from jobs import Job, worker

    @worker("shout")
    async def shout(step: Job, text: str) -> None:
        step.log.info(text)
        step.log.warning(text)
"""
SHOUTING = """
    name = "Shouting"
    [step.aloud]
    type = "shout"
    text = '''{text}'''
"""


def box(panel: Panel, step: str) -> Locator:
    return panel.step(step).get_by_role("log")


def line_count(panel: Panel, step: str) -> int:
    found = re.search(r"([\d,]+) lines?", panel.step(step).locator(".facts").inner_text())
    return int(found[1].replace(",", "")) if found else 0


def step_lines(service: Service, manager_id: str, name: str) -> int:
    steps = service.get(f"/managers/{manager_id}")["steps"]
    lines: int = next(step["lines"] for step in steps if step["name"] == name)
    return lines


def wait_for_more_lines(panel: Panel, step: str, more: int = 1) -> int:
    """Wait until a step has `more` lines than now; how many it has then."""
    wanted = line_count(panel, step) + more
    panel.page.wait_for_function(
        "([step, wanted]) => Number(document.querySelector(`section[aria-label='${step}'] .facts`)"
        ".textContent.match(/([\\d,]+) line/)?.[1].replaceAll(',', '') ?? 0) >= wanted",
        arg=[step, wanted],
    )
    return line_count(panel, step)


def distance_to_end(list_: Locator) -> float:
    distance: float = list_.evaluate("box => box.scrollHeight - box.clientHeight - box.scrollTop")
    return distance


def wait_for_end(panel: Panel) -> None:
    expect(panel.page.locator("main .badge")).to_contain_text("complete: ", timeout=30_000)


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
    manager_id = panel.run("Load test", **SLOWLY | {"log_count": 100})
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
    assert panel.numbers("flat")[-1] == step_lines(service, manager_id, "flat"), (
        "folded or not, the lines came"
    )


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


def test_markup_in_a_message_stays_text(make_service: Callable[..., Service], open_panel: OpenPanel) -> None:
    message = '<img src=x onerror="window.hacked = 1"><script>window.hacked = 2</script>&amp;\n\tsecond line'
    service = make_service()
    service.add_workers("shout", SHOUT)
    service.define("shouting", SHOUTING.format(text=message))
    panel = open_panel(service.start())
    page = panel.open()
    panel.run("Shouting")
    wait_for_end(panel)
    messages = panel.step("aloud").locator(".message")
    assert messages.all_text_contents() == [message, message]
    assert page.locator("main img, main script").count() == 0
    assert page.evaluate("window.hacked") is None
    expect(panel.step("aloud").locator(".line.warning .level")).to_have_text("WARN")


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


def test_a_broken_definition_shows_its_errors(service: Service, open_panel: OpenPanel) -> None:
    service.define("broken", 'name = "Broken one"\n[step.a]\ntype = "agent"\nfilter_limmit = 3\n')
    service.define("off", 'name = "Switched off"\nenabled = false\n[step.a]\ntype = "test_job_generator"\n')
    panel = open_panel(service)
    page = panel.open()
    card = page.locator(".definitions li").filter(has_text="Broken one")
    expect(card.get_by_role("button", name="Run")).to_be_disabled()
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


def test_a_wrong_parameter_is_explained(service: Service, open_panel: OpenPanel) -> None:
    panel = open_panel(service)
    panel.expected = ["status of 400"]
    page = panel.open()
    card = page.locator(".definitions li").filter(has_text="Load test")
    card.get_by_text("Parameters").click()
    card.get_by_label("log_count", exact=True).fill("many")
    card.get_by_role("button", name="Run").click()
    expect(card.locator(".answer")).to_contain_text("log_count")
    expect(page.locator(".managers li")).to_have_count(0)


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
    manager_id = service.run("load-test", **SLOWLY | {"log_count": 150})
    panel = open_panel(service)
    panel.open(f"#/managers/{manager_id}/flat/L120")
    marked = panel.step("flat").locator(".line.marked")
    expect(marked).to_have_count(0)
    wait_for_end(panel)
    expect(marked).to_be_in_viewport()
    expect(panel.step("flat").locator(".more")).to_be_visible()
    expect(marked.locator(".number")).to_have_text("120")


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


def test_a_narrow_window_shows_everything_without_scrolling_sideways(
    service: Service, open_panel: OpenPanel
) -> None:
    manager_id = service.run_to_end("nearby-restaurants")["id"]
    panel = open_panel(service, width=360, height=740)
    page = panel.open(f"#/managers/{manager_id}")
    wait_for_end(panel)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert box(panel, "extract_keywords").evaluate("box => box.scrollWidth <= box.clientWidth")


def test_every_control_has_a_name_and_can_be_reached_with_the_keyboard(
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
        reached.add(name)
        page.keyboard.press("Tab")
    assert {"Run Load test", "Definition (TOML)", "extract_keywords", "Lines of extract_keywords"} <= reached


def test_the_panel_is_small_and_needs_nobody_else() -> None:
    files = [path for path in (ROOT / "static").iterdir() if path.is_file()]
    text = "\n".join(path.read_text(encoding="utf-8") for path in files)
    assert len(gzip.compress(text.encode())) < 30_000
    assert not re.search(r"innerHTML|insertAdjacentHTML|document\.write|\beval\(", text)
    assert re.findall(r"https?://(?!www\.w3\.org/2000/svg)[^\s\"']+", text) == []
