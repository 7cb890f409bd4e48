"""Does any request make a mistake of ours? Random queries, ids and bodies on every route."""

import json
import time
from collections.abc import Iterator
from urllib.parse import quote, quote_from_bytes

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.service_process import Service
from tests.test_bad_input import GOOD, ROUTES, TEXT
from tests.wire import JSON, ask, check_problem


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with a definition that takes params of all types, and one run that has ended."""
    service = Service(tmp_path_factory.mktemp("service"))
    params = '[params]\nn = 1\nx = 1.5\nyes = true\nword = "a"\nitems = [1]\ntable = {a = 1}\n'
    step = '[step.one]\ntype = "test_job_generator"\nworker_count = 1\nlog_count = 1\n'
    service.define("quick", f"max_running = 1000\n{params}{step}")
    service.start()
    service.run_to_end("quick")
    yield service
    service.kill()


WORDS = st.one_of(
    st.sampled_from(["", "latest", "0", "1", "9" * 18, "9" * 19, "-1", "true", "text", "json", "csv", "*"]),
    st.sampled_from(
        ["error", "completed", "one", '"', "c++", "%", "\0", "AND", "a OR", "NEAR(a b)", "\ufeff"]
    ),
    st.text(max_size=20),
)
ENCODED = st.one_of(
    WORDS.map(lambda word: quote(word.encode("utf-8", "replace"), safe="")),
    st.binary(max_size=8).map(quote_from_bytes),
    st.sampled_from(["%", "%zz", "+", "=", "a=b", ";", "#"]),
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(["n", "x", "yes", "word", "items", "table", "nosuch"])
PARAMS = st.dictionaries(NAMES, VALUES | WORDS)
BODIES = st.one_of(
    st.just(b""),
    st.binary(max_size=50),
    VALUES.map(lambda value: json.dumps(value).encode()),
    PARAMS.map(lambda params: json.dumps({"params": params}).encode()),
    WORDS.map(lambda reason: json.dumps({"reason": reason}).encode()),
)


@st.composite
def anything(draw: st.DrawFn) -> tuple[str, str, dict[str, str], bytes]:
    """A request to one of the routes with any query and body."""
    method, path = route = draw(st.sampled_from([*ROUTES]))
    names = st.sampled_from([*ROUTES[route], "q"]) | ENCODED
    if draw(st.booleans()):
        path = path.replace("latest", draw(ENCODED)).replace("quick", draw(ENCODED))
    pairs = draw(st.lists(st.tuples(names, ENCODED), max_size=4, unique_by=lambda pair: pair[0]))
    query = "&".join(f"{name}={value}" for name, value in pairs)
    headers = draw(st.sampled_from([{}, GOOD, TEXT, {"Accept": JSON}, {"Last-Event-ID": "7"}]))
    return method, f"{path}?{query}".replace("#", "%23"), headers, draw(BODIES) if method == "POST" else b""


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(anything())
def test_no_request_makes_a_mistake_of_ours(
    served: Service, asked: tuple[str, str, dict[str, str], bytes]
) -> None:
    method, target, headers, body = asked
    started = time.monotonic()
    found = ask(served, method, target, headers, body)
    assert time.monotonic() - started < 5
    assert found.status < 500, found.body
    if found.status >= 400:
        check_problem(found, found.status)
