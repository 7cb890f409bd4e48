"""Fixtures: a service whose runs say nasty lines, the ways to it, and a page of a headless Chromium."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.chromium import chromium
from tests.foreign import nasty
from tests.foreign.nasty import Run
from tests.foreign.proxies import Config, caddy, nginx
from tests.foreign.readers import BROWSER
from tests.service_process import Service

NGINX = "server {{{{ listen 127.0.0.1:{{port}}; {more} location / {{{{ proxy_pass {{url}}; }}}} }}}}"
CADDY = "http://127.0.0.1:{port} {{\nreverse_proxy {url}\n}}"
COMPRESSING = "gzip on; gzip_types *; gzip_min_length 1; gzip_proxied any;"
# Proxies that are told where the service is and nothing else, and such that compress what they can.
WAYS: dict[str, tuple[Callable[[Config], AbstractContextManager[int]], str]] = {
    "nginx": (nginx, NGINX.format(more="")),
    "caddy": (caddy, CADDY),
    "compressing nginx": (nginx, NGINX.format(more=COMPRESSING)),
}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("service"))
    nasty.prepare(service)
    yield service.start()
    if service.process.poll() is None:
        service.kill()


@pytest.fixture(scope="module")
def way(request: pytest.FixtureRequest, service: Service) -> Iterator[str]:
    """The URL of the service itself, or of one of the proxies ``WAYS`` before it."""
    if request.param == "direct":
        yield service.url
        return
    start, config = WAYS[request.param]
    with start(lambda port, folder: config.format(port=port, url=service.url)) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def run(service: Service, tmp_path: Path) -> Run:
    """A run that waits half-way."""
    return Run(service, tmp_path)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(request: pytest.FixtureRequest) -> Iterator[Page | None]:
    """A page, if the reader of the test is Chromium."""
    if request.getfixturevalue("reader") != BROWSER:
        yield None
        return
    browser: Browser = request.getfixturevalue("browser")
    page = browser.new_page()
    yield page
    page.close()
