"""What if a request is wrong? It is told what and where, as a problem document, and nobody else notices."""

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest

from tests.service_process import Service
from tests.wire import JSON, answer, ask, check_problem, connect, request

LISTED = {
    "/": (),
    "/definitions": (),
    "/definitions/quick": (),
    "/managers": ("status", "definition", "limit", "before"),
    "/managers/latest": (),
    "/managers/latest/jobs": ("step", "status", "limit", "after"),
    "/managers/latest/events": ("after", "tail", "step", "job", "events", "level"),
    "/managers/latest/log": (
        *("after", "before", "tail", "limit", "step", "job", "level", "q", "follow", "format", "color"),
    ),
    "/search": ("q", "manager_id", "level", "limit", "after"),
    "/documents": ("manager_id", "source_type", "tag", "q", "format", "limit", "after"),
    "/documents/x": (),
    "/healthz": (),
}
CHANGE = {
    ("POST", "/definitions/quick/runs"): ("follow",),
    ("POST", "/managers/latest/cancel"): (),
    ("DELETE", "/managers/latest"): (),
}
ROUTES = {**{("GET", path): names for path, names in LISTED.items()}, **CHANGE}
KNOWN = [(*route, name) for route, names in ROUTES.items() for name in names]
NUMBERS = ("", "x", "-1", "+1", "1.5", "1e3", "٣", " 1", "1_0", "0x1", "9" * 19, "NaN")
STEP = '[step.one]\ntype = "test_job_generator"\nworker_count = 1\nlog_count = 1\nlog_delay_ms = '
TEXT = {"Content-Type": "text/plain"}
GOOD = {"Content-Type": JSON}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with good, broken, disabled and endless definitions, and one run that has ended."""
    service = Service(tmp_path_factory.mktemp("service"))
    params = '[params]\nn = 1\nx = 1.5\nyes = true\nword = "a"\nitems = [1]\ntable = {a = 1}\n'
    service.define("quick", f"max_running = 1000\n{params}{STEP}0")
    service.define("endless", f"max_running = 1\n{STEP}6e5")
    service.define("disabled", f"enabled = false\n{STEP}0")
    service.define("no-toml", "id = \n")
    service.define("many-errors", '[step.one]\ntypo = "x"\ntype = "test_job_generator"\nlog_coun = 1\n')
    (service.definitions / "no-text.toml").write_bytes(b"\xff\xfe\x00")
    service.start()
    service.run_to_end("quick")
    yield service
    service.kill()


# -- query parameters


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_an_unknown_query_parameter_is_named(served: Service, method: str, path: str) -> None:
    problem = check_problem(ask(served, method, f"{path}?zzzzzz=1"), 400)
    assert problem["errors"][0]["where"] == "zzzzzz"
    assert "unknown query parameter" in problem["detail"]
    for name in ROUTES[method, path] if len(ROUTES[method, path]) <= 10 else ():
        assert f'"{name}"' in problem["detail"]


@pytest.mark.parametrize(("method", "path", "name"), KNOWN)
def test_a_misspelt_query_parameter_gets_the_nearest(
    served: Service, method: str, path: str, name: str
) -> None:
    wrong = name + name[-1] if len(name) > 1 else "Q"
    problem = check_problem(ask(served, method, f"{path}?{wrong}=1"), 400)
    assert f'did you mean "{name}"?' in problem["detail"]


@pytest.mark.parametrize(("method", "path", "name"), KNOWN)
def test_a_query_parameter_stands_once(served: Service, method: str, path: str, name: str) -> None:
    problem = check_problem(ask(served, method, f"{path}?{name}=1&{name}=1"), 400)
    assert problem["errors"] == [{"where": name, "message": problem["detail"].partition(": ")[2]}]


@pytest.mark.parametrize("value", NUMBERS)
@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/managers", "limit"),
        ("/managers/latest/jobs", "limit"),
        ("/managers/latest/events", "after"),
        ("/managers/latest/events", "tail"),
        ("/managers/latest/log", "after"),
        ("/managers/latest/log", "before"),
        ("/managers/latest/log", "tail"),
        ("/managers/latest/log", "limit"),
        ("/search", "limit"),
        ("/search", "after"),
        ("/documents", "limit"),
        ("/documents", "after"),
    ],
)
def test_what_is_no_number_is_refused(served: Service, path: str, name: str, value: str) -> None:
    query = "q=x&" if path == "/search" else ""
    problem = check_problem(ask(served, "GET", f"{path}?{query}{name}={quote(value)}"), 400)
    assert problem["errors"][0]["where"] == name
    assert json.dumps(value, ensure_ascii=False) in problem["detail"]


@pytest.mark.parametrize("path", ["/managers", "/managers/latest/jobs", "/search?q=x", "/documents"])
@pytest.mark.parametrize(("limit", "status"), [("0", 400), ("1", 200), ("1000", 200), ("1001", 400)])
def test_a_limit_is_1_to_1000(served: Service, path: str, limit: str, status: int) -> None:
    target = f"{path}{'&' if '?' in path else '?'}limit={limit}"
    assert ask(served, "GET", target).status == status


@pytest.mark.parametrize(
    ("target", "nearest"),
    [
        ("/managers?status=complete", "completed"),
        ("/managers?status=running,fialed", "failed"),
        ("/managers/latest/jobs?status=Completed", "completed"),
        ("/managers/latest/jobs?status=skipped", None),
        ("/managers/latest/events?level=warn", "warning"),
        ("/managers/latest/events?events=job_logs", "job_log"),
        ("/managers/latest/events?events=snapshot", None),
        ("/managers/latest/log?level=info,error", None),
        ("/managers/latest/log?level=", None),
        ("/managers/latest/log?format=nd-json", "ndjson"),
        ("/managers/latest/log?follow=True", "true"),
        ("/managers/latest/log?follow=1", None),
        ("/managers/latest/log?color=yes", None),
        ("/managers/latest/log?format=json&follow=true", None),
        ("/managers/latest/log?follow=true&before=3", None),
        ("/search?q=x&level=errors", "error"),
        ("/search", None),
        ("/search?q=", None),
        ("/search?q=%20%09", None),
        ("/documents?format=cvs", "csv"),
    ],
)
def test_a_value_that_is_none_of_the_choices_is_refused(
    served: Service, target: str, nearest: str | None
) -> None:
    problem = check_problem(ask(served, "GET", target), 400)
    assert problem["errors"]
    if nearest:
        assert f'did you mean "{nearest}"?' in problem["detail"]


# -- bodies


@pytest.mark.parametrize(
    "body",
    [
        b"?",
        b"{",
        b'{"params": {}} x',
        b"{'params': {}}",
        b'{"params": {"n": NaN}}',
        b'{"params": {"x": -Infinity}}',
        b'{"params": {"x": 1e999}}',
        b'{"params": {"n": ' + b"9" * 5000 + b"}}",
        b"[" * 10_000,
        b"[" * 10_000 + b"]" * 10_000,
        b'{"params":' * 5_000,
        b'{"params": ' + b"[" * 900 + b"]" * 900 + b"}",
        b'{"params": {"items": ' + b"[" * 900 + b"]" * 900 + b"}}",
        b'{"params": {"word": "\xff"}}',
        b'{"params": {"word": "\xed\xa0\x80"}}',
        b'{"params": {"word": "\\ud800"}}',
        b'{"\\udfff": 1}',
        '{"params": {}}'.encode("utf-16"),
        b"\xef\xbb\xbf{}",
        b"null",
        b"[]",
        b'"params"',
        b"1",
        b" ",
        b'{"params": null}',
        b'{"params": []}',
        b'{"params": "n=1"}',
        b'{"param": {}}',
        b'{"": 1}',
        b'{"params": {}, "step": "one"}',
    ],
)
def test_a_body_that_is_no_such_object_is_refused(served: Service, body: bytes) -> None:
    problem = check_problem(ask(served, "POST", "/definitions/quick/runs", GOOD, body), 400)
    assert problem["errors"]


@pytest.mark.parametrize("name", ["NaN", "Infinity", "-Infinity"])
def test_what_python_alone_takes_for_json_is_refused(served: Service, name: str) -> None:
    body = f'{{"params": {{"x": {name}}}}}'.encode()
    problem = check_problem(ask(served, "POST", "/definitions/quick/runs", GOOD, body), 400)
    assert problem["detail"] == f"body: not JSON: {name} is no number in JSON"


@pytest.mark.parametrize(
    ("path", "key", "nearest"),
    [
        ("POST /definitions/quick/runs", "parms", "params"),
        ("POST /managers/latest/cancel", "reson", "reason"),
        ("POST /managers/latest/retry", "stpe", "step"),
        ("DELETE /managers/latest", "reason", None),
    ],
)
def test_an_unknown_key_is_named(served: Service, path: str, key: str, nearest: str | None) -> None:
    method, _, target = path.partition(" ")
    problem = check_problem(ask(served, method, target, GOOD, json.dumps({key: "x"}).encode()), 400)
    assert problem["errors"][0]["where"] == key
    assert f'unknown key "{key}"' in problem["detail"]
    if nearest:
        assert f'did you mean "{nearest}"?' in problem["detail"]


@pytest.mark.parametrize("value", ["1", "null", "[]", "{}", "true", '"\\ud800"'])
def test_a_reason_is_a_text(served: Service, value: str) -> None:
    body = f'{{"reason": {value}}}'.encode()
    check_problem(ask(served, "POST", "/managers/latest/cancel", GOOD, body), 400)


@pytest.mark.parametrize(
    ("params", "where", "word"),
    [
        ({"wrod": "a"}, "params.wrod", 'did you mean "word"?'),
        ({"n": "1.5"}, "params.n", "an integer"),
        ({"n": 1.5}, "params.n", "an integer"),
        ({"n": True}, "params.n", "an integer"),
        ({"n": None}, "params.n", "an integer"),
        ({"n": ""}, "params.n", "an integer"),
        ({"n": 10**30}, "params.n", "64 bits"),
        ({"x": "fast"}, "params.x", "a number"),
        ({"yes": "yes"}, "params.yes", "true or false"),
        ({"yes": 1}, "params.yes", "true or false"),
        ({"word": 1}, "params.word", "a string"),
        ({"items": "a"}, "params.items", "list"),
        ({"items": {}}, "params.items", "list"),
        ({"table": []}, "params.table", "table"),
    ],
)
def test_a_wrong_param_is_told_with_its_place(
    served: Service, params: dict[str, Any], where: str, word: str
) -> None:
    body = json.dumps({"params": params}).encode()
    problem = check_problem(ask(served, "POST", "/definitions/quick/runs", GOOD, body), 400)
    (error,) = problem["errors"]
    assert error["where"] == where
    assert word in error["message"]


def test_all_wrong_params_are_told_at_once(served: Service) -> None:
    body = json.dumps({"params": {"n": "x", "nosuch": 1, "yes": 3}}).encode()
    problem = check_problem(ask(served, "POST", "/definitions/quick/runs", GOOD, body), 400)
    assert [error["where"] for error in problem["errors"]] == ["params.n", "params.nosuch", "params.yes"]


def test_no_refused_request_started_anything(served: Service) -> None:
    before = served.get("/managers")["items"]
    for body in (b"?", b'{"params": {"n": "x"}}', b'{"x": 1}', b"[]"):
        assert ask(served, "POST", "/definitions/quick/runs", GOOD, body).status == 400
    assert served.get("/managers")["items"] == before


# -- ids


@pytest.mark.parametrize(
    "identity", ["nosuch", "%00", "%ff", "a%0ab", "..", "%2e%2e", "x" * 3000, "'", "%F0%9F%8D%95"]
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/definitions/{}"),
        ("POST", "/definitions/{}/runs"),
        ("GET", "/managers/{}"),
        ("DELETE", "/managers/{}"),
        ("GET", "/managers/{}/jobs"),
        ("GET", "/managers/{}/events"),
        ("GET", "/managers/{}/log"),
        ("GET", "/managers/{}/log?follow=true"),
        ("POST", "/managers/{}/cancel"),
        ("GET", "/documents/{}"),
        ("GET", "/documents?manager_id={}"),
        ("GET", "/search?q=x&manager_id={}"),
        ("GET", "/managers?before={}"),
        ("GET", "/managers/latest/jobs?after={}"),
        ("GET", "/{}"),
    ],
)
def test_an_unknown_id_is_404(served: Service, method: str, path: str, identity: str) -> None:
    check_problem(ask(served, method, path.format(identity)), 404)


@pytest.mark.parametrize(
    "path",
    [
        *("/managers/", "/definitions/", "/documents/", "/managers/latest/", "/managers/latest/nosuch"),
        *("/managers/latest/steps", "/managers//log", "/MANAGERS", "/healthz/", "//"),
        "/definitions/quick/runs/x",
    ],
)
def test_an_unknown_path_is_404_and_never_a_redirect(served: Service, path: str) -> None:
    problem = check_problem(ask(served, "GET", path), 404)
    assert path in problem["detail"]


def test_latest_is_404_while_there_is_no_manager(service: Service) -> None:
    for method, path in [
        ("GET", "/managers/latest"),
        ("DELETE", "/managers/latest"),
        ("GET", "/managers/latest/jobs"),
        ("GET", "/managers/latest/events"),
        ("GET", "/managers/latest/log"),
        ("POST", "/managers/latest/cancel"),
        ("GET", "/documents?manager_id=latest"),
        ("GET", "/search?q=x&manager_id=latest"),
    ]:
        check_problem(ask(service, method, path), 404)
    for path in ("/managers", "/documents", "/search?q=x"):
        assert ask(service, "GET", path).json == {"items": [], "next": None}


def test_another_managers_worker_job_is_no_cursor(served: Service) -> None:
    (job,) = served.get("/managers/latest/jobs")["items"]
    other = served.run_to_end("quick")["id"]
    check_problem(ask(served, "GET", f"/managers/{other}/jobs?after={job['job_id']}"), 404)


# -- definitions that cannot be run


@pytest.mark.parametrize(
    ("name", "place"),
    [("no-toml", "no-toml.toml:1:"), ("no-text", "no-text.toml:1:1"), ("many-errors", "one")],
)
def test_a_broken_definition_is_listed_with_its_errors_and_cannot_be_run(
    served: Service, name: str, place: str
) -> None:
    listed = {each["id"]: each for each in served.get("/definitions")["items"]}
    errors = listed[name]["errors"]
    assert errors
    assert all(error.keys() == {"where", "message"} for error in errors)
    assert f"{name}.toml" in errors[0]["where"]
    assert place in errors[0]["where"]
    assert served.get(f"/definitions/{name}")["errors"] == errors
    problem = check_problem(ask(served, "POST", f"/definitions/{name}/runs"), 409)
    assert problem["errors"] == errors
    assert not listed["quick"]["errors"]


def test_every_error_of_a_definition_is_told(served: Service) -> None:
    messages = " ".join(error["message"] for error in served.get("/definitions/many-errors")["errors"])
    assert "typo" in messages
    assert 'did you mean "log_count"?' in messages


def test_a_definition_that_breaks_and_heals_hurts_no_other(served: Service) -> None:
    served.define("changing", f"{STEP}0")
    assert served.run_to_end("changing")["status"] == "completed"
    served.define("changing", "[step")
    assert check_problem(ask(served, "POST", "/definitions/changing/runs"), 409)["errors"]
    assert served.run_to_end("quick")["status"] == "completed"
    served.define("changing", f"{STEP}0")
    assert served.run_to_end("changing")["status"] == "completed"
    (served.definitions / "changing.toml").unlink()
    check_problem(ask(served, "GET", "/definitions/changing"), 404)


def test_a_disabled_definition_cannot_be_run(served: Service) -> None:
    assert served.get("/definitions/disabled")["enabled"] is False
    assert "disabled" in check_problem(ask(served, "POST", "/definitions/disabled/runs"), 409)["detail"]


def test_more_runs_than_max_running_are_refused_naming_one(served: Service) -> None:
    running = served.run("endless")
    for headers in ({}, {"Accept": "text/event-stream"}):
        problem = check_problem(ask(served, "POST", "/definitions/endless/runs", headers), 409)
        assert problem["manager_id"] == running
    check_problem(ask(served, "DELETE", f"/managers/{running}"), 409)
    assert ask(served, "POST", f"/managers/{running}/cancel").status == 202
    served.finish(running)
    check_problem(ask(served, "POST", f"/managers/{running}/cancel"), 409)
    again = served.run("endless")
    assert ask(served, "POST", f"/managers/{again}/cancel").status == 202
    served.finish(again)


# -- what is no text


@pytest.mark.parametrize("what", ["a line", "a document", "an exception"])
def test_half_a_surrogate_pair_from_a_worker_hurts_nobody(
    make_service: Callable[..., Service], what: str
) -> None:
    service = make_service()
    service.add_workers(
        "halves",
        """
        from jobs import Job, worker

        @worker("halves")
        def halves(step: Job, what: str) -> None:
            name = b"caf\\xe9.txt".decode("utf-8", "surrogateescape")
            if what == "a line":
                step.log.info("found %s", name)
            elif what == "a document":
                texts = dict.fromkeys(("source_type", "source_id", "title", "text"), name)
                step.save({**texts, "tags": [name], "metadata": {name: name}})
            else:
                raise ValueError(name)
        """,
    )
    service.define("halves", '[params]\nwhat = ""\n[step.one]\ntype = "halves"\nwhat = "{params.what}"\n')
    service.start()
    manager = service.run_to_end("halves", what=what)
    assert manager["status"] == ("failed" if what == "an exception" else "completed")
    assert service.get("/documents")["items"] or what != "a document"
    assert service.get("/search", q="caf")["items"] or what == "a document"
    assert service.get("/healthz")["status"] == "ok"


# -- what is no HTTP


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 50,
        b"garbage\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nbad header\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: a\x00b\r\n\r\n",
        b"POST /managers/x/cancel HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
        b"POST /managers/x/cancel HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
def test_garbage_gets_400_and_the_service_lives(served: Service, garbage: bytes) -> None:
    with connect(served) as connection:
        connection.sendall(garbage)
        found = answer(connection)
    check_problem(found, 400)
    assert ask(served, "GET", "/healthz").status == 200


@pytest.mark.parametrize(
    "endless", [b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ", b"GET /", b"", b"GET / HTTP/1.1\r\nX\r\n"]
)
def test_a_head_without_end_is_cut(served: Service, endless: bytes) -> None:
    with connect(served) as connection:
        endless += b"x" * 10_000_000
        with pytest.raises(ConnectionError):
            connection.sendall(endless)
    assert ask(served, "GET", "/healthz").status == 200


def test_a_client_that_leaves_in_the_middle_leaves_no_trace(served: Service) -> None:
    told = len(served.errors())
    for headers in ([("Content-Length", "10")], [("Transfer-Encoding", "chunked")]):
        with connect(served) as connection:
            lines = [("Host", "localhost"), ("Content-Type", JSON), *headers]
            connection.sendall(request("POST", "/managers/latest/cancel", lines, b"1\r\n{"))
    with connect(served) as connection:
        connection.sendall(b"POST /managers/latest/can")
    assert ask(served, "GET", "/healthz").status == 200
    assert "Traceback" not in served.errors()[told:]
