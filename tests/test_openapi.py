"""Promise: ``GET /openapi.json`` is all that the routes take and answer, and nothing else."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from app import static_folder
from jobs.row import EVENTS
from jobs.web.openapi.document import document
from jobs.web.stream import BATCH
from tests.pages import names, reference, section
from tests.service_process import Service
from tests.sse import parse
from tests.test_docs_reference import parameters, served

DOCUMENT: dict[str, Any] = json.loads(json.dumps(document()))
OPERATIONS = [(method.upper(), path) for path, methods in DOCUMENT["paths"].items() for method in methods]


def described(method: str, path: str) -> dict[str, Any]:
    found: dict[str, Any] = DOCUMENT["paths"][path][method.lower()]
    return found


def written(path: str) -> str:
    """A path as the reference writes it."""
    return re.sub(r"\{(\w+)\}", lambda match: match[1].upper(), path)


def query_parameters(method: str, path: str) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in described(method, path)["parameters"] if each["in"] == "query"}


# -- the document


def test_it_is_openapi() -> None:
    assert [error.message for error in OpenAPIV31SpecValidator(DOCUMENT).iter_errors()] == []
    ids = [described(method, path)["operationId"] for method, path in OPERATIONS]
    assert len(set(ids)) == len(ids)


def test_it_is_served(shared_service: Service) -> None:
    answer = shared_service.client.get("/openapi.json")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == DOCUMENT
    assert DOCUMENT["info"]["version"] == shared_service.get("/healthz")["version"]


def test_everything_in_it_is_used() -> None:
    text = json.dumps(DOCUMENT)
    for name in DOCUMENT["components"]["schemas"]:
        assert f'"#/components/schemas/{name}"' in text, name
    for status in DOCUMENT["components"]["responses"]:
        assert f'"#/components/responses/{status}"' in text or status == "405"  # no operation's, a path's


def test_its_routes_are_those_that_are_served() -> None:
    assert {f"{method} {written(path)}" for method, path in OPERATIONS} == served()


def test_only_what_is_open_needs_no_token() -> None:
    assert document(needs_token=True)["security"] == [{"token": []}, {"login": []}]
    assert {} in document()["security"]
    is_open = {path for method, path in OPERATIONS if described(method, path).get("security") == []}
    assert is_open == {"/", "/static/{file}", "/healthz", "/login"}
    for method, path in OPERATIONS:
        assert ("401" in described(method, path)["responses"]) == (path not in is_open - {"/login"})


# -- what is taken


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_the_parameters_are_those_of_the_reference(method: str, path: str) -> None:
    """Which a test compares with those that the routes take."""
    route = f"{method} {written(path)}"
    assert set(query_parameters(method, path)) == set(parameters(route, "parameter"))
    in_path = [each["name"] for each in described(method, path)["parameters"] if each["in"] == "path"]
    assert in_path == re.findall(r"\{(\w+)\}", path)


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_the_keys_of_a_body_are_those_of_the_reference(method: str, path: str) -> None:
    """Which a test compares with those that the routes take."""
    taken = described(method, path).get("requestBody")
    properties = taken["content"]["application/json"]["schema"]["properties"] if taken else {}
    route = f"{method} {written(path)}"
    assert list(properties) == parameters(route, "key of the body")


def values(schema: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Values that a parameter's schema allows, and others that it does not."""
    if schema["type"] == "array":
        good, bad = values(schema["items"])
        return [*good, ",".join(good)], bad
    if "enum" in schema:
        return schema["enum"], ["nosuch", schema["enum"][0].upper()]
    if schema["type"] == "integer":
        least, most = schema["minimum"], schema["maximum"]
        return [str(least), str(most)], [str(least - 1), str(most + 1), "x", "1.5", "", "٣"]
    if "pattern" in schema and "end" in schema["pattern"]:
        return ["0", "7-end", "9" * 18], ["-1", "x", "7-", "9" * 19]
    return ["x"], []


PARAMETERS = [(method, path, name) for method, path in OPERATIONS for name in query_parameters(method, path)]


@pytest.mark.parametrize(("method", "path", "name"), PARAMETERS)
def test_a_parameter_may_be_what_its_schema_says(
    shared_service: Service, method: str, path: str, name: str
) -> None:
    """No run of this id is there, but a parameter is refused before that is seen."""
    good, bad = values(query_parameters(method, path)[name]["schema"])
    more = {"q": "x"} if path == "/search" and name != "q" else {}
    address = path.replace("{id}", "nosuch").replace("{name}", "nosuch")
    for value in good:
        if path == "/events":  # it would not end
            more = {"manager_id": "nosuch"} if name != "manager_id" else {}
        answer = shared_service.client.request(method, address, params={**more, name: value})
        assert answer.status_code in (200, 404), answer.text
    for value in bad:
        answer = shared_service.client.request(method, address, params={**more, name: value})
        assert answer.status_code == 400, (value, answer.text)


# -- what is answered


def closed(schema: Any) -> Any:
    """A schema that allows no other members than those it names."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: closed(value) for key, value in schema.items()}
    if isinstance(found.get("properties"), dict) and found.get("type") == "object":
        found.setdefault("additionalProperties", False)
    return found


SCHEMAS = closed(DOCUMENT["components"]["schemas"])


@cache
def validator(schema: str) -> Draft202012Validator:
    """The validator of a schema, given as JSON; what it refers to is closed as well."""
    whole = {**closed(json.loads(schema)), "components": {"schemas": SCHEMAS}}
    Draft202012Validator.check_schema(whole)
    return Draft202012Validator(whole)


def check(schema: dict[str, Any], value: Any) -> None:
    errors = [
        f"{'/'.join(map(str, error.absolute_path))}: {error.message[:300]}"
        for error in validator(json.dumps(schema)).iter_errors(value)
    ]
    assert errors == []


def check_answer(method: str, path: str, answer: httpx.Response) -> None:
    """Check that an answer is one of those that the document has: status, media type, headers, content."""
    found = described(method, path)["responses"][str(answer.status_code)]
    if "$ref" in found:
        found = DOCUMENT["components"]["responses"][found["$ref"].rpartition("/")[2]]
    for header in found.get("headers", {}):
        assert header.lower() in answer.headers
    if "content" not in found:
        assert answer.content == b""
        return
    media_type = answer.headers["content-type"].partition(";")[0]
    content = found["content"][media_type]
    if media_type == "application/x-ndjson":
        for line in answer.text.splitlines():
            check({"$ref": "#/components/schemas/event.job_log"}, json.loads(line))
    elif media_type.endswith("json"):
        check(content["schema"], answer.json())


WORKERS = """
    from jobs import Job, worker

    @worker("all")
    async def all_(step: Job) -> None:
        step.log.info("a number", data={"number": 1})
        step.log.warning("x" * 20_000)
        for number in range(4):
            step.spawn(one, number)
        step.save({"source_type": "t", "source_id": "1", "tags": ["a"], "text": "b", "url": "http://x/"})

    async def one(job: Job, number: int) -> list[int]:
        job.progress(number, None if number % 2 else 4)
        if number == 3:
            raise ValueError("three")
        return [number]
"""
SLOW = '[step.only]\ntype = "test_job_generator"\nworker_count = 1\nlog_count = 1\nlog_delay_ms = 6e5\n'


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that has done a little of everything."""
    service = Service(tmp_path_factory.mktemp("service"))
    service.add_workers("all", WORKERS)
    service.define(
        "all",
        'schedule = "0 0 1 1 *"\n[params]\nx = 1\n'
        '[step.a]\ntype = "all"\n[step.b]\ndepends = "a"\ntype = "all"\n',
    )
    service.define("slow", f"max_running = 2\n{SLOW}")
    service.define("disabled", f"enabled = false\n{SLOW}")
    service.define("broken", "this is no TOML")
    service.define("wrong", '[step.one]\ntyp = "x"\n')
    service.start()
    service.run_to_end("all")
    service.post("/managers/latest/retry")
    service.finish("latest")
    yield service
    service.kill()


ASKED = [
    ("GET", "/", "/"),
    ("GET", "/static/{file}", "/static/main.js"),
    ("GET", "/static/{file}", "/static/favicon.svg"),
    ("GET", "/static/{file}", "/static/nosuch"),
    ("GET", "/definitions", "/definitions"),
    ("GET", "/definitions", "/definitions?limit=1"),
    ("GET", "/definitions", "/definitions?limt=1"),
    *[("GET", "/definitions/{name}", f"/definitions/{each}") for each in ("all", "broken", "wrong", "x")],
    ("GET", "/managers", "/managers"),
    ("GET", "/managers", "/managers?limit=1&status=failed,completed_with_warnings"),
    ("GET", "/managers", "/managers?before=nosuch"),
    ("GET", "/managers/{id}", "/managers/latest"),
    ("GET", "/managers/{id}", "/managers/nosuch"),
    ("GET", "/managers/{id}/jobs", "/managers/latest/jobs"),
    ("GET", "/managers/{id}/jobs", "/managers/latest/jobs?status=failed&limit=1"),
    *[("GET", "/managers/{id}/log", f"/managers/latest/log?{query}") for query in (
        "", "format=json", "format=ndjson", "format=json&limit=1", "follow=true&format=json", "color=true")],
    ("GET", "/search", "/search?q=number"),
    ("GET", "/search", "/search"),
    ("GET", "/documents", "/documents"),
    ("GET", "/documents", "/documents?format=csv"),
    ("GET", "/documents", "/documents?manager_id=nosuch"),
    ("GET", "/documents/{id}", "/documents/nosuch"),
    ("GET", "/healthz", "/healthz"),
    ("GET", "/metrics", "/metrics"),
    ("GET", "/openapi.json", "/openapi.json"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "address"), ASKED)
def test_what_is_read_is_as_described(service: Service, method: str, path: str, address: str) -> None:
    check_answer(method, path, service.client.request(method, address))


def test_a_document_is_as_described(service: Service) -> None:
    (item,) = service.get("/documents")["items"]
    check_answer("GET", "/documents/{id}", service.client.get(f"/documents/{item['id']}"))


RUNS = "/definitions/{name}/runs"


def test_what_is_changed_is_as_described(service: Service) -> None:
    def post(path: str, address: str, body: Any = None, **more: Any) -> int:
        answer = (
            service.client.post(address, json=body, **more) if body is not None else service.post(address)
        )
        check_answer("POST", path, answer)
        return answer.status_code

    def of_latest(what: str, body: Any = None) -> int:
        return post(f"/managers/{{id}}/{what}", f"/managers/latest/{what}", body)

    assert post(RUNS, "/definitions/slow/runs") == 201
    assert post(RUNS, "/definitions/slow/runs", {}) == 201
    assert post(RUNS, "/definitions/slow/runs") == 409
    for name, status in (("nosuch", 404), ("disabled", 409), ("broken", 409)):
        assert post(RUNS, f"/definitions/{name}/runs") == status
    assert post(RUNS, "/definitions/all/runs", {"params": {"y": 1}}) == 400
    assert post(RUNS, "/definitions/all/runs", {"parms": {}}) == 400
    large = service.client.post("/definitions/all/runs", content=b" " * 65537)
    check_answer("POST", RUNS, large)
    check_answer("POST", RUNS, service.client.post("/definitions/all/runs", content=b"x"))
    foreign = service.client.post("/definitions/all/runs", headers={"Sec-Fetch-Site": "cross-site"})
    check_answer("POST", RUNS, foreign)
    assert (large.status_code, foreign.status_code) == (413, 403)
    assert of_latest("retry") == 409
    check_answer("DELETE", "/managers/{id}", service.client.delete("/managers/latest"))
    assert of_latest("cancel", {"step": "nosuch"}) == 404
    assert of_latest("cancel", {"reason": "enough"}) == 202
    cancelled = service.finish("latest")["id"]
    assert of_latest("cancel") == 409
    assert of_latest("retry", {"step": "only"}) == 202
    assert of_latest("cancel") == 202
    service.finish("latest")
    check_answer("DELETE", "/managers/{id}", service.client.delete(f"/managers/{cancelled}"))
    check_answer("DELETE", "/managers/{id}", service.client.delete(f"/managers/{cancelled}"))
    assert post("/login", "/login", {"token": "x"}) == 409
    assert post("/login", "/login", {}) == 400
    for one in service.get("/managers", definition="slow")["items"]:
        service.post(f"/managers/{one['id']}/cancel")
        service.finish(one["id"])


def test_with_a_token_refusals_are_as_described(tmp_path: Path) -> None:
    service = Service(tmp_path, {"STEPSTREAM_TOKEN": "correct-horse"}).start()
    try:
        check_answer("GET", "/managers", service.client.get("/managers"))
        check_answer("POST", "/login", service.post("/login", {"token": "wrong-horse"}))
        check_answer("POST", "/login", service.post("/login", {"token": "correct-horse"}))
        check_answer("GET", "/openapi.json", service.client.get("/openapi.json"))  # by the cookie
        assert service.get("/openapi.json")["security"] == [{"token": []}, {"login": []}]
    finally:
        service.kill()


# -- events


def described_events(path: str) -> dict[str, dict[str, Any]]:
    """The schema of the data of each event."""
    content = described("GET", path)["responses"]["200"]["content"]["text/event-stream"]
    each = [event["properties"] for event in content["schema"]["anyOf"]]
    return {event["event"]["const"]: event["data"]["contentSchema"] for event in each}


def test_its_events_are_those_of_the_reference() -> None:
    assert set(described_events("/events")) == set(names(section(reference("stream"), "Events")))
    assert set(described_events("/managers/{id}/events")) == set(described_events("/events")) - {
        "stats",
        "manager",
    }
    assert set(EVENTS) | {BATCH} <= set(described_events("/events"))


@pytest.mark.parametrize("query", [{}, {"tail": 5}, {"batch": "true"}, {"after": 10**9}, {"level": "error"}])
def test_the_events_of_a_run_are_as_described(service: Service, query: dict[str, Any]) -> None:
    (run, *_) = service.get("/managers", definition="all")["items"]
    schemas = described_events("/managers/{id}/events")
    seen = set()
    for event in service.events(run["id"], **query):
        if event.data:
            check(schemas[event.name], event.json)
            seen.add(event.name)
    assert "end" in seen
    if not query:
        assert seen == {*EVENTS, "end"}


def test_the_events_of_a_panel_are_as_described(service: Service) -> None:
    schemas = described_events("/events")
    seen = set()
    with service.client.stream("GET", "/events", params={"manager_id": "latest", "tail": 2}) as response:
        assert response.headers["content-type"].partition(";")[0] == "text/event-stream"
        for event in parse(response.iter_raw()):
            if event.data:
                check(schemas[event.name], event.json)
                seen.add(event.name)
            if {"stats", "manager", "snapshot", "end"} <= seen:
                break


# -- refusals


def test_the_statuses_are_those_of_the_reference() -> None:
    table = names(section(reference("http"), "Errors"))
    assert sorted(DOCUMENT["components"]["responses"]) == sorted(table)


def test_static_files_are_of_the_types_described() -> None:
    types = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".html": "text/html"}
    content = described("GET", "/static/{file}")["responses"]["200"]["content"]
    assert {types[path.suffix] for path in static_folder().iterdir()} == set(content)


# -- what somebody else makes of it

QUICK = '[step.only]\ntype = "test_job_generator"\nworker_count = 1\nlog_count = 1\nlog_delay_ms = 0\n'
# Whatever is asked for, the answer is one of those described. What is taken is tested above: OpenAPI cannot
# say that two parameters exclude each other, or which params a definition has.
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "allow_header_conformance",
)


@pytest.mark.slow
@pytest.mark.timeout(150)
def test_schemathesis_finds_no_difference(tmp_path: Path) -> None:
    """It makes requests out of the document, good and bad ones, and compares the answers with it."""
    service = Service(tmp_path)
    service.define("quick", QUICK)
    service.start()
    try:
        service.run_to_end("quick")
        options = f"--checks {','.join(CHECKS)} --phases coverage"
        # A panel's stream does not end.
        command = [
            "run",
            f"{service.url}/openapi.json",
            "--exclude-path",
            "/events",
            "--generation-deterministic",
            "--no-color",
        ]
        done = subprocess.run(
            [Path(sys.executable).with_name("schemathesis"), *command, *options.split()],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-1000:]
        assert service.get("/healthz")["status"] == "ok"
    finally:
        service.kill()
