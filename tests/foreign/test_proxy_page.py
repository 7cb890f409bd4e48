"""Promise: the configurations on the page about proxies work as they stand there, in a browser too."""

import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.panel import Panel
from tests.chromium import chromium
from tests.foreign import nasty
from tests.foreign.proxies import caddy, nginx
from tests.pages import DOCS, blocks
from tests.programs import program
from tests.service_process import Service

PAGE = DOCS / "how-to" / "behind-a-proxy.md"
SITE = "stepstream.example"
TOKEN = "5d41402abc4b2a76b9719d911017c592"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
SECONDS = 40
# Caddy gets no certificate for this site from anybody, and shall listen to nobody else.
CADDY_OPTIONS = (
    "https_port {port}",
    "default_bind 127.0.0.1",
    "local_certs",
    "skip_install_trust",
    "auto_https disable_redirects",
)


def configuration(language: str, changes: dict[str, object]) -> str:
    """What the page shows, with what a reader has in other places."""
    (block,) = blocks(PAGE, language)
    text = block.text
    for there, here in changes.items():
        assert text.count(there) == 1, there
        text = text.replace(there, str(here))
    return text


def server(port: int, folder: Path, service: Service) -> str:
    """The page's ``server`` of nginx, with a certificate."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    options = f"-x509 -nodes -newkey rsa:2048 -subj /CN={SITE} -keyout {key} -out {certificate}"
    subprocess.run([program("openssl"), "req", *options.split()], check=True, capture_output=True)
    return configuration(
        "nginx",
        {
            "443": f"127.0.0.1:{port}",
            "/etc/ssl/stepstream.pem": certificate,
            "/etc/ssl/stepstream.key": key,
            "http://127.0.0.1:8000": service.url,
        },
    )


def site(service: Service) -> str:
    """The page's site of Caddy."""
    host = service.url.removeprefix("http://")
    return configuration("caddyfile", {"127.0.0.1:8000": host})


@pytest.fixture(scope="module")
def sign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the worker waits for."""
    return tmp_path_factory.mktemp("sign") / "go"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, sign: Path) -> Iterator[Service]:
    """A service with a token that knows the name of the site."""
    environ = {"STEPSTREAM_HOSTS": SITE, "STEPSTREAM_TOKEN": TOKEN}
    service = Service(tmp_path_factory.mktemp("service"), environ)
    nasty.prepare(service)
    service.define("gated", f'name = "Gated"\n[step.only]\ntype = "nasty"\nfolder = "{sign.parent}"\n')
    service.start().client.headers.update(BEARER)
    yield service
    if service.process.poll() is None:
        service.kill()


@pytest.fixture(scope="module", params=["nginx", "caddy"])
def port(request: pytest.FixtureRequest, service: Service) -> Iterator[int]:
    """Where a proxy listens that is configured as on the page."""
    proxy = (
        nginx(lambda port, folder: server(port, folder, service))
        if request.param == "nginx"
        else caddy(lambda port, folder: site(service), *CADDY_OPTIONS)
    )
    with proxy as port:
        wait_for_certificate(port)
        yield port


def wait_for_certificate(port: int) -> None:
    """Caddy listens before it has made one."""
    deadline = time.monotonic() + SECONDS
    context = ssl._create_unverified_context()
    while True:
        with socket.create_connection(("127.0.0.1", port), SECONDS) as connection:
            try:
                context.wrap_socket(connection, server_hostname=SITE).close()
            except ssl.SSLError:
                assert time.monotonic() < deadline
                time.sleep(0.05)
            else:
                return


@pytest.fixture
def page(port: int) -> Iterator[Page]:
    """A page of a browser that takes the site for the proxy."""
    with chromium(f"--host-resolver-rules=MAP {SITE} 127.0.0.1") as browser:
        page = browser.new_context(ignore_https_errors=True).new_page()
        page.set_default_timeout(SECONDS * 1000)
        yield page


@pytest.mark.slow
def test_the_panel_works(service: Service, port: int, page: Page, sign: Path) -> None:
    page.goto(f"https://{SITE}:{port}/")
    assert page.evaluate("performance.getEntriesByType('navigation')[0].nextHopProtocol") == "h2"
    page.get_by_label("Token").fill(TOKEN)
    page.get_by_role("button", name="Log in").click()
    manager_id = Panel(page, service).run("Gated")
    badge = page.locator("main .badge")
    expect(badge).to_have_text("live", timeout=SECONDS * 1000)
    expect(page.get_by_role("log").get_by_text("waiting", exact=True)).to_be_visible(timeout=SECONDS * 1000)
    assert service.get(f"/managers/{manager_id}")["status"] == "running"
    sign.touch()
    expect(badge).to_contain_text("complete: ", timeout=SECONDS * 1000)
    sign.unlink()


@pytest.fixture
def client(port: int) -> Iterator[httpx.Client]:
    """A client of the site."""
    # The certificate is nobody's, so it is not looked at.
    with httpx.Client(base_url=f"https://127.0.0.1:{port}", verify=False, timeout=SECONDS) as client:
        client.headers["Host"] = SITE
        yield client


def ask(client: httpx.Client, path: str) -> AbstractContextManager[httpx.Response]:
    return client.stream("GET", path, extensions={"sni_hostname": SITE})


@pytest.mark.parametrize("path", ["/managers", "/documents", "/managers/latest/events"])
def test_nothing_is_shown_without_the_token(path: str, client: httpx.Client) -> None:
    with ask(client, path) as response:
        assert response.status_code == 401


def test_the_cookie_travels_over_tls_only(client: httpx.Client) -> None:
    answer = client.post(
        "/login",
        json={"token": TOKEN},
        headers={"Origin": f"https://{SITE}", "Sec-Fetch-Site": "same-origin"},
        extensions={"sni_hostname": SITE},
    )
    assert answer.status_code == 204
    assert "secure" in answer.headers["set-cookie"].lower()


# Caddy 2.6 ends such an answer as if it were complete.
@pytest.mark.slow
@pytest.mark.parametrize("port", ["nginx"], indirect=True)
@pytest.mark.parametrize("path", ["events", "log?follow=true", "log?follow=true&format=ndjson"])
def test_what_breaks_off_does_not_look_complete(path: str, client: httpx.Client, service: Service) -> None:
    client.headers.update(BEARER)
    manager_id = service.run("gated")
    with ask(client, f"/managers/{manager_id}/{path}") as response:
        chunks = response.iter_bytes()
        body = next(chunks)
        while b"waiting" not in body:
            body += next(chunks)
        service.kill()
        with pytest.raises(httpx.RemoteProtocolError):
            list(chunks)
    service.start().client.headers.update(BEARER)
