"""Who reads the stream beside the panel? EventSource of Chromium and of npm, and the clients of Python."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pytest
from playwright.sync_api import Page

from tests.programs import missing, program
from tests.service_process import Service

HERE = Path(__file__).parent
NODE_MODULES = HERE / "node_modules"
SECONDS = 40
POLL_SECONDS = 0.02
BROWSER = "chromium"
PROGRAMS = {
    "eventsource": "read_eventsource.mjs",
    "httpx-sse": "read_httpx_sse.py",
    "sseclient": "read_sseclient.py",
    "launchdarkly": "read_launchdarkly.py",
}
READERS = (BROWSER, *PROGRAMS)
# Those that come again by themselves, with the id of the last event.
RESUMING = (BROWSER, "eventsource", "launchdarkly")


@dataclass(frozen=True)
class Told:
    """An event as a reader tells it."""

    name: str
    id: str
    data: Any


class Reading:
    """A stream that is being read.

    :param told: the events told so far, each as a line of JSON
    :param fault: what is wrong with the reader, if it can tell no more
    """

    def __init__(self, told: Callable[[], list[str]], fault: Callable[[], str | None]) -> None:
        self._told = told
        self._fault = fault

    def events(self) -> list[Told]:
        """What was told so far, but for pings, which depend on the time."""
        events = [Told(name, identity or "", data) for name, identity, data in map(json.loads, self._told())]
        return [event for event in events if event.name != "ping"]

    def until(self, condition: Callable[[list[Told]], bool], what: str) -> list[Told]:
        """Wait until the events told so far are such."""
        deadline = time.monotonic() + SECONDS
        while True:
            fault = self._fault()
            events = self.events()
            if condition(events):
                return events
            if fault is not None or time.monotonic() > deadline:
                names = [event.name for event in events]
                pytest.fail(
                    f"no {what} after {len(names)} events, {names[-3:]} at last; {fault or 'too late'}"
                )
            time.sleep(POLL_SECONDS)

    def until_said(self, text: str) -> list[Told]:
        """Wait for a line with this message."""
        return self.until(lambda events: any(row.get("message") == text for row in rows(events)), repr(text))

    def until_last(self, name: str = "end") -> list[Told]:
        """Wait for an event of this name."""
        return self.until(lambda events: bool(events) and events[-1].name == name, name)


def unfold(events: list[Told]) -> list[dict[str, Any] | Told]:
    """The rows in events, single or in batches, whose names and ids must fit; other events between them."""
    found: list[dict[str, Any] | Told] = []
    for event in events:
        batch = event.data if event.name == "rows" else [event.data]
        if "seq" not in batch[-1]:
            found.append(event)
            continue
        assert event.name in ("rows", batch[-1]["event"])
        assert event.id == str(batch[-1]["seq"])
        found += batch
    return found


def rows(events: list[Told]) -> list[dict[str, Any]]:
    """The rows of events."""
    return [row for row in unfold(events) if isinstance(row, dict)]


def exactly(service: Service, manager_id: str, **parameters: Any) -> list[Told]:
    """The events of a run that has ended, as a reader tells them that goes by the bytes."""
    events = service.events(manager_id, **parameters)
    return [Told(event.name, event.id or "", event.json) for event in events if event.name]


def node() -> str:
    """The path of node, if it has its package; else the test is not run."""
    if not NODE_MODULES.is_dir():
        missing("npm has not installed node's packages (npm ci --prefix tests/foreign)")
    return program("node")


@contextmanager
def reading(reader: str, url: str, page: Page | None) -> Iterator[Reading]:
    """Read a stream with one of ``READERS``.

    :param page: of Chromium, if that is the reader
    """
    if page is not None:
        with _in_page(page, url) as found:
            yield found
    else:
        with _by_program(reader, url) as found:
            yield found


@contextmanager
def _in_page(page: Page, url: str) -> Iterator[Reading]:
    script = (HERE / "collect.js").read_text(encoding="utf-8").replace("export ", "")
    page.goto(f"{url.partition('/managers')[0]}/healthz")
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.evaluate(
        f"url => {{ {script}; window.told = []; collect(EventSource, url, (line) => told.push(line)); }}", url
    )

    def told() -> list[str]:
        lines: list[str] = page.evaluate("told")
        return lines

    yield Reading(told, lambda: "; ".join(faults) or None)


@contextmanager
def _by_program(reader: str, url: str) -> Iterator[Reading]:
    path = HERE / "programs" / PROGRAMS[reader]
    interpreter = node() if path.suffix == ".mjs" else sys.executable
    told: list[str] = []
    command = [interpreter, str(path), url]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8"
    ) as process:
        stdout, stderr = process.stdout, process.stderr
        assert stdout is not None
        assert stderr is not None
        complaints: list[str] = []
        threads = [
            threading.Thread(target=_keep, args=pair) for pair in ((stdout, told), (stderr, complaints))
        ]
        for thread in threads:
            thread.start()

        def fault() -> str | None:
            if process.poll() is None:
                return None
            for thread in threads:
                thread.join()
            return f"exit status {process.returncode}: {''.join(complaints)}"

        try:
            yield Reading(lambda: list(told), fault)
        finally:
            process.kill()
            for thread in threads:
                thread.join()


def _keep(source: IO[str], lines: list[str]) -> None:
    for line in source:
        lines.append(line)  # noqa: PERF402 (others look at it meanwhile)
