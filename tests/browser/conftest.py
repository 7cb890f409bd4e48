"""Fixtures: a headless Chromium, a service for each file, a panel that reports all that the browser minds."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.panel import Panel
from tests.chromium import chromium
from tests.service_process import TERMINAL, Service


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium. Of this folder: while it is open, no other event loop can run in this thread."""
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def running_service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """A service with the shipped definitions and the worker functions of the file, ``WORKERS``, started."""
    service = Service(tmp_path_factory.mktemp("service"))
    service.add_workers("own", getattr(request.module, "WORKERS", ""))
    yield service.start()
    service.kill()


@pytest.fixture
def service(running_service: Service) -> Iterator[Service]:
    """The service of a file: each test finds it as it was started, without runs of others."""
    yield running_service
    if running_service.process.poll() is not None:
        running_service.start()
    for path in running_service.definitions.iterdir():
        path.unlink()
    for manager in running_service.get("/managers", limit=1000)["items"]:
        if manager["status"] not in TERMINAL:
            running_service.post(f"/managers/{manager['id']}/cancel")
            running_service.finish(manager["id"])
        running_service.client.delete(f"/managers/{manager['id']}").raise_for_status()


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
