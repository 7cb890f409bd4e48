"""Promise: who searches and leaves keeps nobody waiting who stays."""

import socket
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.service_process import Service

LINES = 200_000
LEFT = 100
SECONDS = 5.0  # what those who left had asked for takes many times as long


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    service = Service(tmp_path)
    service.define("one", '[step.a]\ntype = "test_job_generator"\nworker_count = 1\nlog_count = 1\n')
    service.start().run_to_end("one")
    last_seq = service.get("/managers/latest")["last_seq"]
    service.stop()
    with closing(sqlite3.connect(service.db)) as db, db:
        (manager_id,) = db.execute("SELECT id FROM managers").fetchone()
        db.executemany(
            "INSERT INTO log (manager_id, seq, event, step_name, level, line_number, created_at, data)"
            " VALUES (?, ?, 'job_log', 'a', 'info', ?, '', '{\"message\":\"x\"}')",
            [(manager_id, last_seq + n, n + 1) for n in range(1, LINES + 1)],
        )
        db.execute("UPDATE managers SET last_seq = last_seq + ?", [LINES])
    yield service.start()
    service.kill()


def test_who_has_left_is_not_answered(service: Service) -> None:
    host, port = service.url.removeprefix("http://").split(":")
    for _ in range(LEFT):
        with socket.create_connection((host, int(port))) as client:
            client.sendall(f"GET /search?q=%22 HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            service.client.get("/healthz")  # it has been read
    started = time.monotonic()
    assert service.get("/managers/latest")["status"] == "completed"
    assert time.monotonic() - started < SECONDS
