"""Fixtures: a headless Chromium, and a panel in it that reports every complaint of the browser."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.panel import Panel
from tests.chromium import chromium
from tests.service import Service


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium. Of one module: while it is open, no other event loop can run in this thread."""
    with chromium() as browser:
        yield browser


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
