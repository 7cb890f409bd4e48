"""Can a run be started with parameters, resumed, retried in part and deleted, and nothing by accident?"""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.panel import LOG_AT_ONCE, SLOWLY, OpenPanel, wait_for_end, wait_for_more_lines
from tests.service_process import Service

pytestmark = pytest.mark.slow

TYPED = """
name = "Typed"
[params]
loud = true
names = ["Ada", "Grace"]
size = 3
ratio = 0.5
town = "Ostrella"
[step.a]
type = "test_job_generator"
worker_count = 1
log_count = 1
log_delay_ms = 0
"""


def card(page: Page, name: str) -> Locator:
    return page.locator(".definitions li").filter(has_text=name)


def test_a_form_has_a_field_of_the_type_of_each_parameter(service: Service, open_panel: OpenPanel) -> None:
    service.define("typed", TYPED)
    panel = open_panel(service)
    panel.expected = ["status of 400"]
    page = panel.open()
    typed = card(page, "Typed")
    typed.get_by_text("Parameters").click()
    kinds = {"loud": "checkbox", "size": "number", "ratio": "number", "town": "text"}
    for name, kind in kinds.items():
        expect(typed.get_by_label(name, exact=True)).to_have_attribute("type", kind)
    names = typed.get_by_label("names", exact=True)
    expect(names).to_have_value('["Ada","Grace"]')
    names.fill('["Ada"')
    typed.get_by_role("button", name="Run").click()
    expect(typed.locator(".fault")).to_contain_text("names")
    names.fill('["Ada"]')
    typed.get_by_label("loud").uncheck()
    typed.get_by_label("ratio").fill("0.75")
    typed.get_by_label("town").fill("")
    typed.get_by_role("button", name="Run").click()
    wait_for_end(panel)
    params = service.get("/managers/latest")["params"]
    assert params == {"loud": False, "names": ["Ada"], "size": 3, "ratio": 0.75, "town": ""}
    expect(page.locator(".params")).to_contain_text('names["Ada"]')
    page.get_by_text("Definition (TOML)").click()
    expect(page.locator("main pre")).to_have_text(TYPED)


def test_an_error_shows_the_line_of_its_file(service: Service, open_panel: OpenPanel) -> None:
    service.define("wrong", 'name = "Wrong"\n\n[step.a]\ntype = "agent"\nfilter_limmit = 3\n')
    service.define("torn", 'name = "Torn"\nid = \n')
    page = open_panel(service).open()
    wrong = card(page, "Wrong")
    wrong.get_by_text(re.compile(r"^\d+ errors?$")).click()
    fault = wrong.locator(".fault").filter(has_text="filter_limmit")
    expect(fault).to_contain_text('wrong.toml step.a.filter_limmit: unknown key "filter_limmit"')
    expect(fault).to_contain_text('did you mean "filter_limit"')
    expect(fault.locator("code")).to_have_text("line 5 filter_limmit = 3")
    torn = card(page, "torn")
    torn.get_by_text("1 error").click()
    expect(torn.locator(".fault code")).to_have_text("line 2 id =")


def test_deleting_asks_once_more_and_shows_another_run(service: Service, open_panel: OpenPanel) -> None:
    kept = service.run_to_end("load-test", **LOG_AT_ONCE)["id"]
    doomed = service.run_to_end("nearby-restaurants")["id"]
    panel = open_panel(service)
    page = panel.open(f"#/managers/{doomed}")
    wait_for_end(panel)
    delete = page.get_by_role("button", name="Delete…")
    delete.click()
    expect(page.locator(".actions")).to_contain_text("removed for good; documents stay")
    page.keyboard.press("Escape")
    expect(delete).to_be_focused()
    assert service.get(f"/managers/{doomed}")["id"] == doomed
    delete.press("Enter")
    expect(page.get_by_role("button", name="Delete this run")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Load test")
    expect(page.locator(".managers li")).to_have_count(1)
    expect(page.locator("main")).to_be_focused()
    assert [one["id"] for one in service.get("/managers")["items"]] == [kept]
    assert service.get("/documents")["items"]


def test_the_last_run_that_is_deleted_leaves_the_welcome(service: Service, open_panel: OpenPanel) -> None:
    service.run_to_end("load-test", **LOG_AT_ONCE)
    panel = open_panel(service)
    page = panel.open()
    wait_for_end(panel)
    page.get_by_role("button", name="Delete…").click()
    page.get_by_role("button", name="Delete this run").click()
    expect(page.get_by_role("heading", name="Nothing has run yet")).to_be_visible()
    expect(page).to_have_title("Stepstream")


def test_what_was_interrupted_is_resumed(service: Service, open_panel: OpenPanel) -> None:
    panel = open_panel(service)
    panel.expected = ["net::ERR_"]
    page = panel.open()
    manager_id = panel.run("Load test", **SLOWLY)
    wait_for_more_lines(panel, "flat")
    service.kill()
    service.start()
    wait_for_end(panel)
    expect(page.locator(".state > .status")).to_have_text("interrupted")
    expect(panel.step("flat").get_by_role("button", name="Resume this step")).to_be_visible()
    page.get_by_role("button", name="Resume", exact=True).click()
    expect(page.locator(".state > .status")).to_have_text("running")
    expect(page.get_by_role("button", name="Tell me"), "of this end, too").to_be_visible()
    service.post(f"/managers/{manager_id}/cancel")
    wait_for_end(panel)
    assert service.get(f"/managers/{manager_id}")["attempt"] == 2


def test_one_step_alone_is_retried(service: Service, open_panel: OpenPanel) -> None:
    manager_id = service.run_to_end("load-test", log_delay_ms=0, failure_rate=1, log_count=2)["id"]
    panel = open_panel(service)
    page = panel.open()
    wait_for_end(panel)
    retry = panel.step("flat").get_by_role("button", name="Retry this step")
    retry.click()
    expect(panel.step("flat").locator(".facts")).to_contain_text("attempt 2")
    wait_for_end(panel)
    expect(page.locator(".state > .status")).to_have_text("failed")
    attempts = {step["name"]: step["attempt"] for step in service.get(f"/managers/{manager_id}")["steps"]}
    assert attempts == {"flat": 2, "recursive": 1}
