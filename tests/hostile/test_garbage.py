"""Promise: what is no HTTP is refused or cut off, and never heard of in a stream."""

import random
import time
from contextlib import suppress

import pytest

from tests.hostile.clients import asks, events, get
from tests.hostile.reading import Client, answers, arriving
from tests.hostile.watched_service import WatchedService
from tests.wire import answer, check_problem

GARBAGE = [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS
    bytes(100),
    b"GET /\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n",
    b"GET / HTTP/11.1\r\nHost: localhost\r\n\r\n",
    b"GET / HTTP/1.1\r\n folded: localhost\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\r\n" * 1000,
    b"A" * 70_000,
    b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 12_000,
]
BAD_CHUNKS = [b"zzz\r\n", b"-1\r\n", b"5\r\n12345678", b"ffffffffffffffffffffffffffff\r\n", b"\0\r\n"]
CHUNKED = "Transfer-Encoding: chunked"


@pytest.mark.parametrize("garbage", GARBAGE, ids=lambda garbage: repr(garbage[:20]))
def test_garbage_is_refused(service: WatchedService, garbage: bytes) -> None:
    with asks(service, garbage) as connection:
        check_problem(answer(connection), 400)


@pytest.mark.parametrize("garbage", GARBAGE[:5], ids=lambda garbage: repr(garbage[:20]))
def test_garbage_behind_a_stream_is_refused_after_it(service: WatchedService, garbage: bytes) -> None:
    with asks(service, get(events(service.three)), garbage) as connection:
        received = b"".join(arriving(connection))
    stream, refusal = answers(received)
    assert len(Client().take([stream]).ends) == 1
    assert refusal.startswith(b"HTTP/1.1 400 ")


@pytest.mark.slow
@pytest.mark.parametrize("chunk", BAD_CHUNKS, ids=repr)
def test_a_body_that_is_none_cuts_the_stream_before_it(service: WatchedService, chunk: bytes) -> None:
    """The stream has begun: there is no place for a refusal any more, and nothing else comes in it."""
    with service.unharmed() as live, asks(service, get(events(live.manager_id), CHUNKED)) as connection:
        received = connection.recv(65536)
        while b"job_log" not in received:
            received += connection.recv(65536)
        connection.sendall(chunk)
        with suppress(ConnectionError):
            for part in arriving(connection):
                received += part
        assert b"400" not in received.partition(b"\r\n\r\n")[0]
        assert b"Bad Request" not in received
        client = Client().take([received])
        assert client.seqs == list(range(1, len(client.rows) + 1))
    assert "Traceback" not in service.errors()


@pytest.mark.parametrize("chunk", BAD_CHUNKS, ids=repr)
@pytest.mark.parametrize("path", ["/healthz", "/managers/latest"])
def test_a_body_that_is_none_beside_an_answer(service: WatchedService, path: str, chunk: bytes) -> None:
    """It comes before, with or after the answer: there is one answer, and no fault in the service."""
    for pause in (0, 0.001, 0.05):
        with asks(service, get(path, CHUNKED)) as connection:
            time.sleep(pause)
            connection.sendall(chunk)
            assert answer(connection).status in (200, 400)
    assert "Traceback" not in service.errors()


def test_a_body_that_is_none_starts_no_run(service: WatchedService) -> None:
    service.define("none", '[step.one]\ntype = "fault_lines"\ncount = 1')
    for chunk in BAD_CHUNKS:
        with asks(service, get("/definitions/none/runs", CHUNKED, method="POST"), chunk) as connection:
            check_problem(answer(connection), 400)
    assert service.get("/managers", definition="none")["items"] == []
    service.check_idle()


@pytest.mark.slow
def test_random_bytes(service: WatchedService) -> None:
    chance = random.Random(0)
    with service.unharmed() as live:
        request = bytearray(get(events(live.manager_id), "Content-Length: 3") + b"abc" + get("/healthz"))
        for _ in range(300):
            changed = bytearray(request)
            for _ in range(chance.randint(1, 5)):
                changed[chance.randrange(len(changed))] = chance.randrange(256)
            with asks(service, bytes(changed)) as connection, suppress(TimeoutError, ConnectionError):
                connection.settimeout(0.01)  # it need not be all of a request
                connection.recv(1000)
    assert "Traceback" not in service.errors()


def test_heads_are_answered_and_start_nothing(service: WatchedService) -> None:
    with service.unharmed() as live:
        for path in (events(live.manager_id), f"/managers/{live.manager_id}/log?follow=true", "/events"):
            for _ in range(20):
                with asks(service, get(path, "Connection: close", method="HEAD")) as connection:
                    head = b"".join(arriving(connection))
                    assert head.startswith(b"HTTP/1.1 200 ")
                    assert head.endswith(b"\r\n\r\n")
                    assert head.count(b"\r\n\r\n") == 1
