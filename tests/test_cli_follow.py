"""Promise: who follows a run from a terminal gets every row once, also if the service is killed meanwhile."""

import json
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.cli.sse import Message, Parser
from tests.command import command, started
from tests.service_process import Service

STREAM = (
    'retry: 1000\r\n\r\nid: 1\nevent: rows\ndata: ["a\u2028\x85b"]\n\n: x\rdata: 1\rdata: 2\r\rid: 2\n\ndata'
)
MESSAGES = [Message("rows", '["a\u2028\x85b"]'), Message("message", "1\n2")]


@given(st.lists(st.integers(0, len(STREAM.encode()))))
def test_a_stream_is_read_however_it_is_cut(cuts: list[int]) -> None:
    raw, parser = STREAM.encode(), Parser()
    ends = [0, *sorted(cuts), len(raw)]
    pieces = [raw[start:end] for start, end in pairwise(ends)]
    assert [message for piece in pieces for message in parser.feed(piece)] == MESSAGES
    assert parser.last_id == "2"


@pytest.mark.slow
def test_a_restart_of_the_service_is_survived(make_service: Callable[..., Service]) -> None:
    service = make_service()
    service.define(
        "long",
        """
        on_restart = "resume"
        [step.flat]
        type = "test_job_generator"
        worker_count = 40
        log_count = 5
        log_delay_ms = 20
        """,
    )
    service.start()
    with started("run", "long", "--json", service=service) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(20)]
        service.kill()
        service.start()
        lines += process.stdout
        assert process.wait(30) == 0
        assert process.stderr is not None
        assert "; trying again" in process.stderr.read()
    *rows, end = map(json.loads, lines)
    assert [row["seq"] for row in rows] == list(range(1, end["last_seq"] + 1))
    assert rows == service.rows("latest")


@pytest.mark.slow
def test_a_run_that_is_deleted_meanwhile(make_service: Callable[..., Service]) -> None:
    service = make_service().start()
    service.define("long", '[step.a]\ntype = "test_job_generator"\nlog_delay_ms = 200\nlog_count = 1000')
    manager_id = service.run("long")
    with started("tail", manager_id, service=service) as process:
        assert process.stdout is not None
        process.stdout.readline()
        service.kill()
        for path in service.folder.glob("stepstream.db*"):
            path.unlink()
        service.start()
        assert process.wait(30) == 2
        assert process.stderr is not None
        assert f'there is no manager "{manager_id}"' in process.stderr.read()


@pytest.mark.slow
def test_a_run_that_was_interrupted_is_no_success(make_service: Callable[..., Service]) -> None:
    service = make_service().start()
    service.define("long", '[step.a]\ntype = "test_job_generator"\nlog_delay_ms = 200\nlog_count = 1000')
    manager_id = service.run("long")
    service.kill()
    service.start()
    done = command("tail", manager_id, service=service)
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1].startswith("== interrupted: ")
