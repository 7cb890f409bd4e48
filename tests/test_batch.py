"""Promise: ``batch=true`` gives the same rows in the same bytes, a page an event."""

import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from sse_starlette import ServerSentEvent

from jobs.page import Encoded
from jobs.store.rows import Row, RowFilter
from jobs.web.stream import EventView
from tests.service_process import Service
from tests.sse import Event, parse

WORKERS = """
    from jobs import Job, worker

    @worker("lines")
    async def lines(step: Job, lines: int) -> None:
        for number in range(0, lines, 4):
            for level in ("debug", "info", "warning", "error"):
                getattr(step.log, level)("line %d", number)
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("batch"))
    service.add_workers("batch", WORKERS)
    service.define("lines", '[step.one]\ntype = "lines"\nlines = 3000')
    yield service.start()
    assert service.stop() == 0


@pytest.fixture(scope="module")
def ended(service: Service) -> dict[str, Any]:
    ended = service.run_to_end("lines")
    assert ended["status"] == "completed"
    return ended


def events(service: Service, manager_id: str, last_id: str = "", **parameters: str) -> list[Event]:
    headers = {"Last-Event-ID": last_id} if last_id else {}
    path = f"/managers/{manager_id}/events"
    with service.client.stream("GET", path, params=parameters, headers=headers) as response:
        return list(parse(response.iter_raw()))


def seqs(batch: Event) -> list[int]:
    return [row["seq"] for row in batch.json]


@pytest.mark.parametrize("prefix", ["", "k3v9x2a7qd:"])
def test_a_batch_is_byte_for_byte_what_sse_starlette_encodes(prefix: str) -> None:
    data = [json.dumps({"seq": seq, "message": "\u2028\n\ndata: é"}) for seq in (4, 5, 7)]
    page = [Row(seq, "job_log", None, None, "info", text) for seq, text in zip((4, 5, 7), data, strict=True)]
    theirs = ServerSentEvent(f"[{','.join(data)}]", event="rows", id=f"{prefix}7", sep="\n").encode()
    view = EventView(RowFilter(), prefix, batch=True)
    assert view.encode(page) == Encoded(theirs, 3)
    assert view.encode([]) == Encoded(b"", 0)


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"level": "warning"},
        {"events": "job_status"},
        {"step": "other"},
        {"after": "1000"},
        {"tail": "700"},
    ],
    ids=str,
)
def test_the_rows_are_those_of_single_events(
    service: Service, ended: dict[str, Any], parameters: dict[str, str]
) -> None:
    single = events(service, ended["id"], **parameters)
    batched = events(service, ended["id"], batch="true", **parameters)
    assert [event.name for event in batched if event.name != "rows"] == [
        event.name for event in single if not event.is_row
    ]
    assert [
        json.dumps(row, separators=(",", ":"))
        for event in batched
        if event.name == "rows"
        for row in event.json
    ] == [event.data for event in single if event.is_row]
    assert batched[-1] == single[-1]  # the receipt counts the same lines


def test_the_id_of_a_batch_is_its_last_row_and_resumes_there(service: Service, ended: dict[str, Any]) -> None:
    batches = [event for event in events(service, ended["id"], batch="true") if event.name == "rows"]
    assert len(batches) > 3
    for batch, following in pairwise(batches):
        assert batch.id == str(seqs(batch)[-1])
        assert len(seqs(batch)) <= 1000
        assert seqs(following)[0] == seqs(batch)[-1] + 1
        resumed = events(service, ended["id"], last_id=batch.id, batch="true")
        assert seqs(resumed[1])[0] == seqs(following)[0]


def test_latest_has_its_prefix(service: Service, ended: dict[str, Any]) -> None:
    batch = events(service, "latest", batch="true")[1]
    assert batch.id == f"{ended['id']}:{seqs(batch)[-1]}"


def test_a_batch_comes_while_the_run_goes_on(service: Service) -> None:
    """Lone rows are batches of one, at once."""
    manager_id = service.run("lines")
    found = [
        row["seq"]
        for event in events(service, manager_id, batch="true")
        if event.name == "rows"
        for row in event.json
    ]
    assert found == list(range(1, service.rows(manager_id)[-1]["seq"] + 1))


def test_only_true_and_false_are_taken(service: Service, ended: dict[str, Any]) -> None:
    answer = service.client.get(f"/managers/{ended['id']}/events", params={"batch": "yes"})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["where"] == "batch"
    assert (
        service.client.get(
            f"/managers/{ended['id']}/events", params={"batch": "false", "tail": "0"}
        ).status_code
        == 200
    )
