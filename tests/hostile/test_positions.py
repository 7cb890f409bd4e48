"""Promise: whatever stands in ``Last-Event-ID``, the answer is the rest of the right log, or all of it."""

import pytest

from tests.hostile.clients import asks, events, get
from tests.hostile.reading import Client, arriving
from tests.hostile.watched_service import WatchedService

CLOSE = "Connection: close"
STRANGE = [
    b"-1",
    b"1_0",
    "٣".encode(),
    b"1" + b"0" * 30,
    b"18446744073709551617",
    b"1e3",
    b"\xff\xfe",
    b"\xc3",
    b"x" * 60_000,
    b"7;DROP TABLE log",
    b"999999999999999999",
    b"999999999999999999-end",
    b"3-end-end",
    b"otherrun:1",
    b"latest:1",
    b"latest",
]


def resumed(service: WatchedService, manager_id: str, last_id: bytes, *more: bytes) -> Client:
    """A client that came with an id, at the end of its stream."""
    lines = b"".join(b"Last-Event-ID: " + each + b"\r\n" for each in (last_id, *more))
    with asks(service, get(events(manager_id), CLOSE)[:-2], lines, b"\r\n") as connection:
        return Client().take(arriving(connection))


@pytest.mark.parametrize("manager_id", ["three", "latest"])
@pytest.mark.parametrize("last_id", STRANGE, ids=lambda last_id: repr(last_id[:20]))
def test_an_id_that_is_none_starts_again(service: WatchedService, last_id: bytes, manager_id: str) -> None:
    asked = service.three if manager_id == "three" else "latest"
    client = resumed(service, asked, last_id)
    assert [event.name for event in client.told] == ["", "reset", "end"]
    assert client.seqs == list(range(1, len(client.rows) + 1))


def test_an_id_of_another_run_starts_again_if_it_is_beyond(service: WatchedService, many: str) -> None:
    client = resumed(service, service.three, b"15000")
    assert client.told[1].name == "reset"
    assert client.seqs == list(range(1, len(client.rows) + 1))


def test_of_two_ids_the_first_counts(service: WatchedService) -> None:
    assert resumed(service, service.three, b"2", b"1").seqs[0] == 3


def test_latest_goes_on_with_its_run_while_a_newer_one_starts(service: WatchedService) -> None:
    older = service.run("lines")
    client = Client()
    with asks(service, get(events("latest"))) as connection:
        received = b""
        while received.count(b"event: job_log") < 5:
            received += connection.recv(65536)
        client.take([received])
        newer = service.run("lines")
        while received.count(b"event: job_log") < 10:
            received += connection.recv(65536)
    client = Client().take([received])
    for _ in range(2):  # it resumes twice while both go on
        with asks(service, get(events("latest"), f"Last-Event-ID: {client.last_id}")) as connection:
            client.take([connection.recv(65536) + connection.recv(65536)])
    for run in (older, newer):
        assert service.post(f"/managers/{run}/cancel").status_code == 202
    with asks(service, get(events("latest"), f"Last-Event-ID: {client.last_id}", CLOSE)) as connection:
        client.take(arriving(connection))
    assert client.seqs == list(range(1, len(client.rows) + 1))
    assert all(f'"manager_id":"{older}"' in row for row in client.rows)
    assert client.ends == [f"{older}:{len(client.rows)}-end"]
    service.finish(newer)
    with asks(service, get(events("latest"), CLOSE)) as connection:
        assert newer in Client().take(arriving(connection)).rows[0]
    service.check_idle()
