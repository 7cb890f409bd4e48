"""How quick is the panel in Chromium, and how much does it hold, with the largest logs?

A million lines: from the navigation until the last of them are drawn; from a jump of the scroll bar until the
lines that belong there fill the box, the longest of seven; elements of lines, and what scripts hold after all
that. Then 20,000 lines a second for five seconds: the longest task of the page while it shows them. The
browser has the client's core for itself.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Page

from tests.bench.figure import Figure
from tests.bench.measured_service import measured_service
from tests.browser import large_log
from tests.chromium import chromium


def measure() -> list[Figure]:
    """Milliseconds, elements and bytes."""
    with measured_service() as service, _page() as page:
        address = f"{service.url}/#/managers/{large_log.fill(service)}"
        page.goto(service.url)  # the files of the panel are known, as on any other day
        page.goto("about:blank")
        opened = large_log.open_log(page, address)
        blank = max(large_log.jump(page.get_by_role("log").first))
        rows, heap = page.locator(".line").count(), large_log.heap(page)
    return [
        Figure("a million lines, open until the last are drawn", opened, "ms"),
        Figure("a million lines, longest blank after a jump", blank, "ms"),
        Figure("a million lines, elements of lines", rows, "elements"),
        Figure("a million lines, heap", heap / 2**20, "MiB"),
        Figure("20,000 lines/s, longest task of the page", _flooded(), "ms"),
    ]


def _flooded() -> float:
    with measured_service() as service, _page() as page:
        service.add_workers("flood", large_log.WORKERS)
        large_log.define_flood(service)
        service.stop()
        service.start()
        manager_id = service.run("flood")
        large_log.watch_tasks(page)
        page.goto(f"{service.url}/#/managers/{manager_id}")
        page.get_by_text("complete: ").wait_for()
        return large_log.longest_task(page)


@contextmanager
def _page() -> Iterator[Page]:
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        yield page
