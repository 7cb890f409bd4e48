"""Does the panel find back to the service, whatever becomes of the connection, and never need a reload?"""

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.panel import (
    SLOWLY,
    OpenPanel,
    Panel,
    grant_notices,
    line_count,
    wait_for_end,
    wait_for_more_lines,
)
from tests.service_process import Service

pytestmark = pytest.mark.slow

HIDE = """(hidden) => {
    Object.defineProperty(document, "hidden", { configurable: true, value: hidden });
    document.dispatchEvent(new Event("visibilitychange"));
}"""


class Proxy:
    """What stands between a browser and the service; while it is ``broken`` it answers 503 to everybody."""

    def __init__(self, port: int) -> None:
        self.broken = False
        self._port = port
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        if self.broken:
            with client, suppress(OSError):
                client.recv(65_536)
                client.sendall(
                    b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\nConnection: close\r\n\r\nno.\n"
                )
            return
        server = socket.create_connection(("127.0.0.1", self._port))
        self._open |= {client, server}
        threading.Thread(target=self._pump, args=(server, client), daemon=True).start()
        self._pump(client, server)

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                target.sendall(data)
        self._shut(source, target)

    def _shut(self, *sockets: socket.socket) -> None:
        for one in sockets:
            self._open.discard(one)
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def turn(self, *, broken: bool) -> None:
        """Break, which cuts every connection, or work again."""
        self.broken = broken
        if broken:
            self._shut(*self._open.copy())

    def close(self) -> None:
        """Stop."""
        self._listener.close()
        self._shut(*self._open.copy())


@pytest.fixture
def proxy(service: Service) -> Iterator[Proxy]:
    proxy = Proxy(int(service.url.rpartition(":")[2]))
    yield proxy
    proxy.close()


def stay(page: Page) -> None:
    """Leave a sign on the page: a reload would wipe it off."""
    page.evaluate("window.stayed = true")


def assert_stayed(page: Page) -> None:
    assert page.evaluate("window.stayed") is True


def test_a_proxy_that_answers_503_for_a_while(service: Service, proxy: Proxy, open_panel: OpenPanel) -> None:
    manager_id = service.run("load-test", **SLOWLY)
    panel = open_panel(service)
    panel.expected = ["net::ERR_", "status of 503"]
    page = panel.page
    page.goto(f"{proxy.url}/#/managers/{manager_id}")
    stay(page)
    wait_for_more_lines(panel, "flat", more=20)
    proxy.turn(broken=True)
    badge = page.locator("main .badge")
    expect(badge).to_contain_text("reconnecting · stale since", timeout=15_000)
    proxy.turn(broken=False)
    wait_for_end(panel)
    total = sum(service.get(f"/managers/{manager_id}")["log_counts"].values())
    expect(badge).to_have_text(f"complete: {total:,} of {total:,} lines")
    assert_stayed(page)


class Asked:
    """What a page has asked the service for."""

    def __init__(self, page: Page) -> None:
        self.paths: list[str] = []
        page.on("request", lambda request: self.paths.append(request.url.split("/", 3)[3]))


def run_in_view(panel: Panel) -> tuple[Page, Asked, str]:
    """A run that goes on, in a page whose clock is the test's."""
    panel.page.clock.install()
    asked = Asked(panel.page)
    page = panel.open()
    manager_id = panel.run("Load test", **SLOWLY)
    wait_for_more_lines(panel, "flat", more=20)
    return page, asked, manager_id


def test_a_hidden_tab_gives_its_stream_back_and_goes_on_by_id(
    service: Service, open_panel: OpenPanel
) -> None:
    panel = open_panel(service)
    page, asked, manager_id = run_in_view(panel)
    before = line_count(panel, "flat")
    page.evaluate(HIDE, True)
    page.clock.fast_forward(20_000)
    expect(page.locator("main .badge")).to_have_text("live")
    page.clock.fast_forward(20_000)
    expect(page.locator("main .badge")).to_have_text(re.compile(r"^paused( · stale since [\d:]+)?$"))
    page.clock.run_for(10_000)  # what was asked before is answered
    held = len(asked.paths)
    page.evaluate("dispatchEvent(new Event('online'))")
    page.clock.run_for(120_000)
    assert asked.paths[held:] == [], "nobody looks, nothing is asked"
    page.evaluate(HIDE, False)
    expect(page.locator("main .badge")).to_have_text("live")
    resumed = [path for path in asked.paths[held:] if path.startswith("events")]
    assert re.fullmatch(rf"events\?manager_id={manager_id}&batch=true&after=\d+", resumed[0])
    assert len(resumed) == 1
    service.post(f"/managers/{manager_id}/cancel")
    wait_for_end(panel)
    assert line_count(panel, "flat") > before


def test_a_hidden_tab_that_shall_tell_of_the_end_asks_every_five_seconds(
    service: Service, open_panel: OpenPanel
) -> None:
    panel = open_panel(service)
    grant_notices(panel.page)
    page, asked, manager_id = run_in_view(panel)
    page.get_by_role("button", name="Tell me").click()
    page.evaluate(HIDE, True)
    page.clock.fast_forward(40_000)
    expect(page.locator("main .badge")).to_contain_text("paused")
    with page.expect_response(f"**/managers/{manager_id}"):
        page.clock.run_for(10_000)  # what was asked before is answered
    held = len(asked.paths)
    for _ in range(5):
        with page.expect_response(f"**/managers/{manager_id}"):
            page.clock.run_for(5_500)
    service.post(f"/managers/{manager_id}/cancel")
    service.finish(manager_id)
    assert page.evaluate("told") == []
    page.clock.run_for(5_500)
    page.wait_for_function("() => told.length")
    assert page.evaluate("told") == ["Load test: cancelled"]
    assert set(asked.paths[held:]) == {f"managers/{manager_id}"}, "no stream, no list"
    held = len(asked.paths)
    page.clock.run_for(60_000)
    assert asked.paths[held:] == [], "once it is told there is nothing to ask for"


def test_a_laptop_that_slept(service: Service, open_panel: OpenPanel) -> None:
    panel = open_panel(service)
    page, _, manager_id = run_in_view(panel)
    stay(page)
    with page.expect_request(re.compile(r"/events\?.*&after=\d+$")):  # its connection is taken for dead
        page.clock.fast_forward(600_000)
    service.post(f"/managers/{manager_id}/cancel")
    wait_for_end(panel)
    assert_stayed(page)


def test_a_new_database_behind_the_same_address(service: Service, open_panel: OpenPanel) -> None:
    panel = open_panel(service)
    panel.expected = ["net::ERR_", "status of 404"]
    page = panel.open()
    stay(page)
    manager_id = panel.run("Nearby restaurants")
    wait_for_end(panel)
    service.stop()
    for file in service.folder.glob("stepstream.db*"):
        file.unlink()
    service.start()
    expect(page.get_by_text(f"There is no run {manager_id} any more.")).to_be_visible(timeout=20_000)
    expect(page.locator(".managers li")).to_have_count(0)
    panel.run("Nearby restaurants")
    wait_for_end(panel)
    expect(page.locator(".managers li")).to_have_count(1)
    assert_stayed(page)


def test_seven_tabs_of_one_browser(service: Service, browser: Browser) -> None:
    """Browsers open six connections to a host: the seventh tab must not wait for ever."""
    manager_id = service.run("load-test", **SLOWLY | {"log_count": 200})
    context = browser.new_context()
    pages = [context.new_page() for _ in range(7)]
    for page in pages:
        page.goto(f"{service.url}/#/managers/{manager_id}", timeout=30_000)
    total = sum(service.finish(manager_id)["log_counts"].values())
    for page in pages:
        expect(page.locator("main .badge")).to_have_text(
            f"complete: {total:,} of {total:,} lines", timeout=30_000
        )
    context.close()


def test_a_service_that_is_down_for_six_seconds(
    make_service: Callable[..., Service], open_panel: OpenPanel
) -> None:
    service = make_service().start()
    panel = open_panel(service)
    panel.expected = ["net::ERR_"]
    page = panel.open()
    stay(page)
    panel.run("Load test", **SLOWLY)
    wait_for_more_lines(panel, "flat", more=20)
    service.stop()
    page.wait_for_timeout(6_000)
    service.start()
    wait_for_end(panel)
    expect(page.locator(".state > .status")).to_have_text("interrupted")
    assert_stayed(page)
