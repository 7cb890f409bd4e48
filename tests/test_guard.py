"""Who may call? Foreign hosts and origins are refused, in a fixed order, and every answer is safe to show."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.service_process import ROOT, Service
from tests.wire import JSON, Answer, answer, ask, check_problem, connect, request

ADDED_HOST = "steps.example"
STREAMS = ("/managers/ID/events", "/managers/ID/events?tail=3", "/managers/ID/log?follow=true")
READ = (
    *STREAMS,
    "/",
    "/static/main.js",
    "/definitions",
    "/definitions/long",
    "/managers",
    "/managers/ID",
    "/managers/ID/jobs",
    "/managers/ID/log",
    "/managers/ID/log?format=json",
    "/search?q=x",
    "/documents",
    "/documents?format=csv",
    "/healthz",
)
CHANGE = (
    ("POST", "/definitions/nosuch/runs"),
    ("POST", "/managers/nosuch/cancel"),
    ("DELETE", "/managers/nosuch"),
)
ROUTES = (*(("GET", path) for path in READ), *CHANGE)
LARGE = b" " * (64 * 1024 + 1)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with one more host name, a definition that is disabled and one that is broken."""
    service = Service(tmp_path_factory.mktemp("service"), {"STEPSTREAM_HOSTS": f"{ADDED_HOST}, [fd00::7]"})
    step = '[step.one]\ntype = "test_job_generator"\nworker_count = 1\nlog_count = 1\nlog_delay_ms = 6e5\n'
    service.define("long", f"max_running = 9\n[params]\nsize = 1\n{step}")
    service.define("disabled", f"enabled = false\n[params]\nsize = 1\n{step}")
    service.define("broken", "this is no TOML")
    yield service.start()
    service.kill()


@pytest.fixture(scope="module")
def running(served: Service) -> str:
    """The id of a run that goes on."""
    return served.run("long")


@pytest.fixture(scope="module")
def ended(served: Service) -> str:
    """The id of a run that was cancelled."""
    identity = served.run("long")
    served.post(f"/managers/{identity}/cancel")
    served.finish(identity)
    return identity


# -- Host


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:1",
        "LOCALHOST:8000",
        "127.0.0.1",
        "127.0.0.1:65535",
        "[::1]",
        "[::1]:80",
        ADDED_HOST,
        "Steps.Example:443",
        "[FD00::7]:8000",
    ],
)
def test_known_hosts_are_answered(served: Service, host: str) -> None:
    assert ask(served, "GET", "/healthz", host=host).status == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "evil.example:8000",
        "localhost.",
        "localhost:evil",
        "localhost:80:80",
        "localhost@evil.example",
        "127.0.0.2",
        "0.0.0.0",
        "::1",
        "[::2]",
        "[::1].evil.example",
        "sub.steps.example",
        "localhost, evil.example",
        "",
    ],
)
@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("GET", "/managers/ID/events"), CHANGE[0]])
def test_other_hosts_are_refused(served: Service, running: str, method: str, path: str, host: str) -> None:
    check_problem(ask(served, method, path.replace("ID", running), host=host), 400)


@pytest.mark.parametrize(("method", "path"), [*ROUTES, ("GET", "/nosuch"), ("PUT", "/"), ("OPTIONS", "/")])
def test_a_foreign_host_is_refused_on_every_route(
    served: Service, running: str, method: str, path: str
) -> None:
    problem = check_problem(ask(served, method, path.replace("ID", running), host="evil.example"), 400)
    assert "Host" in problem["detail"]
    assert ADDED_HOST in problem["detail"]


@pytest.mark.parametrize("hosts", [[], ["localhost", "localhost"], ["localhost", "evil.example"]])
@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_a_missing_or_second_host_is_refused(served: Service, hosts: list[str], version: str) -> None:
    lines = [("Host", host) for host in hosts]
    with connect(served) as connection:
        connection.sendall(request("GET", "/healthz", lines).replace(b"HTTP/1.1", f"HTTP/{version}".encode()))
        assert answer(connection).status == 400


# -- origin


@pytest.mark.parametrize(
    ("site", "origin", "allowed"),
    [
        (None, None, True),
        (None, "http://localhost:8000", True),
        (None, "HTTP://LOCALHOST:8000", True),
        (None, "http://localhost", False),
        (None, "http://localhost:8001", False),
        (None, "http://127.0.0.1:8000", False),
        (None, "http://evil.example", False),
        (None, "http://localhost:8000.evil.example", False),
        (None, "http://localhost:8000@evil.example", False),
        (None, "http://[", False),
        (None, "null", False),
        (None, "", False),
        ("same-origin", None, True),
        ("same-origin", "http://evil.example", True),
        ("none", None, True),
        ("same-site", None, False),
        ("same-site", "http://localhost:8000", False),
        ("cross-site", None, False),
        ("cross-site", "http://localhost:8000", False),
        ("Same-Origin", None, False),
        ("", None, False),
    ],
)
@pytest.mark.parametrize(("method", "path"), CHANGE)
def test_other_origins_change_nothing(
    served: Service, method: str, path: str, site: str | None, origin: str | None, *, allowed: bool
) -> None:
    given = {"Sec-Fetch-Site": site, "Origin": origin}
    headers = {name: value for name, value in given.items() if value is not None}
    found = ask(served, method, path, headers, host="localhost:8000")
    check_problem(found, 404 if allowed else 403)


@pytest.mark.parametrize("path", READ)
def test_another_origin_may_send_a_get_and_cannot_read_it(served: Service, running: str, path: str) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Origin": "http://evil.example"}
    found = ask(served, "GET", path.replace("ID", running), headers, only_head=True)
    assert found.status == 200
    check_safe(found)


@pytest.mark.parametrize("path", ["/", "/managers", "/definitions/long/runs", "/static/main.js"])
def test_a_preflight_is_not_granted(served: Service, path: str) -> None:
    headers = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
    found = ask(served, "OPTIONS", path, headers)
    check_problem(found, 405)
    check_safe(found)


# -- headers


def check_safe(found: Answer) -> None:
    """Check what keeps a browser from doing more with an answer than it should."""
    assert not [name for name in found.headers if name.startswith("access-control-")]
    assert found.headers["x-content-type-options"] == "nosniff"
    policy = dict(part.strip().split(" ", 1) for part in found.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == "'none'"
    for sources in policy.values():
        assert set(sources.split()) <= {"'none'", "'self'", "data:"}
    assert policy["script-src"] == "'self'"


@pytest.mark.parametrize(("method", "path"), [*ROUTES, ("GET", "/nosuch"), ("PUT", "/managers")])
@pytest.mark.parametrize("host", ["localhost", "evil.example"])
def test_every_answer_has_the_safety_headers(
    served: Service, running: str, method: str, path: str, host: str
) -> None:
    check_safe(ask(served, method, path.replace("ID", running), host=host, only_head=True))


@pytest.mark.parametrize(
    "headers", [{"If-None-Match": "*"}, {"Range": "bytes=0-1"}, {"Range": "bytes=999999-"}, {"Range": "?"}]
)
@pytest.mark.parametrize("path", ["/", "/static/main.js"])
def test_files_come_whole_or_not_at_all(served: Service, path: str, headers: dict[str, str]) -> None:
    found = ask(served, "GET", path, headers)
    check_safe(found)
    if found.status != 304:
        assert found.status == 200
        assert found.body == (ROOT / "static" / (Path(path).name or "index.html")).read_bytes()


def test_a_mistake_of_ours_is_a_safe_problem_too(make_service: Callable[..., Service]) -> None:
    service = make_service().start()
    with closing(sqlite3.connect(service.db)) as db:
        db.execute("DROP TABLE documents")
    found = ask(service, "GET", "/documents")
    check_problem(found, 500)
    check_safe(found)
    assert b"documents" not in found.body


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/%2e%2e%2fapp.py",
        "/static/..%5capp.py",
        "/static/x/../../app.py",
        "/static//etc/passwd",
        "/static/%2fetc%2fpasswd",
        "/static/",
        "/static",
        "/static/.",
        "/static/%00",
        "/static/main.js%00",
        "/static/main.js/x",
        "/static/" + "x" * 5000,
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_path_leads_out_of_the_panels_folder(served: Service, path: str, method: str) -> None:
    check_problem(ask(served, method, path), 404)


# -- order


TEXT = {"Content-Type": "text/plain"}
GOOD = {"Content-Type": JSON}
FOREIGN = {"Sec-Fetch-Site": "cross-site"}


@pytest.mark.parametrize(
    ("status", "method", "target", "headers", "body", "host"),
    [
        (400, "POST", "/nosuch", FOREIGN | TEXT, LARGE, "evil.example"),
        (400, "PUT", "/managers", FOREIGN, b"", "evil.example"),
        (403, "POST", "/nosuch", FOREIGN | TEXT, LARGE, "localhost"),
        (403, "POST", "/managers", FOREIGN | TEXT, LARGE, "localhost"),
        (403, "POST", "/definitions/nosuch/runs?x=1", FOREIGN | TEXT, b"?", "localhost"),
        (403, "DELETE", "/managers/RUNNING", FOREIGN, b"", "localhost"),
        (404, "POST", "/nosuch?x=1", TEXT, LARGE, "localhost"),
        (404, "PUT", "/managers/a/nosuch", TEXT, LARGE, "localhost"),
        (404, "POST", "/static/nosuch", TEXT, LARGE, "localhost"),
        (405, "POST", "/managers?x=1", TEXT, LARGE, "localhost"),
        (405, "PUT", "/managers/nosuch", TEXT, LARGE, "localhost"),
        (405, "GET", "/managers/nosuch/cancel?x=1", {}, b"", "localhost"),
        (413, "POST", "/definitions/nosuch/runs?x=1", TEXT, LARGE, "localhost"),
        (413, "POST", "/managers/nosuch/cancel?x=1", TEXT, LARGE, "localhost"),
        (413, "DELETE", "/managers/nosuch?x=1", TEXT, LARGE, "localhost"),
        (415, "POST", "/definitions/nosuch/runs?x=1", TEXT, b"?", "localhost"),
        (415, "POST", "/managers/nosuch/cancel?x=1", {}, b"?", "localhost"),
        (415, "DELETE", "/managers/nosuch?x=1", TEXT, b"?", "localhost"),
        (400, "POST", "/definitions/nosuch/runs", GOOD, b"?", "localhost"),
        (400, "POST", "/definitions/nosuch/runs?x=1", {}, b"", "localhost"),
        (400, "POST", "/definitions/broken/runs", GOOD, b'{"x": 1}', "localhost"),
        (400, "POST", "/definitions/disabled/runs", GOOD, b'{"params": {"x": 1}}', "localhost"),
        (400, "POST", "/managers/nosuch/cancel", GOOD, b"[]", "localhost"),
        (400, "POST", "/managers/ENDED/cancel", GOOD, b'{"x": 1}', "localhost"),
        (400, "DELETE", "/managers/nosuch?x=1", {}, b"", "localhost"),
        (400, "DELETE", "/managers/RUNNING", GOOD, b'{"x": 1}', "localhost"),
        (404, "POST", "/definitions/nosuch/runs", GOOD, b"{}", "localhost"),
        (404, "POST", "/managers/nosuch/cancel", {}, b"", "localhost"),
        (404, "DELETE", "/managers/nosuch", {}, b"", "localhost"),
        (409, "POST", "/definitions/broken/runs", GOOD, b"{}", "localhost"),
        (409, "POST", "/definitions/disabled/runs", {}, b"", "localhost"),
        (409, "POST", "/managers/ENDED/cancel", {}, b"", "localhost"),
        (409, "DELETE", "/managers/RUNNING", {}, b"", "localhost"),
    ],
)
def test_of_several_faults_the_first_in_order_is_told(
    served: Service,
    running: str,
    ended: str,
    status: int,
    method: str,
    target: str,
    headers: dict[str, str],
    body: bytes,
    host: str,
) -> None:
    target = target.replace("RUNNING", running).replace("ENDED", ended)
    check_problem(ask(served, method, target, headers, body, host=host), status)


@pytest.mark.parametrize("path", ["/definitions/nosuch/runs", "/managers/nosuch/cancel"])
@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(("size", "status"), [(64 * 1024, 404), (64 * 1024 + 1, 413), (5_000_000, 413)])
def test_a_body_may_have_64_kib(served: Service, path: str, size: int, status: int, *, chunked: bool) -> None:
    body = b"{}" + b" " * (size - 2)
    parts = [body[start : start + 10_000] for start in range(0, size, 10_000)]
    check_problem(ask(served, "POST", path, GOOD, parts if chunked else body), status)


@pytest.mark.parametrize("content_type", [JSON, "Application/JSON; charset=utf-8", "application/json;x=y"])
def test_json_is_taken_by_any_spelling_of_its_type(served: Service, content_type: str) -> None:
    check_problem(ask(served, "POST", "/managers/nosuch/cancel", {"Content-Type": content_type}, b"{}"), 404)


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "text/json", ""],
)
def test_other_types_are_refused(served: Service, content_type: str) -> None:
    found = ask(served, "POST", "/managers/nosuch/cancel", {"Content-Type": content_type}, b"{}")
    check_problem(found, 415)


# -- methods


@pytest.mark.parametrize("method", ["PUT", "PATCH", "OPTIONS", "TRACE", "BREW"])
@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        *((path, {"GET", "HEAD"}) for path in READ if path != "/managers/ID"),
        ("/managers/ID", {"GET", "HEAD", "DELETE"}),
        ("/definitions/long/runs", {"POST"}),
        ("/managers/ID/cancel", {"POST"}),
    ],
)
def test_405_names_the_methods_allowed(
    served: Service, running: str, path: str, allowed: set[str], method: str
) -> None:
    found = ask(served, method, path.replace("ID", running))
    check_problem(found, 405)
    assert {word.strip() for word in found.headers["allow"].split(",")} == allowed


@pytest.mark.parametrize("path", [*READ, "/managers/nosuch", "/managers/ID/log?x=1", "/nosuch"])
def test_head_answers_at_once_with_headers_only(served: Service, running: str, path: str) -> None:
    path = path.replace("ID", running)
    expected = ask(served, "GET", path, only_head=True)
    with connect(served) as connection:
        started = time.monotonic()
        # The next request on the connection is answered only when the one before it is over.
        for _ in range(2):
            connection.sendall(request("HEAD", path, [("Host", "localhost")]))
            found = answer(connection, "HEAD")
            assert (found.status, found.body) == (expected.status, b"")
            for name in ("content-type", "content-length", "content-security-policy", "cache-control"):
                if not (name == "content-length" and path == f"/managers/{running}"):  # it is alive
                    assert found.headers.get(name) == expected.headers.get(name)
        assert time.monotonic() - started < 1


# -- starting


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "steps.example"])
def test_only_loopback_addresses_are_listened_on(make_service: Callable[..., Service], host: str) -> None:
    check_refused_start(make_service(), "--host", host, named=host)


def test_a_taken_port_is_told(served: Service, make_service: Callable[..., Service]) -> None:
    port = served.url.rpartition(":")[2]
    service = make_service()
    check_refused_start(service, "--port", port, named=port)


def check_refused_start(service: Service, *flags: str, named: str) -> None:
    """Check that a start ends at once with one clear line."""
    process = service.spawn(*flags)
    output, _ = process.communicate(timeout=20)
    assert process.returncode not in (0, None)
    assert output == ""
    (line,) = service.errors().splitlines()
    assert line.startswith("stepstream: ")
    assert named in line
