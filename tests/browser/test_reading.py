"""Can a log be read as its reader likes: filtered, searched, in its colours, wrapped or not, copied, kept?"""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.panel import OpenPanel, Panel, box, line_count, wait_for_end, wait_for_more_lines
from tests.service_process import Service

pytestmark = pytest.mark.slow

EVIL = "<img src=x onerror=\"window.hacked='yes'\">"
WORKERS = """
    import anyio
    from jobs import Job, worker

    @worker("talk")
    async def talk(step: Job, rounds: int) -> None:
        step.log.info("\\x1b[31mred\\x1b[0m and \\x1b[38;5;208morange\\x1b[0m, then \\x1b[2Kplain")
        step.log.info("loading 10 %\\rloading 50 %\\rloading 100 %")
        step.log.info("long " * 200)
        for number in range(3):
            step.spawn(one, number, rounds)

    async def one(job: Job, number: int, rounds: int) -> None:
        for turn in range(rounds):
            job.log.info("job %d says %d", number, turn)
            await anyio.sleep(0.001)
        job.log.warning("job %d is worn out", number)
        if number == 1:
            job.log.error(EVIL)
        job.log.debug("the needle of job %d", number)
""".replace("EVIL", repr(EVIL))


# Of an element's text, as it is painted: red, green, blue.
COLOUR = """(one) => {
    const paint = document.createElement("canvas").getContext("2d");
    paint.fillStyle = getComputedStyle(one).color;
    paint.fillRect(0, 0, 1, 1);
    return [...paint.getImageData(0, 0, 1, 1).data].slice(0, 3);
}"""


@pytest.fixture(scope="module")
def talking(running_service: Service) -> Service:
    """A service whose first run has ended: 1,000 lines of all levels, by three worker jobs."""
    toml = "[params]\nrounds = 330\n[step.talk]\ntype = 'talk'\nrounds = '{params.rounds}'\n"
    running_service.define("talk", toml)
    running_service.run_to_end("talk")
    return running_service


def opened(open_panel: OpenPanel, service: Service, place: str = "") -> Panel:
    panel: Panel = open_panel(service)
    panel.open(f"#/managers/{service.get('/managers')['items'][-1]['id']}{place}")
    wait_for_end(panel)
    return panel


def tool(panel: Panel, name: str) -> Locator:
    return panel.step("talk").locator(".reading").get_by_role("button", name=name)


def levels(panel: Panel) -> set[str]:
    return set(panel.step("talk").locator(".line .level").all_inner_texts())


def to_top(panel: Panel) -> None:
    box(panel, "talk").evaluate("box => { box.scrollTop = 0 }")
    expect(panel.step("talk").locator(".number").first).to_have_text(re.compile(r"^\d$"))


def test_level_counts_are_filters(talking: Service, open_panel: OpenPanel) -> None:
    panel = opened(open_panel, talking)
    button = tool(panel, "warning 3")
    button.click()
    expect(panel.step("talk").locator(".line:has(time)")).to_have_count(4)
    assert levels(panel) == {"WARN", "ERROR"}
    expect(button).to_have_attribute("aria-pressed", "true")
    assert line_count(panel, "talk") == 1_000
    manager_id = panel.page.url.rpartition("/")[2]
    for form, name in (("NDJSON", "ndjson"), ("Text", "txt")):
        with panel.page.expect_download() as download:
            panel.step("talk").get_by_role("link", name=form, exact=True).click()
        assert download.value.suggested_filename == f"log-{manager_id}-talk.{name}"
        saved = download.value.path().read_text(encoding="utf-8")
        assert saved.count("is worn out") == 3
        assert "says" not in saved
    amber = panel.step("talk").locator(".line.warning .level").first
    red, green, blue = amber.evaluate(COLOUR)
    assert red > green > blue
    button.click()
    expect(panel.step("talk").locator(".line.debug").last).to_be_visible()


def test_the_lines_of_one_worker_job_are_a_click_away(talking: Service, open_panel: OpenPanel) -> None:
    panel = opened(open_panel, talking)
    tags = panel.step("talk").locator(".line .tag")
    last = [tags.filter(has_text=f"#{number}").last for number in (1, 2, 3)]
    assert len({one.evaluate("one => getComputedStyle(one).color") for one in last}) == 3
    tags.filter(has_text="#2").last.click()
    expect(tags.filter(has_not_text="#2")).to_have_count(0)
    expect(tags.filter(has_text="#2").last).to_be_visible()
    to_top_of_filtered = box(panel, "talk")
    to_top_of_filtered.evaluate("box => { box.scrollTop = 0 }")
    expect(panel.step("talk").get_by_text("job 1 says 0", exact=True)).to_be_in_viewport()
    expect(tags.filter(has_not_text="#2")).to_have_count(0)
    tool(panel, "#2 ✕").click()
    expect(tags.filter(has_text="#3").last).to_be_visible()


def test_colours_are_shown_and_progress_is_folded(talking: Service, open_panel: OpenPanel) -> None:
    panel = opened(open_panel, talking)
    to_top(panel)
    messages = panel.step("talk").locator(".message")
    expect(messages.nth(0)).to_have_text("red and orange, then plain")
    red, orange = messages.nth(0).locator("span").all()
    assert [one.evaluate("span => getComputedStyle(span).color") for one in (red, orange)] != [
        messages.nth(0).evaluate("one => getComputedStyle(one).color")
    ] * 2
    expect(messages.nth(1)).to_contain_text("loading 100 %")
    expect(messages.nth(1).get_by_text("loading 50 %")).to_be_hidden()
    messages.nth(1).get_by_role("button", name="2 earlier").click()
    expect(messages.nth(1).get_by_text("loading 50 %")).to_be_visible()


def test_wrapping_and_times_are_remembered(talking: Service, open_panel: OpenPanel) -> None:
    panel = opened(open_panel, talking)
    to_top(panel)
    wide = "box => box.scrollWidth > box.clientWidth"
    assert not box(panel, "talk").evaluate(wide)
    tool(panel, "Wrap").click()
    tool(panel, "Since start").click()
    time = panel.step("talk").locator(".line time").first
    expect(time).to_have_text(re.compile(r"^\+\d+\.\d{3}$"))
    expect(time).to_have_attribute("title", re.compile(r"^\d{4}-\d\d-\d\dT"))
    assert box(panel, "talk").evaluate(wide)
    panel.page.reload()
    wait_for_end(panel)
    to_top(panel)
    expect(time).to_have_text(re.compile(r"^\+"))
    assert box(panel, "talk").evaluate(wide)
    assert panel.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def find(page: Page, words: str) -> Locator:
    page.get_by_label("Find words in lines").fill(words)
    page.get_by_label("Find words in lines").press("Enter")
    return page.get_by_role("search").locator("output")


def test_words_are_found_and_walked_through(talking: Service, open_panel: OpenPanel) -> None:
    panel = opened(open_panel, talking)
    page = panel.page
    told = find(page, "needle job")
    expect(told).to_have_text("1 of 3")
    marked = panel.step("talk").locator(".line.marked")
    expect(marked).to_contain_text("the needle of job")
    expect(marked).to_be_in_viewport()
    first = page.url
    page.get_by_role("button", name="Next hit").click()
    expect(told).to_have_text("2 of 3")
    page.wait_for_url(lambda url: url != first)
    page.get_by_role("button", name="Previous hit").click()
    expect(told).to_have_text("1 of 3")
    page.get_by_role("button", name="Previous hit").click()
    expect(told).to_have_text("3 of 3")
    page.get_by_label("Find words").press_sequentially(" x")
    expect(told, "that was about other words").to_have_text("")
    expect(find(page, "haystack")).to_have_text("no hits")
    page.get_by_label("Where to look").select_option("this step")
    expect(find(page, "needle job")).to_have_text("1 of 3")
    expect(find(page, "started talk"), "that says the manager").to_have_text("no hits")
    page.get_by_label("Where to look").select_option("this run")
    expect(find(page, "started talk")).to_have_text("1 of 1")
    talking.run_to_end("talk", rounds=0)
    page.get_by_label("Where to look").select_option("all runs")
    told = find(page, "worn out")
    expect(told).to_have_text("1 of 6")
    page.get_by_role("button", name="Previous hit").click()
    expect(page.locator("main .counts")).to_contain_text("3 of 3 worker jobs")
    expect(panel.step("talk").locator(".facts")).to_contain_text("10 lines")
    expect(marked).to_contain_text("is worn out")


def test_the_marked_lines_are_copied(talking: Service, open_panel: OpenPanel) -> None:
    panel = opened(open_panel, talking, "/talk/L2-L3")
    panel.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    expect(panel.step("talk").locator(".line.marked")).to_have_count(2)
    tool(panel, "Copy").click()
    expect(tool(panel, "Copied")).to_be_visible()
    text = panel.page.evaluate("navigator.clipboard.readText()")
    assert re.fullmatch(r"[\d:.]{12} INFO    loading 10 %.*\n[\d:.]{12} INFO    (long )+\n", text, re.DOTALL)


def test_a_filtered_log_goes_on(talking: Service, open_panel: OpenPanel) -> None:
    panel = open_panel(talking)
    panel.open()
    panel.page.get_by_role("button", name="Run talk").click()
    wait_for_more_lines(panel, "talk", more=20)
    panel.step("talk").locator(".line .tag").filter(has_text="#1").last.click()
    wait_for_end(panel)
    messages = panel.step("talk").locator(".line .message")
    expect(messages.last).to_have_text("the needle of job 0")
    expect(messages.nth(-2)).to_have_text("job 0 is worn out")
    expect(messages.nth(-3)).to_have_text("job 0 says 329")


@pytest.mark.parametrize("place", ["message", "name"])
def test_markup_stays_text(talking: Service, open_panel: OpenPanel, place: str) -> None:
    name = EVIL.replace("'", "\\u0027").replace('"', '\\"')
    step = f'"{name}"' if place == "name" else "talk"
    talking.define(
        "evil", f'name = "{name}"\ndescription = "{name}"\n[step.{step}]\ntype = "talk"\nrounds = 1\n'
    )
    manager_id = talking.run_to_end("evil")["id"]
    panel = open_panel(talking)
    page = panel.open(f"#/managers/{manager_id}")
    wait_for_end(panel)
    expect(page.get_by_text(EVIL, exact=True).first).to_be_visible()
    expect(page.locator(".line.error .message")).to_have_text(EVIL)
    assert page.locator("img:not(.brand img)").count() == 0
    assert page.evaluate("window.hacked") is None


def test_find_goes_on_past_a_thousand_hits(talking: Service, open_panel: OpenPanel) -> None:
    manager_id = talking.run_to_end("talk", rounds=340)["id"]
    panel = open_panel(talking)
    page = panel.open(f"#/managers/{manager_id}")
    wait_for_end(panel)
    told = find(page, "says")
    expect(told).to_have_text("1 of 1,000+")
    page.get_by_role("button", name="Previous hit").click()
    expect(told).to_have_text("1,000 of 1,000+")
    page.get_by_role("button", name="Next hit").click()
    expect(told).to_have_text("1,001 of 1,020")
    expect(panel.step("talk").locator(".line.marked")).to_contain_text(re.compile(r"job \d says 33\d"))
