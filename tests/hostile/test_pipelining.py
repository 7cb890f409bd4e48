"""Promise: answers come in the order of requests, each whole, and who pipelines and leaves is forgotten."""

import socket
import time

import pytest

from tests.hostile.clients import asks, events, get
from tests.hostile.reading import Client, answers, arriving
from tests.hostile.watched_service import WatchedService

HEALTH = get("/healthz")


def test_streams_and_answers_in_turn(service: WatchedService) -> None:
    """What waits behind a stream is answered when that has ended, on the same connection."""
    stream = get(events(service.three))
    last = get(events(service.three), "Connection: close")
    with asks(service, HEALTH + stream + HEALTH + stream + last) as connection:
        received = b"".join(arriving(connection))
    found = answers(received)
    assert len(found) == 5
    assert [b'"status":"ok"' in each for each in found] == [True, False, True, False, False]
    streams = [Client().take([found[number]]) for number in (1, 3, 4)]
    assert streams[0] == streams[1] == streams[2]
    assert len(streams[0].ends) == 1
    service.check_idle()


def test_a_request_behind_a_live_stream_waits_and_harms_it_not(service: WatchedService) -> None:
    manager_id = service.run("lines")
    with asks(service, get(events(manager_id)), HEALTH[:20]) as connection:
        received = connection.recv(65536)
        for part in (HEALTH[20:], HEALTH, get(events(service.three), "Connection: close")):
            connection.sendall(part)
            received += connection.recv(65536)
        assert b'"status":"ok"' not in received
        assert service.post(f"/managers/{manager_id}/cancel").status_code == 202
        received += b"".join(arriving(connection))
    stream, *others = answers(received)
    live = Client().take([stream])
    assert live.ends == [f"{len(live.rows)}-end"]
    assert live.seqs == list(range(1, len(live.rows) + 1))
    assert [other.count(b'"status":"ok"') for other in others] == [1, 1, 0]
    service.check_idle()


@pytest.mark.slow
def test_leaving_while_requests_wait(service: WatchedService) -> None:
    """Also when they come one by one: then the service reads no more, and cannot see that the client left."""
    with service.unharmed() as live:
        quiet = service.run("waits")
        connections = []
        for number in range(40):
            path = events(live.manager_id if number % 2 else quiet)
            connection = asks(service, get(path))
            if number % 4 > 1:
                connection.recv(1000)
            for _ in range(number % 5):
                connection.sendall(get(path))
                time.sleep(0.002)
            connections.append(connection)
        for connection in connections:
            connection.close()
        assert service.post(f"/managers/{quiet}/cancel").status_code == 202


@pytest.mark.slow
def test_a_stream_is_complete_when_requests_keep_coming(service: WatchedService) -> None:
    """Until the connection takes no more of them."""
    manager_id = service.run("lines")
    with asks(service, get(events(manager_id))) as connection:
        connection.settimeout(0.2)
        sent = 0
        try:
            while sent < 50_000_000:
                sent += connection.send(HEALTH * 1000)
        except TimeoutError:
            pass
        assert sent < 50_000_000
        connection.settimeout(10)
        assert service.post(f"/managers/{manager_id}/cancel").status_code == 202
        received = b""
        while len(answers(received)) < 3:  # those that come now are answered, too
            received += connection.recv(65536)
        client = Client().take(answers(received)[:1])
        assert client.seqs == list(range(1, len(client.rows) + 1))
        assert len(client.ends) == 1
    service.check_idle()


def test_leaving_with_a_reset_while_the_service_answers(service: WatchedService, many: str) -> None:
    with service.unharmed():
        for number in range(50):
            connection = asks(service, get(events(many)) * (1 + number % 3))
            if number % 2:
                connection.recv(100 * number)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            connection.close()
