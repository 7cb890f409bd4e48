"""Who watches while things break? A viewer that resumes from the last complete id until it has the end."""

import threading
import time
from typing import Any

import httpx

from tests.faults.oracle import check
from tests.service_process import Service
from tests.sse import parse

RECONNECT_SECONDS = 0.05


class Viewer(threading.Thread):
    """One client of one run's stream, in a thread.

    :param service: where the run is; it may be started again meanwhile, on the same port
    :param patient: an interrupted run has not ended: it may go on
    """

    def __init__(self, service: Service, manager_id: str, *, patient: bool = False) -> None:
        super().__init__(daemon=True)
        self.manager_id = manager_id
        self.rows: list[str] = []
        self.faults: list[str] = []
        self.latencies: list[float] = []  # seconds from a worker's call to here, of each line
        self.pings: list[float] = []  # when they came, by the monotonic clock
        self.connections = 0
        self.end: dict[str, Any] | None = None
        self._patient = patient
        self._url = f"{service.url}/managers/{manager_id}/events"
        self._left = threading.Event()

    def run(self) -> None:
        """Follow, through any number of broken connections."""
        with httpx.Client(timeout=30) as client:
            while self.end is None and not self._left.is_set():
                try:
                    self._follow(client)
                except httpx.TransportError:
                    self._left.wait(RECONNECT_SECONDS)

    def _follow(self, client: httpx.Client) -> None:
        headers = {"Last-Event-ID": str(len(self.rows))} if self.rows else {}
        with client.stream("GET", self._url, headers=headers) as response:
            if response.status_code != 200:
                self.faults.append(f"status {response.status_code}")
                self._left.wait(RECONNECT_SECONDS)
                return
            self.connections += 1
            for event in parse(response.iter_raw()):
                if self._left.is_set():
                    return
                if event.name == "end":
                    if not self._patient or event.json["status"] != "interrupted":
                        self.end = event.json
                    self._left.wait(RECONNECT_SECONDS)
                    return
                if event.name == "ping":
                    self.pings.append(time.monotonic())
                elif event.name in ("reset", "gap"):
                    self.faults.append(f"{event.name} {event.data}")
                elif event.is_row:
                    self._take(event.id, event.data, event.name)

    def _take(self, identity: str | None, data: str, name: str) -> None:
        self.rows.append(data)
        if identity != str(len(self.rows)):
            self.faults.append(f"row {identity} came as row {len(self.rows)}")
        if name == "job_log" and '"originator":"worker"' in data:
            called = data.partition('"message":"')[2].partition('"')[0].rpartition(" ")[2]
            if called.isdigit():
                self.latencies.append(time.monotonic() - int(called) / 1e9)

    def leave(self) -> None:
        """Go away at the next event."""
        self._left.set()

    def finish(self, seconds: float) -> dict[str, Any]:
        """Wait for the end; what it says."""
        self.join(seconds)
        self.check_rows()
        check(self.end is not None, f"no end of {self.manager_id} in {seconds} s, {len(self.rows)} rows")
        assert self.end is not None
        last_seq = self.end["last_seq"]
        check(len(self.rows) == last_seq, f"{self.manager_id}: {len(self.rows)} rows came of {last_seq}")
        return self.end

    def check_rows(self) -> None:
        """Check that every row came once and in order, up to now."""
        check(not self.faults, f"{self.manager_id}: {self.faults[:3]}, {len(self.faults)} faults")
