"""What does the panel look like? ``python -m tests.browser.pictures`` takes the pictures of the docs.

A real service in a folder of its own runs the shipped definitions, once light and once dark.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page

from tests.chromium import chromium
from tests.service_process import ROOT, Service

Scheme = Literal["light", "dark"]

PICTURES = ROOT / "docs" / "pictures"
SIZE = (1280, 860)
PHONE = (360, 740)
LARGEST = 200_000  # bytes
# The signs of what runs turn without end.
BARS_AT_REST = """Promise.all(document.getAnimations()
    .filter(one => one.effect.getComputedTiming().iterations < Infinity)
    .map(one => one.finished.catch(() => {})))"""
SCHEMES: tuple[Scheme, ...] = ("light", "dark")


def running(page: Page, service: Service) -> None:
    """The load test in the middle of its work."""
    manager_id = service.run("load-test", worker_count=20, log_count=60, log_delay_ms=60)
    page.goto(f"{service.url}/#/managers/{manager_id}")
    page.locator("main").get_by_text("8 running, 6 completed, 2 failed").wait_for()
    page.locator(".rate path[d]").wait_for(state="attached")


def failed(page: Page, service: Service) -> None:
    """A run with errors of several kinds that has ended."""
    manager_id = service.run_to_end("load-test", worker_count=30, log_delay_ms=4, failure_rate=0.5)["id"]
    page.goto(f"{service.url}/#/managers/{manager_id}")
    page.locator(".groups li").first.wait_for()
    page.locator(".rate path[d]").wait_for(state="attached")
    page.locator(".bars g.failed").first.click()


def past(page: Page, service: Service) -> None:
    """The same run, half-way."""
    failed(page, service)
    page.get_by_label("Moment").evaluate("e => { e.value = 0.45; e.dispatchEvent(new Event('input')); }")
    page.locator(".badge.past").wait_for()
    page.locator(".line").first.wait_for()


def phone(page: Page, service: Service) -> None:
    """A run on a small screen."""
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    failed(page, service)
    page.locator("main").evaluate("main => main.scrollIntoView()")


def documents(page: Page, service: Service) -> None:
    """What the example finds."""
    page.set_viewport_size({"width": SIZE[0], "height": 560})
    manager_id = service.run_to_end("nearby-restaurants")["id"]
    page.goto(f"{service.url}/#/managers/{manager_id}")
    page.locator(".documents li").first.wait_for()
    page.locator(".documents").evaluate("found => scrollTo(0, found.getBoundingClientRect().top - 80)")


VIEWS: dict[str, Callable[[Page, Service], None]] = {
    "panel": running,
    "failed": failed,
    "past": past,
    "phone": phone,
    "documents": documents,
}


def take(browser: Browser, service: Service, scheme: Scheme, view: str) -> Path:
    """One picture."""
    page = browser.new_page(viewport={"width": SIZE[0], "height": SIZE[1]}, color_scheme=scheme)
    VIEWS[view](page, service)
    page.evaluate(BARS_AT_REST)
    page.mouse.move(0, 0)
    page.wait_for_timeout(1_000)  # what is asked of the service is there
    path = PICTURES / f"{view}-{scheme}.png"
    page.screenshot(path=path)
    page.close()
    return path


def main() -> None:
    """Take all pictures."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    with chromium() as browser:
        for scheme in SCHEMES:
            with tempfile.TemporaryDirectory() as folder:
                service = Service(Path(folder)).start()
                try:
                    service.run_to_end("nearby-restaurants")
                    paths = [take(browser, service, scheme, view) for view in VIEWS]
                finally:
                    service.stop()
            for path in paths:
                if path.stat().st_size > LARGEST:
                    raise SystemExit(f"{path} is too large: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
