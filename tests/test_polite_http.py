"""Is what a server says understood: how long to wait, and what went wrong?"""

from typing import Any

import anyio
import httpx
import pytest

from jobs.exception import Failure
from jobs.workers import polite_http
from jobs.workers.api_answer import COMPLAINT_CHARACTERS, Answer, asked_wait, complaint
from jobs.workers.polite_http import NotAnswered, Request, check_url, checked_key, post
from tests.stub_server import Say, StubServer


def answer(body: str = "", **headers: str) -> Answer:
    return Answer(
        429, "Too Many Requests", httpx.Headers({k.replace("_", "-"): v for k, v in headers.items()}), body
    )


def test_a_wait_in_the_body() -> None:
    assert asked_wait(answer('{"error": {"details": [{"retryDelay": "34.5s"}]}}')) == 34.5
    assert asked_wait(answer('{"error": {"details": [{"retryDelay": "34.5s"}]}}', Retry_After="2")) == 2
    assert asked_wait(answer()) is None


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('{"error": {"message": "Rate limit\\n reached", "code": 1}}', "Rate limit reached"),
        ('{"error": "model not found"}', "model not found"),
        ('[{"error": {"code": 400, "message": "API key not valid."}}]', "API key not valid."),
        ('{"detail": [{"loc": ["body"], "message": "field required"}]}', "field required"),
        ("<html><head><title>502</title></head><body><h1>Bad</h1> Gateway</body></html>", "Bad Gateway"),
        ("plain words", "plain words"),
        ("", ""),
        ("{}", ""),
        ("[]", ""),
        ("null", "None"),
        ("[" * 100_000, "[" * COMPLAINT_CHARACTERS + "…"),
        ("x" * 1000, "x" * COMPLAINT_CHARACTERS + "…"),
    ],
)
def test_what_went_wrong(body: str, said: str) -> None:
    assert complaint(body) == said


@pytest.mark.parametrize(
    "url", ["localhost:8080", "ftp://a.example/", "/v1", "", "http://", "http://[::", "a b"]
)
def test_addresses_that_cannot_be_asked(url: str) -> None:
    with pytest.raises(Failure, match="base_url is "):
        check_url("base_url", url)


def test_a_key_without_its_line_break() -> None:
    assert checked_key("api_key", "sk-1\n") == "sk-1"
    for bad in ("sk\n1", "schlüssel", "a\x00b"):
        with pytest.raises(Failure, match="api_key holds characters that cannot be sent"):
            checked_key("api_key", bad)


def test_an_answer_beyond_measure_is_not_read(stub: StubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polite_http, "LARGEST_ANSWER", 2**20)
    job: Any = None  # it does not come to saying anything
    stub.says(Say("x" * 2**20), Say("x" * (2**20 + 1)))
    request = Request(stub.url, {}, json={})
    assert len(anyio.run(post, job, request).body) == 2**20
    with pytest.raises(NotAnswered, match=r"127\.0\.0\.1 answered more than 1 MiB"):
        anyio.run(post, job, request)
