"""Promise: through nginx and Caddy as they are, lines come at once, and who leaves has left."""

import time
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.foreign.nasty import Run
from tests.processes import linux
from tests.service_process import Service

SECONDS = 40
STREAMS = 16
FORMS = {
    "events": "events",
    "batches": "events?batch=true",
    "text": "log?follow=true",
    "NDJSON": "log?follow=true&format=ndjson",
}
behind = pytest.mark.parametrize("way", ["nginx", "caddy"], indirect=True)


def check_live(base: str, path: str, service: Service, run: Run, encoding: str = "identity") -> None:
    """Read a line while its worker waits for us, then the rest: the same bytes as without a proxy."""
    body = b""
    path = f"/managers/{run.id}/{path}"
    headers = {"Accept-Encoding": encoding}
    with httpx.stream("GET", f"{base}{path}", headers=headers, timeout=SECONDS) as response:
        for chunk in response.iter_bytes():
            body += chunk
            if b"waiting" in body:
                run.go()
    if "batch" in path:  # rows that came together are told together
        assert body.endswith(b"\n\n")
        assert b"\nevent: end\n" in body
    else:
        assert body == service.client.get(path).content


@behind
@pytest.mark.parametrize("path", FORMS.values(), ids=FORMS)
def test_lines_come_at_once(path: str, way: str, service: Service, run: Run) -> None:
    check_live(way, path, service, run)


@behind
def test_a_run_is_started_and_followed_by_one_request(way: str, service: Service, tmp_path: Path) -> None:
    (tmp_path / "go").touch()
    body = {"params": {"folder": str(tmp_path)}}
    answer = httpx.post(f"{way}/definitions/nasty/runs?follow=true", json=body, timeout=SECONDS)
    assert answer.headers["location"].startswith("/managers/")
    assert b"\nevent: end\n" in answer.content


@pytest.mark.slow
@pytest.mark.parametrize("way", ["compressing nginx"], indirect=True)
@pytest.mark.parametrize("path", FORMS.values(), ids=FORMS)
def test_compression_holds_no_line_back(path: str, way: str, service: Service, run: Run) -> None:
    check_live(way, path, service, run, "gzip")


@linux
@behind
def test_who_leaves_has_left(way: str, service: Service, run: Run) -> None:
    with ExitStack() as streams:
        open_ = [httpx.stream("GET", run.url(way), timeout=SECONDS) for _ in range(STREAMS)]
        chunks = [streams.enter_context(response).iter_bytes() for response in open_]
        assert all(next(each) for each in chunks)
        opened = descriptors(service)
    deadline = time.monotonic() + SECONDS
    while descriptors(service) > opened - STREAMS * 3 // 4:
        assert time.monotonic() < deadline, "the streams of those who have left are still open"
        time.sleep(0.05)
    run.go()


def descriptors(service: Service) -> int:
    """How many files and connections the service has open."""
    return len(list(Path(f"/proc/{service.process.pid}/fd").iterdir()))
