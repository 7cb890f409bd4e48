"""Promise: a client that closes its own side has left. What it was sent up to then is whole rows."""

import socket

from tests.hostile.clients import asks, events, get
from tests.hostile.reading import Client, arriving
from tests.hostile.watched_service import WatchedService


def test_half_closing_ends_a_stream(service: WatchedService) -> None:
    with service.unharmed() as live:
        for number in range(10):
            with asks(service, get(events(live.manager_id))) as connection:
                received = connection.recv(65536) if number % 2 else b""
                connection.shutdown(socket.SHUT_WR)
                for chunk in arriving(connection):
                    received += chunk
            client = Client().take([received] if received else [])
            assert client.seqs == list(range(1, len(client.rows) + 1))
            assert not client.ends


def test_half_closing_in_the_middle_of_a_request(service: WatchedService) -> None:
    with service.unharmed() as live:
        request = get(events(live.manager_id), "Content-Length: 9")
        for length in range(0, len(request) + 5, 7):
            with asks(service, (request + b"{.....")[:length]) as connection:
                connection.shutdown(socket.SHUT_WR)
                assert b"event: end" not in b"".join(arriving(connection))
