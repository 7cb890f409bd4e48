"""Promise: the service can be mounted in any Starlette or FastAPI application, in three lines."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import httpx
import pytest

from tests.pages import DOCS, blocks
from tests.service_process import ROOT
from tests.sse import parse

PAGE = DOCS / "how-to" / "mount-it.md"
(STARLETTE, OWN_LIFESPAN, FASTAPI) = (block.text for block in blocks(PAGE, "python"))


class Site:
    """An application under a uvicorn of its own."""

    def __init__(self, folder: Path, code: str, *flags: str) -> None:
        (folder / "site_app.py").write_text(code, encoding="utf-8")
        environ = {key: value for key, value in os.environ.items() if not key.startswith("STEPSTREAM_")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", "site_app:site", "--port", "0", *flags],
            cwd=folder,
            env={**environ, "PYTHONPATH": str(ROOT)},
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stderr is not None
        url = ""
        while not url:
            line = self.process.stderr.readline()
            assert line, "it ended"
            if "running on" in line:
                url = line.split("running on ")[1].split()[0]
        self.client = httpx.Client(base_url=url, timeout=20)

    def stop(self) -> str:
        """Stop it as its supervisor would; what it had to say."""
        self.client.close()
        self.process.send_signal(signal.SIGTERM)
        assert self.process.stderr is not None
        said = self.process.stderr.read()
        self.process.stderr.close()
        self.process.wait(10)
        return said

    def __enter__(self) -> "Site":
        return self

    def __exit__(self, *error: object) -> None:
        assert self.process.stderr is not None
        if not self.process.stderr.closed:
            self.process.kill()
            self.stop()


@pytest.fixture(params=[STARLETTE, OWN_LIFESPAN, FASTAPI], ids=["starlette", "own lifespan", "fastapi"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    """Each application that the page shows."""
    with Site(tmp_path, request.param) as site:
        yield site


def test_everything_is_there_below_the_prefix(site: Site) -> None:
    client = site.client
    assert client.get("/jobs/healthz").json()["status"] == "ok"
    panel = client.get("/jobs", follow_redirects=True)
    assert panel.url.path == "/jobs/"
    for link in re.findall(r'(?:href|src)="([^"#]+)"', panel.text):
        assert client.get(panel.url.join(link)).status_code == 200
    started = client.post("/jobs/definitions/nearby-restaurants/runs")
    location = started.headers["location"]
    assert location == f"/jobs/managers/{started.json()['id']}"
    with client.stream("GET", f"{location}/events") as response:
        events = list(parse(response.iter_raw()))
    assert json.loads(events[-1].data)["status"] == "completed"
    page = client.get("/jobs/definitions?limit=1").json()
    assert page["next"].startswith("/jobs/definitions?")
    assert client.get(page["next"]).status_code == 200
    missing = client.get("/jobs/nosuch")
    assert missing.headers["content-type"] == "application/problem+json"
    assert client.get("/jobs/healthz", headers={"Host": "evil.example"}).status_code == 400
    assert "Traceback" not in site.stop()


def test_a_viewer_does_not_keep_the_server_from_stopping_and_runs_are_interrupted(tmp_path: Path) -> None:
    with (
        Site(tmp_path, STARLETTE) as site,
        httpx.Client(base_url=site.client.base_url, timeout=20) as client,
    ):
        client.post("/jobs/definitions/load-test/runs", json={"params": {"log_delay_ms": 1000}})
        with client.stream("GET", "/jobs/managers/latest/events") as response:
            events = parse(response.iter_raw())
            next(events)
            assert "Traceback" not in site.stop()
            assert [event.name for event in events][-1] == "bye"
    with closing(sqlite3.connect(tmp_path / "jobs.db")) as database:
        assert database.execute("SELECT status, reason FROM managers").fetchall() == [
            ("interrupted", "the service was stopped")
        ]


WORKERS = """
import asyncio
from jobs import Job, worker

@worker("stops_the_loop")
async def stops_the_loop(step: Job) -> None:
    asyncio.get_running_loop().stop()
"""


DEFINITIONS = {
    "dies.toml": '[step.only]\ntype = "stops_the_loop"',
    "reads.toml": '[step.only]\ntype = "command"\nargv = ["true"]\nenvironment = { HOME = "{env.HOME}" }',
}


def test_it_reads_the_environment_and_ends_the_server_when_its_jobs_have_died(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    for name, text in {**DEFINITIONS, "workers.py": WORKERS}.items():
        (mine / name).write_text(text)
    settings = 'Path("jobs.db"), definitions=Path("mine"), workers=Path("mine")'
    with Site(tmp_path, STARLETTE.replace('Path("jobs.db")', settings)) as site:
        assert site.client.get("/jobs/definitions/reads").json()["errors"] == []
        with suppress(httpx.HTTPError):  # it may end before it answers
            site.client.post("/jobs/definitions/dies/runs")
        assert site.process.wait(20) == -signal.SIGTERM


def test_a_prefix_of_a_proxy_comes_before_that_of_the_mount(tmp_path: Path) -> None:
    with Site(tmp_path, STARLETTE, "--root-path", "/outer") as site:
        started = site.client.post("/jobs/definitions/nearby-restaurants/runs")
        assert started.headers["location"].startswith("/outer/jobs/managers/")
        page = site.client.get("/jobs/definitions?limit=1").json()
        assert page["next"].startswith("/outer/jobs/definitions?")


def test_a_lifespan_that_was_forgotten_is_named(tmp_path: Path) -> None:
    with Site(tmp_path, STARLETTE.replace("lifespan=stepstream.router.lifespan_context", "")) as site:
        for answer in (
            site.client.get("/jobs/managers"),
            site.client.post("/jobs/login", json={"token": "correct-horse"}),
        ):
            assert answer.status_code == 503
            assert "lifespan" in answer.json()["detail"]


pytestmark = pytest.mark.slow
