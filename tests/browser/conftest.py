"""Fixtures: a headless Chromium, and a panel in it that reports every complaint of the browser."""

import os
import re
import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, sync_playwright

from tests.service import Service

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def chromium() -> str | None:
    """The path of an installed Chromium."""
    return next((path for path in map(shutil.which, PROGRAMS) if path), None)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium. Of one module: while it is open, no other event loop can run in this thread."""
    program = chromium()
    if program is None:
        reason = f"none of {', '.join(PROGRAMS)} is installed"
        if os.environ.get("STEPSTREAM_REQUIRE_BROWSER") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        yield browser
        browser.close()


class Panel:
    """The panel of a service in a page of its own.

    Every error on the console, violations of the content security policy included, and every exception of a
    script is a complaint; a test says which ones it provokes.
    """

    def __init__(self, page: Page, service: Service) -> None:
        self.page = page
        self.service = service
        self.expected: list[str] = []
        self._complaints: list[str] = []
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self._complaints.append(str(error)))

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self._complaints.append(f"{message.text} ({message.location.get('url', '')})")

    def complaints(self) -> list[str]:
        """What the browser found wrong, apart from what was expected."""
        return [one for one in self._complaints if not any(re.search(each, one) for each in self.expected)]

    def open(self, place: str = "") -> Page:
        """Load it; `place` is what follows the # of its address."""
        self.page.goto(f"{self.service.url}/{place}")
        self.page.wait_for_selector(".definitions")
        return self.page

    def run(self, name: str, **params: object) -> str:
        """Press Run on the definition of this name; the new manager's id."""
        before = self.page.url
        card = self.page.locator(".definitions li").filter(has_text=name)
        if params:
            card.get_by_text("Parameters").click()
        for key, value in params.items():
            card.get_by_label(key, exact=True).fill(str(value))
        card.get_by_role("button", name="Run").click()
        self.page.wait_for_url(lambda url: url != before)
        return self.page.url.rpartition("/")[2]

    def numbers(self, step: str) -> list[int]:
        """The numbers of the lines that are drawn for a step."""
        return [int(text) for text in self.step(step).locator(".number").all_inner_texts()]

    def step(self, name: str) -> Locator:
        """The section of a step."""
        return self.page.get_by_role("region", name=name, exact=True)


@pytest.fixture
def open_panel(browser: Browser) -> Iterator[Callable[..., Panel]]:
    """Makes panels of a service, which must not have complained in the end."""
    opened: list[tuple[Page, Panel]] = []

    def make(service: Service, width: int = 1280, height: int = 900) -> Panel:
        page = browser.new_page(viewport={"width": width, "height": height})
        page.set_default_timeout(15_000)
        opened.append((page, Panel(page, service)))
        return opened[-1][1]

    yield make
    for page, panel in opened:
        page.close()
        assert panel.complaints() == []
