"""Promise: with a token, who does not show it learns nothing and changes nothing; and nobody is shown it."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import anyio
import httpx
import pytest

from jobs.settings import Settings, SettingsError
from jobs.web.problem import Refusal
from jobs.web.token import FREE, WAITING, Login
from tests.service_process import ROOT, Service
from tests.wire import JSON, Answer, ask, check_problem

TOKEN = "correct-horse/battery+staple="
BEARER = {"Authorization": f"Bearer {TOKEN}"}
OPEN = ("/", "/healthz", "/static/main.js", "/static/connection.js", "/static/panel.css")
CLOSED = (
    ("GET", "/definitions"),
    ("GET", "/definitions/load-test"),
    ("POST", "/definitions/load-test/runs"),
    ("GET", "/managers"),
    ("GET", "/managers/latest"),
    ("HEAD", "/managers/latest"),
    ("DELETE", "/managers/latest"),
    ("GET", "/managers/latest/events"),
    ("GET", "/managers/latest/log?follow=true"),
    ("POST", "/managers/latest/cancel"),
    ("GET", "/search?q=x"),
    ("GET", "/documents?format=csv"),
    ("GET", "/nosuch"),
    ("GET", "/static"),
    ("GET", "//healthz"),
    ("GET", "/healthz/"),
    ("GET", "/healthz/../managers"),
    ("GET", "//static/main.js"),
    ("GET", "/Static/main.js"),
    ("PUT", "/managers"),
    ("OPTIONS", "/managers"),
)

WORKERS = """
    import logging
    from jobs import Job, worker

    @worker("tells")
    async def tells(step: Job, word: str) -> None:
        step.log.info("the token is %s", word, data={"word": word})
        logging.getLogger("http").warning("Authorization: Bearer %s", word)
        step.save({"source_type": "t", "source_id": "1", "text": word})
        step.spawn(echo, word)
        step.spawn(fails, word)

    async def echo(job: Job, word: str) -> str:
        return word

    async def fails(job: Job, word: str) -> None:
        raise ValueError(word)
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with a token."""
    service = Service(tmp_path_factory.mktemp("service"), {"STEPSTREAM_TOKEN": TOKEN})
    service.add_workers("tells", WORKERS)
    service.define("tells", '[params]\nword = ""\n[step.only]\ntype = "tells"\nword = "{params.word}"\n')
    yield service.start()
    service.kill()


def log_in(service: Service, token: object = TOKEN, headers: dict[str, str] | None = None) -> Answer:
    body = httpx.Request("POST", "http://x", json={"token": token}).content
    return ask(service, "POST", "/login", {"Content-Type": JSON, **(headers or {})}, body)


def cookie_of(found: Answer) -> str:
    """The cookie of a login, as a browser sends it back."""
    assert found.status == 204, found.body
    return found.headers["set-cookie"].partition(";")[0]


# -- who may not


@pytest.mark.parametrize(("method", "path"), CLOSED)
def test_nothing_is_answered_without_the_token(served: Service, method: str, path: str) -> None:
    found = ask(served, method, path)
    assert found.status == 401
    assert found.headers["www-authenticate"] == 'Bearer realm="stepstream"'
    assert found.headers["x-content-type-options"] == "nosniff"
    if method != "HEAD":
        check_problem(found, 401)


@pytest.mark.parametrize("path", OPEN)
def test_the_panels_files_and_health_need_none(served: Service, path: str) -> None:
    found = ask(served, "GET", path)
    assert found.status == 200
    assert TOKEN.encode() not in found.body


@pytest.mark.parametrize(
    "given",
    [
        "",
        "Bearer",
        "Bearer ",
        f"Bearer {TOKEN[:-1]}",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN.upper()}",
        f"Bearer x {TOKEN}",
        f"Bearer {TOKEN} x",
        f"Bearer\t{TOKEN}",
        f"Basic {TOKEN}",
        f"Token {TOKEN}",
        TOKEN,
        "Bearer \xff\xe9",
    ],
)
def test_what_is_not_quite_the_token_is_not_the_token(served: Service, given: str) -> None:
    found = ask(served, "GET", "/managers", {"Authorization": given})
    check_problem(found, 401)
    assert found.headers["www-authenticate"].startswith("Bearer ")
    assert TOKEN.encode() not in found.body


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "Bearer  "])
def test_the_token_opens(served: Service, scheme: str) -> None:
    assert ask(served, "GET", "/managers", {"Authorization": f"{scheme} {TOKEN}"}).status == 200


# -- the cookie


def test_a_login_gives_a_cookie_that_opens_and_is_not_the_token(served: Service) -> None:
    found = log_in(served)
    cookie = cookie_of(found)
    attributes = {part.strip().lower() for part in found.headers["set-cookie"].split(";")[1:]}
    assert attributes == {"httponly", "samesite=strict", "path=/"}
    assert TOKEN not in cookie
    for path in ("/managers", "/documents"):
        assert ask(served, "GET", path, {"Cookie": cookie}).status == 200
    assert ask(served, "GET", "/managers", {"Cookie": f"other=1; {cookie}; more=2"}).status == 200
    # Behind a proxy with a password of its own, the browser sends both.
    assert ask(served, "GET", "/managers", {"Cookie": cookie, "Authorization": "Basic YTpi"}).status == 200
    name, _, value = cookie.partition("=")
    for wrong in (
        f"{name}={value[:-1]}",
        f"{name}=",
        f"{name}x={value}",
        f"{name}={TOKEN}",
        f"token={TOKEN}",
    ):
        check_problem(ask(served, "GET", "/managers", {"Cookie": wrong}), 401)


def test_over_tls_the_cookie_never_travels_without_it(served: Service) -> None:
    """The service sees a proxy's plain HTTP, but the browser says what it sees."""
    origin = {"Origin": "https://localhost"}
    assert "secure" in log_in(served, headers=origin).headers["set-cookie"].lower().replace(" ", "").split(
        ";"
    )


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (401, b'{"token": "wrong-token"}'),
        (401, b'{"token": ""}'),
        (401, '{"token": "\u00e9\u00df"}'.encode()),
        (400, b'{"token": "\\ud800"}'),
        (400, b"{}"),
        (400, b""),
        (400, b'{"token": 7}'),
        (400, b'{"tokn": "x"}'),
        (400, b"[]"),
        (400, b"?"),
        (413, b" " * (64 * 1024 + 1)),
    ],
)
def test_other_logins_are_refused(served: Service, status: int, body: bytes) -> None:
    found = ask(served, "POST", "/login", {"Content-Type": JSON}, body)
    check_problem(found, status)
    assert "set-cookie" not in found.headers
    if status == 401:
        assert found.headers["www-authenticate"].startswith("Bearer ")


def test_a_login_is_json_by_post_from_here(served: Service) -> None:
    check_problem(ask(served, "GET", "/login"), 405)
    check_problem(ask(served, "POST", "/login", {"Content-Type": "text/plain"}, b"{}"), 415)
    check_problem(log_in(served, headers={"Sec-Fetch-Site": "cross-site"}), 403)


def test_another_token_logs_everybody_out_and_a_restart_nobody(make_service: Callable[..., Service]) -> None:
    first = make_service({"STEPSTREAM_TOKEN": TOKEN}).start()
    cookie = cookie_of(log_in(first))
    first.stop()
    first.start()
    assert ask(first, "GET", "/managers", {"Cookie": cookie}).status == 200
    second = make_service({"STEPSTREAM_TOKEN": f"{TOKEN}2"}).start()
    check_problem(ask(second, "GET", "/managers", {"Cookie": cookie}), 401)


def test_without_a_token_there_is_nothing_to_log_in_to(shared_service: Service) -> None:
    problem = check_problem(log_in(shared_service), 409)
    assert "STEPSTREAM_TOKEN" in problem["detail"]


# -- order


@pytest.mark.parametrize(
    ("status", "method", "path", "headers", "host"),
    [
        (400, "POST", "/nosuch", {"Sec-Fetch-Site": "cross-site"}, "evil.example"),
        (400, "GET", "/managers", BEARER, "evil.example"),
        (403, "POST", "/nosuch", {"Sec-Fetch-Site": "cross-site"}, "localhost"),
        (403, "POST", "/login", {"Sec-Fetch-Site": "cross-site"}, "localhost"),
        (401, "POST", "/nosuch", {}, "localhost"),
        (401, "PUT", "/managers", {}, "localhost"),
        (404, "POST", "/nosuch", BEARER, "localhost"),
        (404, "POST", "/static/nosuch", {}, "localhost"),
        (405, "PUT", "/managers", BEARER, "localhost"),
        (405, "PUT", "/healthz", {}, "localhost"),
    ],
)
def test_the_token_is_asked_for_after_host_and_origin_and_before_the_path(
    served: Service, status: int, method: str, path: str, headers: dict[str, str], host: str
) -> None:
    check_problem(ask(served, method, path, headers, host=host), status)


# -- trying


async def try_(login: Login, token: str, statuses: list[int]) -> None:
    try:
        statuses.append((await login.cookie(token, "/", secure=False)).status_code)
    except Refusal as refusal:
        statuses.append(refusal.status)


def test_who_tries_many_tokens_has_to_wait_and_so_has_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.web.token.DELAY_SECONDS", 0.02)

    async def main() -> None:
        login, statuses = Login(TOKEN), list[int]()
        for _ in range(FREE + 10):
            await try_(login, "wrong", statuses)
        started = time.monotonic()
        await try_(login, TOKEN, statuses)
        assert time.monotonic() - started >= 0.02
        assert statuses == [401] * (FREE + 10) + [204]

    anyio.run(main)


def test_few_may_wait_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.web.token.DELAY_SECONDS", 0.02)

    async def main() -> None:
        login, statuses = Login(TOKEN), list[int]()
        async with anyio.create_task_group() as tasks:
            for _ in range(FREE + 2 * WAITING):
                tasks.start_soon(try_, login, "wrong", statuses)
        assert len(statuses) == FREE + 2 * WAITING
        assert set(statuses) == {401, 429}
        assert statuses.count(401) >= FREE + WAITING
        await try_(login, TOKEN, statuses)
        assert statuses[-1] == 204

    anyio.run(main)


def test_a_cookie_never_waits(served: Service) -> None:
    cookie = cookie_of(log_in(served))
    for _ in range(FREE + 3):
        check_problem(log_in(served, "wrong"), 401)
    assert ask(served, "GET", "/managers", {"Cookie": cookie}).status == 200
    assert ask(served, "GET", "/managers", BEARER).status == 200


# -- starting


@pytest.mark.parametrize(
    "token", ["short", "with blank", "tab\ttab", "umläut-umläut", "line\nline", " padded "]
)
def test_a_token_that_cannot_be_used_is_refused_and_not_shown(token: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.read({"STEPSTREAM_TOKEN": token})
    assert str(caught.value).startswith("STEPSTREAM_TOKEN: expected")
    assert token.strip() not in str(caught.value)


def test_settings_do_not_show_the_token() -> None:
    assert TOKEN not in repr(Settings.read({"STEPSTREAM_TOKEN": TOKEN}))


def test_with_a_token_other_addresses_are_listened_on(make_service: Callable[..., Service]) -> None:
    environ = {"STEPSTREAM_TOKEN": TOKEN, "STEPSTREAM_HOST": "0.0.0.0", "STEPSTREAM_HOSTS": "steps.example"}
    service = make_service(environ).start()
    assert service.url.startswith("http://0.0.0.0:")
    service.url = service.url.replace("0.0.0.0", "127.0.0.1")
    check_problem(ask(service, "GET", "/managers", host="steps.example"), 401)
    assert ask(service, "GET", "/managers", BEARER, host="steps.example").status == 200
    check_problem(ask(service, "GET", "/managers", BEARER, host="other.example"), 400)


# -- it is never shown


def test_the_token_is_masked_wherever_a_worker_puts_it(served: Service) -> None:
    with httpx.Client(base_url=served.url, headers=BEARER) as client:
        body = {"params": {"word": TOKEN}}
        answer = client.post("/definitions/tells/runs", params={"follow": "true"}, json=body)
        seen = answer.text + client.get("/managers/latest").text + client.get("/documents").text
        (document,) = client.get("/documents").json()["items"]
        for path in ("jobs", "log", "log?format=json"):
            seen += client.get(f"/managers/latest/{path}").text
        seen += client.get(f"/documents/{document['id']}").text
    assert "the token is ***" in seen
    assert "Bearer ***" in seen
    assert "ValueError: ***" in seen
    assert '"result":"***"' in seen
    stored = b"".join(path.read_bytes() for path in served.folder.glob("stepstream.db*"))
    for piece in ("battery", "staple"):
        assert piece not in seen
        assert piece.encode() not in stored
        assert piece not in served.errors()


# -- mounted deeper


def test_below_a_prefix_the_cookie_is_of_that_prefix(tmp_path: Path) -> None:
    """In an application of somebody else, or under a server that adds the prefix."""
    (tmp_path / "whole.py").write_text(
        "from contextlib import asynccontextmanager\n"
        "from starlette.applications import Starlette\n"
        "from starlette.routing import Mount\n"
        "from app import create_app\n"
        "part = create_app()\n"
        "@asynccontextmanager\n"
        "async def lifespan(whole):\n"
        "    async with part.router.lifespan_context(part) as state:\n"
        "        yield state\n"
        "whole = Starlette(routes=[Mount('/deep', part)], lifespan=lifespan)\n",
        encoding="utf-8",
    )
    environ = os.environ | {
        "STEPSTREAM_TOKEN": TOKEN,
        "STEPSTREAM_DB": str(tmp_path / "x.db"),
        "PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}",
    }
    listener = socket.create_server(("127.0.0.1", 0))
    command = [sys.executable, "-m", "uvicorn", "whole:whole", "--fd", str(listener.fileno())]
    with (
        listener,
        subprocess.Popen(
            command, cwd=tmp_path, env=environ, pass_fds=[listener.fileno()], stderr=subprocess.PIPE
        ) as process,
    ):
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/deep"
        try:
            with httpx.Client(timeout=20) as client:
                assert client.get(f"{url}/healthz").status_code == 200
                assert client.get(f"{url}/").status_code == 200
                assert client.get(f"{url}/static/main.js").status_code == 200
                assert client.get(f"{url}/managers").status_code == 401
                found = client.post(f"{url}/login", json={"token": TOKEN})
                assert found.status_code == 204
                assert "Path=/deep" in found.headers["set-cookie"]
                assert client.get(f"{url}/managers").status_code == 200
        finally:
            process.kill()
