"""Promise: a manager's stream gives every row exactly once, in order, whatever the client was told before."""

import json
import signal
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from sse_starlette import ServerSentEvent

from jobs import hub
from jobs.page import Encoded, Page
from jobs.row import LEVELS
from jobs.store.reader import ReadError, Readers
from jobs.store.rows import Head, Row, RowFilter
from jobs.web.stream import EventView, Position, parse_position
from tests.service_process import Service
from tests.sse import Event

WORKERS = """
    from pathlib import Path
    import anyio
    from jobs import Job, worker

    @worker("levels")
    async def levels(step: Job, lines: int = 3) -> None:
        for number in range(lines):
            for level in ("debug", "info", "warning", "error"):
                getattr(step.log, level)("%s %d", level, number)

    @worker("wait_for")
    async def wait_for(step: Job, path: str) -> None:
        step.log.info("waiting")
        while not Path(path).exists():
            await anyio.sleep(0.01)
        step.log.info("going on")
"""


def prepare(service: Service) -> Service:
    service.add_workers("stream", WORKERS)
    service.define(
        "levels",
        """
        max_running = 100
        [params]
        lines = 3
        [step.one]
        type = "levels"
        lines = "{params.lines}"
        [step.two]
        type = "levels"
        depends = "one"
        """,
    )
    service.define(
        "waits",
        """
        max_running = 100
        [params]
        path = ""
        [step.wait]
        type = "wait_for"
        path = "{params.path}"
        """,
    )
    return service.start()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = prepare(Service(tmp_path_factory.mktemp("stream")))
    yield service
    if service.process.poll() is None:
        service.kill()


@pytest.fixture(scope="module")
def ended(service: Service) -> dict[str, Any]:
    """A manager that has ended."""
    return service.run_to_end("levels")


def seqs(events: list[Event]) -> list[int]:
    return [event.json["seq"] for event in events if event.is_row]


def stored(service: Service, manager_id: str) -> list[tuple[int, str]]:
    with sqlite3.connect(service.db) as db:
        return db.execute(
            "SELECT seq, data FROM log WHERE manager_id = ? ORDER BY seq", (manager_id,)
        ).fetchall()


# -- the bytes


@pytest.mark.parametrize("prefix", ["", "k3v9x2a7qd:"])
@pytest.mark.parametrize(
    "message",
    [
        "plain",
        "line\nbreak\r\nand\rreturn",
        "\u2028\u2029\x85\x0b\x0c",
        "data: fake\n\nid: 7\nevent: end",
        "\x00\x1b[31m\ufeff",
        "é 漢字 😀",
        "\ud800 alone",
        '"quotes" \\ and </script>',
        "x" * 70_000,
    ],
    ids=["plain", "breaks", "separators", "fields", "controls", "letters", "surrogate", "quotes", "long"],
)
def test_pages_are_byte_for_byte_what_sse_starlette_encodes(message: str, prefix: str) -> None:
    rows = [
        Row(seq, event, "step", None, None, json.dumps({"seq": seq, "message": message}))
        for seq, event in enumerate(("job_log", "job_status", "step_progress", "manager_progress"), start=1)
    ]
    theirs = b"".join(
        ServerSentEvent(row.data, event=row.event, id=f"{prefix}{row.seq}", sep="\n").encode() for row in rows
    )
    assert EventView(RowFilter(), prefix).encode(rows) == Encoded(theirs, 1)


def test_a_page_is_encoded_once_for_each_view_but_not_kept_for_any_number_of_them() -> None:
    page = Page.of(0, [Row(1, "job_log", "step", None, "info", "{}")])
    shared = EventView(RowFilter())
    encoded = page.encoded(shared)
    assert page.encoded(EventView(RowFilter())) is encoded
    for number in range(1000):
        page.encoded(EventView(RowFilter(steps=frozenset({"step", f"other{number}"}))))
    assert len(page._encoded) <= 8
    assert page.encoded(shared) == encoded


def test_a_disk_that_cannot_be_read_for_a_while_ends_no_stream(
    service: Service, ended: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "RETRY_SECONDS", 0.01)
    failures = 3

    class Flaky(Readers):
        async def run(self, query: Callable[[sqlite3.Connection], Any]) -> Any:
            nonlocal failures
            if failures:
                failures -= 1
                raise ReadError("disk I/O error")
            return await super().run(query)

    async def follow() -> list[int]:
        tails = hub.Hub(Flaky(service.db, 1))
        async with anyio.create_task_group() as tasks:
            await tasks.start(tails.run)
            head = Head(ended["id"], "running", 0, 1)  # as it was read before the failure
            found = [row.seq async for page in tails.follow(head, 0) if page for row in page.rows]
            tasks.cancel_scope.cancel()
        return found

    assert anyio.run(follow) == list(range(1, ended["last_seq"] + 1))


def test_rows_are_sent_as_they_are_stored(service: Service, ended: dict[str, Any]) -> None:
    rows = stored(service, ended["id"])
    expected = b"retry: 1000\n\n" + b"".join(
        f"id: {seq}\nevent: {json.loads(data)['event']}\ndata: {data}\n\n".encode("ascii")
        for seq, data in rows
    )
    body = service.client.get(f"/managers/{ended['id']}/events").content
    assert body.startswith(expected)
    last = ended["last_seq"]
    assert body[len(expected) :].startswith(f"id: {last}-end\nevent: end\ndata: {{".encode())
    assert body.endswith(b"}\n\n")
    assert body.count(b"\n\n") == len(rows) + 2


def test_the_answer_is_an_event_stream(service: Service, ended: dict[str, Any]) -> None:
    response = service.client.get(f"/managers/{ended['id']}/events")
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-accel-buffering"] == "no"


# -- positions


@pytest.mark.parametrize(
    ("text", "latest", "expected"),
    [
        ("0", False, Position(0)),
        ("42", False, Position(42)),
        ("42-end", False, Position(42, ended=True)),
        ("000000000000000001", False, Position(1)),
        ("abc234:7", True, Position(7, manager_id="abc234")),
        ("abc234:7-end", True, Position(7, ended=True, manager_id="abc234")),
        ("7", True, Position(7)),
        ("abc234:7", False, None),
        *[
            (text, latest, None)
            for latest in (False, True)
            for text in (
                "",
                "-1",
                "+1",
                "1_0",
                "٣",
                "1.0",
                "1e3",
                " 1",
                "1\n",
                "1-END",
                "-end",
                "9" * 19,
                "x:",
            )
        ],
    ],
)
def test_parse_position(text: str, latest: bool, expected: Position | None) -> None:
    assert parse_position(text, latest=latest) == expected


def test_after_and_last_event_id_resume(service: Service, ended: dict[str, Any]) -> None:
    """From every position: the rest, each row once. The header wins over the parameter."""
    last = ended["last_seq"]
    for seq in range(0, last + 1, 3):
        expected = list(range(seq + 1, last + 1))
        assert seqs(service.events(ended["id"], after=seq)) == expected
        events = service.events(ended["id"], {"Last-Event-ID": str(seq)}, after=1)
        assert seqs(events) == expected
        assert events[-1].name == "end"


def test_a_client_that_has_every_row_still_gets_its_receipt(service: Service, ended: dict[str, Any]) -> None:
    last = ended["last_seq"]
    events = service.events(ended["id"], {"Last-Event-ID": str(last)})
    assert [event.name for event in events] == ["", "end"]
    assert events[0].retry == 1000
    assert events[-1].id == f"{last}-end"
    assert events[-1].json == {
        "status": "completed",
        "last_seq": last,
        "lines": {"one": 12, "two": 12, "": 1},
        "total_lines": 25,
        "sent_lines": 0,
    }
    for response in (
        service.client.get(f"/managers/{ended['id']}/events", headers={"Last-Event-ID": f"{last}-end"}),
        service.client.get(f"/managers/{ended['id']}/events", params={"after": f"{last}-end"}),
    ):
        assert response.status_code == 204
        assert response.content == b""


@pytest.mark.parametrize(
    "position",
    ["-1", "1_0", "٣", "1" + "0" * 30, "x", "999999", "999999-end", "abc:3", "18446744073709551616"],
)
def test_a_position_that_cannot_be_ours_starts_again(
    service: Service, ended: dict[str, Any], position: str
) -> None:
    headers = httpx.Headers([(b"Last-Event-ID", position.encode())])
    events = service.events(ended["id"], headers)
    assert [event.name for event in events][:2] == ["", "reset"]
    assert events[1].json == {"last_seq": ended["last_seq"]}
    assert events[1].id is None
    assert seqs(events) == list(range(1, ended["last_seq"] + 1))
    assert events[-1].name == "end"


@pytest.mark.parametrize("name", ["after", "tail"])
@pytest.mark.parametrize("value", ["-1", "1_0", "٣", "x", "1" + "0" * 30, "1.5", " 1"])
def test_a_malformed_parameter_is_400(service: Service, ended: dict[str, Any], name: str, value: str) -> None:
    response = service.client.get(f"/managers/{ended['id']}/events", params={name: value})
    assert response.status_code == 400
    assert response.json()["errors"][0]["where"] == name


def test_a_reset_stream_is_whole_while_the_run_goes_on(service: Service, tmp_path: Path) -> None:
    manager_id = service.run("waits", path=str(tmp_path / "go"))
    with service.stream(manager_id, {"Last-Event-ID": "5000"}) as events:
        assert next(events).retry == 1000
        assert next(events).name == "reset"
        found = []
        for event in events:
            found.append(event)
            if "waiting" in event.data:
                (tmp_path / "go").touch()
    assert seqs(found) == list(range(1, len(found)))
    assert found[-1].name == "end"


# -- tail and snapshot


@pytest.mark.parametrize("count", [0, 1, 5, 10_000])
def test_tail_begins_with_a_snapshot(service: Service, ended: dict[str, Any], count: int) -> None:
    last = ended["last_seq"]
    events = service.events(ended["id"], tail=count)
    assert [event.name for event in events[:2]] == ["", "snapshot"]
    assert events[1].id is None
    assert events[1].json == ended
    assert seqs(events) == list(range(max(0, last - count) + 1, last + 1))
    assert events[-1].name == "end"


def test_tail_counts_the_rows_that_pass_the_filter(service: Service, ended: dict[str, Any]) -> None:
    events = service.events(ended["id"], tail=4, step="one", events="job_log", level="error")
    assert [event.json["message"] for event in events if event.is_row] == ["error 0", "error 1", "error 2"]
    events = service.events(ended["id"], tail=2, step="one", events="job_log", level="error")
    assert [event.json["message"] for event in events if event.is_row] == ["error 1", "error 2"]


def test_after_wins_over_tail(service: Service, ended: dict[str, Any]) -> None:
    events = service.events(ended["id"], tail=1, after=ended["last_seq"] - 3)
    assert len(seqs(events)) == 3
    assert "snapshot" not in {event.name for event in events}


def test_tail_of_a_running_manager_goes_on(service: Service, tmp_path: Path) -> None:
    manager_id = service.run("waits", path=str(tmp_path / "go"))
    with service.stream(manager_id, tail=0) as events:
        next(events)
        snapshot = next(events).json
        assert snapshot["status"] in ("pending", "running")
        (tmp_path / "go").touch()
        rest = list(events)
    assert seqs(rest) == list(range(snapshot["last_seq"] + 1, rest[-1].json["last_seq"] + 1))


# -- filters


@pytest.mark.parametrize(
    "parameters",
    [
        {"step": "one"},
        {"step": "one,two"},
        {"step": "nosuch"},
        {"events": "job_status"},
        {"events": "job_log,step_progress"},
        *[{"level": level} for level in LEVELS],
        {"step": "two", "events": "job_log", "level": "warning"},
        {"job": "nosuch"},
    ],
    ids=lambda parameters: "&".join(f"{key}={value}" for key, value in parameters.items()),
)
def test_filters_choose_rows(service: Service, ended: dict[str, Any], parameters: dict[str, str]) -> None:
    def passes(row: dict[str, Any]) -> bool:
        wanted = {key: value.split(",") for key, value in parameters.items()}
        return (
            ("step" not in wanted or row.get("step_name") in wanted["step"])
            and ("job" not in wanted or row.get("job_id") in wanted["job"])
            and ("events" not in wanted or row["event"] in wanted["events"])
            and (
                "level" not in wanted
                or row["event"] != "job_log"
                or LEVELS.index(row["level"]) >= LEVELS.index(wanted["level"][0])
            )
        )

    every = service.rows(ended["id"])
    events = service.events(ended["id"], None, **parameters)
    expected = [row for row in every if passes(row)]
    assert [event.json for event in events if event.is_row] == expected
    end = events[-1]
    assert end.name == "end"
    assert end.json["sent_lines"] == sum(row["event"] == "job_log" for row in expected)
    assert end.json["total_lines"] == 25


def test_the_filter_by_worker_job(service: Service) -> None:
    manager = service.run_to_end("load-test", log_delay_ms=0, log_count=2)
    job = service.get(f"/managers/{manager['id']}/jobs")["items"][1]
    rows = service.rows(manager["id"], job=job["job_id"])
    assert {row["job_id"] for row in rows} == {job["job_id"]}
    assert {row["event"] for row in rows} == {"job_log", "job_status"}


# -- latest


def test_latest_is_the_manager_created_last(service: Service) -> None:
    older, newer = (service.run_to_end("levels")["id"] for _ in range(2))
    events = service.events("latest")
    assert {event.json["manager_id"] for event in events if event.is_row} == {newer}
    ids = [event.id for event in events if event.id]
    assert ids[:-1] == [f"{newer}:{seq}" for seq in seqs(events)]
    assert ids[-1] == f"{newer}:{len(seqs(events))}-end"
    # A reconnect goes on with the manager that the id names, also when a newer one has come.
    resumed = service.events("latest", {"Last-Event-ID": f"{older}:4"})
    assert {event.json["manager_id"] for event in resumed if event.is_row} == {older}
    assert seqs(resumed)[0] == 5
    last = resumed[-1].json["last_seq"]
    response = service.client.get("/managers/latest/events", headers={"Last-Event-ID": f"{older}:{last}-end"})
    assert response.status_code == 204
    # One that names no manager of ours starts the newest from its beginning.
    events = service.events("latest", {"Last-Event-ID": "nosuchmanager:4"})
    assert events[1].name == "reset"
    assert {event.json["manager_id"] for event in events if event.is_row} == {newer}


# -- gap, bye, ping


def test_a_gap_tells_which_rows_are_not_kept_any_more(service: Service) -> None:
    manager = service.run_to_end("levels")
    with sqlite3.connect(service.db) as db:
        db.execute("DELETE FROM log WHERE manager_id = ? AND seq BETWEEN 1 AND 10", (manager["id"],))
    events = service.events(manager["id"])
    assert [event.name for event in events[:2]] == ["", "gap"]
    assert events[1].json == {"from": 1, "to": 10}
    assert events[1].id is None
    assert seqs(events) == list(range(11, manager["last_seq"] + 1))
    events = service.events(manager["id"], after=4)
    assert events[1].json == {"from": 5, "to": 10}
    assert "gap" not in {event.name for event in service.events(manager["id"], after=10)}
    events = service.events(manager["id"], tail=1000)
    assert [event.name for event in events[:3]] == ["", "gap", "snapshot"]
    assert events[1].json == {"from": 1, "to": 10}
    assert seqs(events) == list(range(11, manager["last_seq"] + 1))


def test_a_hole_in_the_middle_is_told_too(service: Service) -> None:
    manager = service.run_to_end("levels")
    with sqlite3.connect(service.db) as db:
        db.execute("DELETE FROM log WHERE manager_id = ? AND seq BETWEEN 20 AND 22", (manager["id"],))
    events = service.events(manager["id"])
    names = [event.name for event in events]
    assert names.count("gap") == 1
    gap = names.index("gap")
    assert events[gap].json == {"from": 20, "to": 22}
    assert (events[gap - 1].json["seq"], events[gap + 1].json["seq"]) == (19, 23)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_stop_says_goodbye_and_the_client_goes_on_afterwards(
    make_service: Callable[..., Service], tmp_path: Path, number: int
) -> None:
    service = prepare(make_service())
    manager_id = service.run("waits", path=str(tmp_path / "never"))
    found: list[Event] = []
    waiting = threading.Event()

    def follow() -> None:
        with httpx.Client(base_url=service.url, timeout=20) as client:
            service_client, service.client = service.client, client
            with service.stream(manager_id) as events:
                service.client = service_client
                for event in events:
                    found.append(event)
                    if "waiting" in event.data:
                        waiting.set()

    thread = threading.Thread(target=follow)
    thread.start()
    assert waiting.wait(10)
    assert service.stop(number) == 0
    thread.join()
    assert found[-1].name == "bye"
    assert found[-1].id is None
    assert "end" not in {event.name for event in found}
    service.start()
    last_id = [event.id for event in found if event.id][-1]
    rest = service.events(manager_id, {"Last-Event-ID": last_id or ""})
    assert seqs(found) + seqs(rest) == list(range(1, rest[-1].json["last_seq"] + 1))
    assert rest[-1].json["status"] == "interrupted"


def test_too_many_streams_are_told_to_come_again(
    make_service: Callable[..., Service], tmp_path: Path
) -> None:
    """Not by an error: a browser's EventSource never comes back from one."""
    service = make_service()
    service.descriptors = 64 + 3  # the service keeps 64 for other things
    prepare(service)
    manager_id = service.run("waits", path=str(tmp_path / "go"))
    with ExitStack() as streams:
        opened = [streams.enter_context(service.stream(manager_id)) for _ in range(3)]
        for events in opened:
            assert next(events).retry == 1000
            assert next(events).json["seq"] == 1
        refused = service.events(manager_id)
        assert [event.name for event in refused] == ["", "busy"]
        assert refused[0].retry == 15_000
        assert refused[1].id is None
    (tmp_path / "go").touch()
    assert service.finish(manager_id)["status"] == "completed"


@pytest.mark.slow
def test_pings_come_in_silence_and_only_a_filtered_one_moves_the_position(
    service: Service, tmp_path: Path
) -> None:
    manager_id = service.run("waits", path=str(tmp_path / "go"))
    filtered: list[Event] = []

    def follow_filtered() -> None:
        filtered.extend(service.events(manager_id, step="nosuch"))

    thread = threading.Thread(target=follow_filtered)
    thread.start()
    with service.stream(manager_id) as events:
        for event in events:
            if event.name == "ping":
                (tmp_path / "go").touch()
                assert set(event.json) == {"last_seq", "now"}
                assert event.id is None
                break
        else:
            pytest.fail("no ping came")
    thread.join()
    ping = next(event for event in filtered if event.name == "ping")
    assert ping.id == str(ping.json["last_seq"])
    assert ping.json["last_seq"] > 0
