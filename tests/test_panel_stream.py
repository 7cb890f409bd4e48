"""Promise: ``GET /events`` tells of all managers and the rows of one, and does not end when a run does."""

import json
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.service_process import Headers, Service
from tests.sse import Event, parse

WORKERS = """
    from pathlib import Path
    import anyio
    from jobs import Job, worker

    @worker("once_it_may")
    async def once_it_may(step: Job, path: str, jobs: int) -> None:
        for number in range(jobs):
            step.spawn(wait, path, number)

    async def wait(job: Job, path: str, number: int) -> None:
        job.log.info("waiting")
        while not Path(path).exists():
            await anyio.sleep(0.01)
        if "fails" in Path(path).read_text():
            raise ValueError("it fails")
"""
DEFINITION = """
    max_running = 100
    [params]
    path = "/"
    jobs = 2
    [step.wait]
    type = "once_it_may"
    path = "{params.path}"
    jobs = "{params.jobs}"
    concurrency = 100
"""


def prepared(folder: Path) -> Service:
    service = Service(folder)
    service.add_workers("panel", WORKERS)
    service.define("waits", DEFINITION)
    return service.start()


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Service]:
    """A service that nobody else uses."""
    service = prepared(tmp_path)
    yield service
    assert service.stop() == 0


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = prepared(tmp_path_factory.mktemp("panel"))
    yield service
    assert service.stop() == 0


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """What the worker jobs wait for."""
    return tmp_path / "gate"


@contextmanager
def panel(service: Service, headers: Headers | None = None, **parameters: Any) -> Iterator[Iterator[Event]]:
    with service.client.stream("GET", "/events", params=parameters, headers=headers) as response:
        assert response.status_code == 200, response.read()
        yield parse(response.iter_raw())


def until(events: Iterator[Event], wanted: Callable[[Event], bool]) -> list[Event]:
    """The events up to the first wanted one."""
    found = []
    for event in events:
        found.append(event)
        if wanted(event):
            return found
    raise AssertionError(f"the stream ended after {[event.name for event in found]}")


def greeting(service: Service) -> list[Event]:
    """What a panel gets at once."""
    count = min(50, len(service.get("/managers", limit=1000)["items"]))
    with panel(service) as events:
        return [next(events) for _ in range(2 + count)]


def counted(service: Service) -> dict[str, dict[str, int]]:
    """The totals as the tables say."""
    with sqlite3.connect(service.db) as db:
        managers = dict(db.execute("SELECT status, count(*) FROM managers GROUP BY status"))
        jobs = dict(db.execute("SELECT status, count(*) FROM jobs GROUP BY status"))
    return {"managers": managers, "jobs": jobs}


def not_zero(stats: Event) -> dict[str, dict[str, int]]:
    assert stats.name == "stats"
    return {of: {status: n for status, n in counts.items() if n} for of, counts in stats.json.items()}


def is_end(event: Event) -> bool:
    return event.name == "end"


# -- all managers


def test_it_begins_with_the_totals_and_the_newest_managers(empty: Service, gate: Path) -> None:
    assert empty.client.get("/events?manager_id=latest").status_code == 404
    gate.write_text("")
    for _ in range(53):
        empty.run_to_end("waits", path=str(gate), jobs=1)
    retry, stats, *managers = greeting(empty)
    assert (retry.retry, retry.name) == (1000, "")
    assert stats.json == {
        "managers": dict.fromkeys(stats.json["managers"], 0) | {"completed": 53},
        "jobs": dict.fromkeys(stats.json["jobs"], 0) | {"completed": 53},
    }
    assert len(stats.json["managers"]) == 8
    assert len(stats.json["jobs"]) == 6
    assert {event.name for event in managers} == {"manager"}
    newest = empty.get("/managers", limit=50)["items"]
    assert [event.json for event in managers] == newest[::-1]
    assert all(event.id is None for event in (stats, *managers))


def test_it_tells_every_change_and_the_last_one_always(empty: Service, gate: Path) -> None:
    with panel(empty) as events:
        first = [next(events), next(events)]
        assert not_zero(first[1]) == {"managers": {}, "jobs": {}}
        ids = [empty.run("waits", path=str(gate), jobs=3) for _ in range(3)]
        seen: dict[str, Any] = {}
        for event in events:
            if event.name == "manager":
                seen[event.json["id"]] = event.json
            if len(seen) == 3 and all(manager["running_jobs"] == 3 for manager in seen.values()):
                break
        gate.write_text("")
        stats = None
        for event in events:
            if event.name == "manager":
                seen[event.json["id"]] = event.json
            elif event.name == "stats":
                stats = event
            if stats and not_zero(stats) == {"managers": {"completed": 3}, "jobs": {"completed": 9}}:
                break
    for manager_id in ids:
        detail = empty.get(f"/managers/{manager_id}")
        assert seen[manager_id] == {key: detail[key] for key in seen[manager_id]}


def test_what_changes_all_the_time_is_told_four_times_a_second_at_most(empty: Service, gate: Path) -> None:
    started = time.monotonic()
    with panel(empty) as events:
        manager_id = empty.run("waits", path=str(gate), jobs=400)
        gate.write_text("")
        done = {"managers": {"completed": 1}, "jobs": {"completed": 400}}
        found = until(events, lambda event: event.name == "stats" and not_zero(event) == done)
    rounds = 4 * (time.monotonic() - started) + 2
    assert sum(event.name == "stats" for event in found) <= rounds
    assert sum(event.name == "manager" and event.json["id"] == manager_id for event in found) <= rounds


def test_the_totals_are_those_of_the_tables(empty: Service, gate: Path) -> None:
    """Also after failures, cancels, retries, deletions and a death."""
    gate.write_text("fails")
    failed = empty.run_to_end("waits", path=str(gate))["id"]
    kept = empty.run_to_end("waits", path=str(gate), jobs=5)["id"]
    waiting = str(gate.with_name("never"))
    cancelled = empty.run("waits", path=waiting)
    assert empty.post(f"/managers/{cancelled}/cancel", {}).status_code == 202
    empty.finish(cancelled)
    assert not_zero(greeting(empty)[1]) == counted(empty)
    gate.write_text("")
    assert empty.post(f"/managers/{failed}/retry", {}).status_code == 202
    empty.finish(failed)
    assert not_zero(greeting(empty)[1]) == counted(empty)
    with panel(empty) as events:
        until(events, lambda event: event.name == "manager" and event.json["id"] == cancelled)
        assert empty.client.delete(f"/managers/{kept}").status_code == 204
        (stats,) = until(events, lambda event: event.name == "stats")
    assert not_zero(stats) == counted(empty)
    living = empty.run("waits", path=waiting, jobs=3)
    with panel(empty, manager_id=living) as events:
        until(events, lambda event: event.is_row and event.json.get("message") == "waiting")
    empty.kill()
    empty.start()
    totals = not_zero(greeting(empty)[1])
    assert totals == counted(empty)
    assert totals["jobs"]["interrupted"] == 3


# -- the rows of one


def test_the_rows_of_the_chosen_one_come_too_and_its_end_does_not_end_the_stream(
    service: Service, gate: Path
) -> None:
    gate.write_text("fails")
    manager_id = service.run("waits", path=str(gate))
    other = service.run("waits", path=str(gate))
    with panel(service, manager_id=manager_id) as events:
        found = until(events, is_end)
        rows = [event for event in found if event.is_row]
        assert [event.json["seq"] for event in rows] == list(range(1, len(rows) + 1))
        assert {event.json["manager_id"] for event in rows} == {manager_id}
        assert [event.id for event in rows] == [str(event.json["seq"]) for event in rows]
        assert all(event.id is None for event in found if not event.is_row and not is_end(event))
        assert found[-1].id == f"{len(rows)}-end"
        assert found[-1].json["last_seq"] == len(rows)
        service.finish(other)
        # A retry goes on where the stream is.
        gate.write_text("")
        assert service.post(f"/managers/{manager_id}/retry", {}).status_code == 202
        again = until(events, is_end)
        more = [event.json["seq"] for event in again if event.is_row]
        assert more == list(range(len(rows) + 1, again[-1].json["last_seq"] + 1))
        assert again[-1].json["status"] == "completed"
        assert again[-1].json["sent_lines"] == again[-1].json["total_lines"]
        # And other managers are still told.
        third = service.run("waits", path=str(gate))
        until(events, lambda event: event.name == "manager" and event.json["id"] == third)


def test_its_rows_are_the_same_bytes_as_those_of_the_managers_own_stream(
    service: Service, gate: Path
) -> None:
    gate.write_text("")
    manager_id = service.run_to_end("waits", path=str(gate))["id"]
    own = service.events(manager_id)
    with panel(service, manager_id=manager_id) as events:
        assert [event for event in until(events, is_end) if event.is_row or is_end(event)] == own[1:]
    with panel(service, manager_id=manager_id, batch="true", level="info") as events:
        found = until(events, is_end)
    batched = [row for event in found if event.name == "rows" for row in event.json]
    assert batched == [event.json for event in service.events(manager_id, level="info") if event.is_row]
    with panel(service, manager_id=manager_id, tail=1) as events:
        names = [event.name for event in until(events, is_end)]
    assert [name for name in names if name not in ("", "stats", "manager")] == [
        "snapshot",
        "job_status",
        "end",
    ]


def test_a_client_that_has_its_end_gets_no_second_one_but_everything_else(
    service: Service, gate: Path
) -> None:
    gate.write_text("fails")
    manager_id = service.run_to_end("waits", path=str(gate))["id"]
    last = service.get(f"/managers/{manager_id}")["last_seq"]
    with panel(service, {"Last-Event-ID": f"{last}-end"}, manager_id=manager_id) as events:
        other = service.run("waits", path=str(gate))
        found = until(
            events,
            lambda event: (
                event.name == "manager" and (event.json["id"], event.json["status"]) == (other, "failed")
            ),
        )
        assert {event.name for event in found} <= {"", "stats", "manager"}
        gate.write_text("")
        service.post(f"/managers/{manager_id}/retry", {})
        again = until(events, is_end)
        assert next(event for event in again if event.is_row).json["seq"] == last + 1
    with panel(service, {"Last-Event-ID": str(last)}, manager_id=manager_id) as events:
        assert next(event for event in until(events, is_end) if event.is_row).json["seq"] == last + 1


def test_latest_stays_with_its_manager(service: Service, gate: Path) -> None:
    gate.write_text("")
    first = service.run_to_end("waits", path=str(gate))["id"]
    with panel(service, manager_id="latest") as events:
        end = until(events, is_end)[-1]
    assert end.id == f"{first}:{end.json['last_seq']}-end"
    service.run_to_end("waits", path=str(gate))
    with panel(service, {"Last-Event-ID": f"{first}:3"}, manager_id="latest") as events:
        rows = [event for event in until(events, is_end) if event.is_row]
    assert (rows[0].id, rows[0].json["manager_id"]) == (f"{first}:4", first)


def test_a_position_beyond_the_log_is_reset(service: Service, gate: Path) -> None:
    gate.write_text("")
    manager_id = service.run_to_end("waits", path=str(gate))["id"]
    with panel(service, manager_id=manager_id, after=10_000) as events:
        found = [event for event in until(events, is_end) if event.name not in ("", "stats", "manager")]
    assert found[0].name == "reset"
    assert found[1].json["seq"] == 1


def test_who_comes_after_a_deletion_is_told_of_nothing_that_is_gone(empty: Service, gate: Path) -> None:
    gate.touch()
    managers = [empty.run_to_end("waits", path=str(gate))["id"] for _ in range(8)]
    with panel(empty):  # so that what panels are told is remembered
        for manager_id in managers:
            assert manager_id in [event.json.get("id") for event in greeting(empty)[1:]]
            assert empty.client.delete(f"/managers/{manager_id}").status_code == 204
            assert manager_id not in [event.json.get("id") for event in greeting(empty)[1:]]


def test_a_deleted_manager_leaves_the_stream_open(service: Service, gate: Path) -> None:
    gate.write_text("")
    manager_id = service.run_to_end("waits", path=str(gate))["id"]
    with panel(service, manager_id=manager_id) as events:
        until(events, is_end)
        assert service.client.delete(f"/managers/{manager_id}").status_code == 204
        assert not_zero(until(events, lambda event: event.name == "stats")[-1]) == counted(service)
        other = service.run("waits", path=str(gate))
        until(events, lambda event: event.name == "manager" and event.json["id"] == other)


# -- refusals, and the stop


@pytest.mark.parametrize(
    ("query", "status", "where"),
    [
        ("manager_id=nobody", 404, None),
        ("manger_id=x", 400, "manger_id"),
        ("tail=x", 400, "tail"),
        ("events=job_lag", 400, "events"),
    ],
)
def test_refusals(service: Service, query: str, status: int, where: str | None) -> None:
    answer = service.client.get(f"/events?{query}")
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    if where:
        assert answer.json()["errors"][0]["where"] == where


@pytest.mark.parametrize("chosen", [False, True])
def test_a_stop_says_goodbye(empty: Service, gate: Path, chosen: bool) -> None:
    gate.write_text("")
    manager_id = empty.run_to_end("waits", path=str(gate))["id"]
    with panel(empty, **({"manager_id": manager_id} if chosen else {})) as events:
        until(events, is_end if chosen else lambda event: event.name == "manager")
        empty.process.send_signal(signal.SIGTERM)
        assert [event.name for event in events if event.name not in ("stats", "manager")] == ["bye"]
    assert empty.stop() == 0
    empty.start()


def test_a_database_of_before_gets_its_totals(empty: Service, gate: Path) -> None:
    gate.write_text("fails")
    empty.run_to_end("waits", path=str(gate))
    assert empty.stop() == 0
    with sqlite3.connect(empty.db) as db:
        for kind, name in db.execute(
            "SELECT type, name FROM sqlite_master WHERE type = 'trigger' OR name LIKE '%_totals'"
        ).fetchall():
            db.execute(f"DROP {kind} {name}")
        assert db.execute("DELETE FROM _sqlite_migrations WHERE name = 'add_totals'").rowcount == 1
    empty.start()
    assert not_zero(greeting(empty)[1]) == counted(empty)
    assert json.loads(greeting(empty)[1].data)["managers"]["failed"] == 1


SLOW = """
    import anyio
    from jobs.web.overview import ROUND_SECONDS, Overview

    look = Overview._look

    async def slow(self, ids):
        await anyio.sleep(2 * ROUND_SECONDS)
        await look(self, ids)

    Overview._look = slow
"""


def test_a_round_that_takes_long_ends_nothing(make_service: Callable[..., Service]) -> None:
    service = make_service()
    service.add_workers("slow", SLOW)
    service.start()
    with panel(service) as events:
        for _ in range(2):
            manager_id = service.run("load-test", worker_count=1, log_count=1, log_delay_ms=0)
            wanted = (event.json for event in events if event.name == "manager")
            assert any(one["id"] == manager_id and one["finished_at"] for one in wanted)
    assert service.get("/healthz")["status"] == "ok"
