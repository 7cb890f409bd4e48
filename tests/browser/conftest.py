"""Fixtures: a headless Chromium, and a panel in it that reports every complaint of the browser."""

import os
import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.panel import Panel
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
