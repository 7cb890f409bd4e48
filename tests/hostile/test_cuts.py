"""Promise: wherever a stream is cut, who resumes from the last id gets every row once, and the end."""

from contextlib import suppress

import pytest

from tests.hostile.clients import asks, events, get
from tests.hostile.reading import Client, arriving
from tests.hostile.watched_service import WatchedService

CLOSE = "Connection: close"


def ask(service: WatchedService, query: str, client: Client, most: int = 1_000_000) -> bytes:
    """The first bytes of an answer; then the client leaves, unless it was all."""
    resume = [f"Last-Event-ID: {client.last_id}"] if client.last_id else []
    with asks(service, get(f"{events(service.three)}?{query}", CLOSE, *resume)) as connection:
        received = b""
        while len(received) < most and (chunk := connection.recv(most - len(received))):
            received += chunk
        return received


@pytest.mark.parametrize("step", [pytest.param(1, marks=pytest.mark.slow), 29])
@pytest.mark.parametrize("batch", ["false", "true"], ids=["single", "batch"])
def test_a_cut_at_every_byte(service: WatchedService, batch: str, step: int) -> None:
    query = f"events=job_log&step=only&batch={batch}"
    answer = ask(service, query, Client())
    whole = Client().take([answer])
    assert len(whole.rows) == 3
    assert len(whole.ends) == 1
    for cut in range(0, len(answer) + 1, step):
        client = Client().take([ask(service, query, Client(), cut)])
        if client.ends:
            assert ask(service, query, client).startswith(b"HTTP/1.1 204 "), cut
        else:
            client.take([ask(service, query, client)])
        assert client.rows == whole.rows, cut
        assert client.ends == whole.ends, cut
    service.check_idle()


def test_the_receipt_is_given_until_it_was_taken(service: WatchedService) -> None:
    """Cut between the last row and ``end``, again and again."""
    answer = ask(service, "", Client())
    client = Client().take([answer[: answer.rindex(b"id: ")]])
    assert not client.ends
    for _ in range(3):
        again = ask(service, "", client)
        assert Client().take([again]).rows == []
        client.take([again[: again.rindex(b"}")]])
        assert not client.ends
    client.take([ask(service, "", client)])
    assert client.ends == [f"{len(client.rows)}-end"]
    assert ask(service, "", client).startswith(b"HTTP/1.1 204 ")


def test_a_live_stream_that_is_cut_again_and_again(service: WatchedService) -> None:
    """After so many bytes each time, while the run goes on and when it has ended."""
    client = Client()
    manager_id = service.run("lines")
    for cut in range(500, 10_000, 900):
        resume = [f"Last-Event-ID: {client.last_id}"] if client.last_id else []
        with asks(service, get(events(manager_id), *resume)) as connection:
            connection.settimeout(0.2)
            received = b""
            with suppress(TimeoutError):
                while len(received) < cut and (chunk := connection.recv(cut - len(received))):
                    received += chunk
            client.take([received])
        if cut == 5_000:
            assert service.post(f"/managers/{manager_id}/cancel").status_code == 202
        if client.ends:
            break
    with asks(service, get(events(manager_id), CLOSE)) as connection:
        whole = Client().take(arriving(connection))
    assert client.rows == whole.rows
    assert client.ends == whole.ends
    service.check_idle()
