"""Can what a run found be read, filtered and taken along, and is it text whatever is in it?"""

import csv
import json
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.panel import OpenPanel, wait_for_end
from tests.service_process import Service

pytestmark = pytest.mark.slow

EVIL = "<img src=x onerror=document.title='broken'>"
WORKERS = f"""
    from jobs import Job, worker

    EVIL = {EVIL!r}

    @worker("hostile")
    async def hostile(step: Job, text: str) -> None:
        step.save({{
            "source_type": EVIL, "source_id": EVIL, "title": EVIL, "text": EVIL, "tags": [EVIL],
            "url": "javascript:alert(1)",
            "metadata": {{"attribution": EVIL, EVIL: EVIL, "a": {{"keywords": [{{"keyword": EVIL}}, EVIL]}}}},
        }})
        step.save({{"source_type": "b", "source_id": "b", "metadata": {{"a": {{"keywords": [EVIL]}}}}}})
        step.log.error(EVIL)
        raise ValueError(EVIL)
"""


def test_documents_are_filtered_and_exported(service: Service, open_panel: OpenPanel, tmp_path: Path) -> None:
    manager_id = service.run_to_end("nearby-restaurants")["id"]
    panel = open_panel(service)
    page = panel.open()
    wait_for_end(panel)
    found = page.get_by_role("region", name="Documents")
    items = found.get_by_role("listitem")
    expect(items).to_have_count(36)
    expect(found.get_by_role("heading")).to_have_text("36 documents")
    expect(found).to_contain_text("Source: Invented sample data")
    expect(items.filter(has_text="Trattoria da Nives").locator(".chip")).not_to_have_count(0)
    found.get_by_label("Filter documents").fill("wood-fired")
    fewer = service.get("/documents", manager_id=manager_id, q="wood-fired")["items"]
    assert 0 < len(fewer) < 36
    expect(items).to_have_count(len(fewer))
    expect(found.get_by_role("heading")).to_contain_text("with wood-fired")
    with page.expect_download() as exported:
        found.get_by_role("button", name="JSON").click()
    exported.value.save_as(tmp_path / "documents.json")
    assert json.loads((tmp_path / "documents.json").read_text(encoding="utf-8")) == fewer
    with page.expect_download() as exported:
        found.get_by_role("link", name="CSV").click()
    exported.value.save_as(tmp_path / "documents.csv")
    with open(tmp_path / "documents.csv", encoding="utf-8", newline="") as file:
        assert [row["title"] for row in csv.DictReader(file)] == [one["title"] for one in fewer]
    found.get_by_label("Filter documents").fill("nothing has these words")
    expect(items).to_have_count(0)
    expect(found.get_by_role("heading")).to_have_text("0 documents with nothing has these words")


def test_a_keyword_that_many_share_filters_by_it(service: Service, open_panel: OpenPanel) -> None:
    service.run_to_end("nearby-restaurants")
    panel = open_panel(service)
    page = panel.open()
    wait_for_end(panel)
    found = page.get_by_role("region", name="Documents")
    common = found.locator("button.chip").first
    word = common.get_attribute("value")
    common.press("Enter")
    expect(common).to_have_attribute("aria-pressed", "true")
    expect(found.get_by_role("heading")).to_contain_text(f"with {word}")
    common.press("Enter")
    expect(found.get_by_role("heading")).to_have_text("36 documents")


def test_text_stays_text_whatever_is_in_it(service: Service, open_panel: OpenPanel) -> None:
    service.define(
        "hostile",
        f'name = "{EVIL}"\ndescription = "{EVIL}"\n[params]\ntext = "{EVIL}"\n'
        f'["step"."{EVIL}"]\ntype = "nothing"\n',
    )
    service.define(
        "wild",
        f'name = "{EVIL} wild"\ndescription = "{EVIL}"\n[params]\ntext = "{EVIL}"\n"{EVIL}" = 1\n'
        f'[step.a]\ndescription = "{EVIL}"\ntype = "hostile"\ntext = "{{params.text}}"\n',
    )
    service.run_to_end("wild")
    panel = open_panel(service)
    page = panel.open()
    wait_for_end(panel)
    for summary in page.locator("summary").all():
        summary.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"{EVIL} wild")
    expect(page.locator(".run-head .params")).to_contain_text(EVIL)
    expect(page.locator(".definitions").get_by_role("spinbutton", name=EVIL)).to_have_value("1")
    expect(panel.step("a").locator("> .reason")).to_contain_text(EVIL)
    expect(panel.step("a").get_by_role("log")).to_contain_text(EVIL)
    found = page.get_by_role("region", name="Documents")
    expect(found.locator("li .name").first).to_have_text(EVIL)
    expect(found.locator("li .about").first).to_contain_text(f"{EVIL} · {EVIL} · {EVIL} {EVIL}")
    expect(found.locator("button.chip")).to_contain_text(EVIL)
    expect(found.locator("li .chip").first).to_have_text(EVIL)
    expect(found.locator(".credit")).to_have_text(f"Source: {EVIL}")
    expect(found.get_by_role("link", name="CSV")).to_be_visible()
    assert page.locator("img[onerror], main img, a[href^=javascript]").count() == 0
