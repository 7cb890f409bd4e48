"""Promise: a definition with a schedule is run when it is due, once, and says what was skipped."""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from sqlite_utils import Database

from jobs.engine import Engine
from jobs.schedule import rfc3339
from jobs.store import file_check, runs, schema
from tests.service_process import Service

NIGHTLY = """
    name = "Nightly backup"
    schedule = "{schedule}"
    timezone = "{timezone}"
    enabled = {enabled}
    max_running = {max_running}
    [params]
    size = 3
    [step.copy]
    type = "test_job_generator"
    worker_count = 1
    log_count = {lines}
    log_delay_ms = 20
    """
DEFAULTS = {"schedule": "0 3 * * *", "timezone": "UTC", "enabled": "true", "max_running": 9, "lines": 1}
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SECONDS = 10
T = TypeVar("T")


def until(look: Callable[[], T]) -> T:
    """What a look gives, once that is something."""
    deadline = time.monotonic() + SECONDS
    while not (found := look()):
        assert time.monotonic() < deadline, "it did not come in time"
        time.sleep(0.01)
    return found


class Town:
    """An engine whose schedules go by a clock that a test sets, and that looks at them when told to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = NOON
        self.open()

    def open(self) -> None:
        self.engine = Engine(
            self.folder / "x.db",
            self.folder,
            self.folder,
            {},
            "NORMAL",
            20,
            clock=lambda: self.now.timestamp(),
        )

    def reopen(self) -> None:
        self.close()
        self.open()

    def close(self) -> None:
        self.engine.drain()
        assert self.engine.close()

    def define(self, name: str = "nightly", **values: Any) -> None:
        text = NIGHTLY.format(**{**DEFAULTS, **values})
        path = self.folder / f"{name}.toml"
        path.write_text(text, encoding="utf-8")
        os.utime(path, (self.now.timestamp(), self.now.timestamp()))

    def look(self, *, at: datetime | None = None) -> float:
        """One look, and all that it starts."""
        self.now = at or self.now
        pause = self.begin()
        self.engine.scheduler.look()
        return pause

    def begin(self) -> float:
        """One look, and the end of what it starts, of which the scheduler takes no note yet."""
        scheduler = self.engine.scheduler
        pause = scheduler.look()
        until(lambda: all(starting.done() for starting in scheduler._starting.values()))
        return pause

    def starts(self) -> list[str]:
        """What the first lines of all runs say, oldest first."""

        def first_lines(db: sqlite3.Connection) -> list[str]:
            rows = db.execute(
                "SELECT json_extract(data, '$.message') AS message FROM log"
                " WHERE event = 'job_log' AND line_number = 1 AND step_name IS NULL ORDER BY id"
            )
            return [row["message"] for row in rows]

        live = ["pending", "running"]
        until(lambda: not self.engine.readers.read(lambda db: runs.managers(db, live, None, None, 9)))
        return self.engine.readers.read(first_lines)

    def outlook(self, name: str = "nightly") -> dict[str, Any]:
        definition = self.engine.catalogue.get(name)
        assert definition
        return self.engine.scheduler.outlook(definition)


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    town = Town(tmp_path)
    yield town
    town.close()


def started(*due: str) -> list[str]:
    return [f"Started nightly by its schedule, due at 2026-{each}:00.000000Z with size = 3" for each in due]


def test_a_due_run_is_started_once_and_says_why(town: Town) -> None:
    town.define()
    town.look()
    assert town.starts() == []
    assert town.outlook() == {"next_run_at": "2026-11-23T03:00:00.000000Z", "last_skipped": None}
    town.look(at=NOON + 15 * HOUR - timedelta(milliseconds=1))
    assert town.starts() == []
    for _ in range(3):
        town.look(at=NOON + 15 * HOUR)
    assert town.starts() == started("11-23T03:00")
    assert town.outlook()["next_run_at"] == "2026-11-24T03:00:00.000000Z"


def test_the_next_look_is_when_the_first_is_due(town: Town) -> None:
    town.define()
    assert town.look() == 2
    assert town.look(at=NOON + 15 * HOUR - timedelta(seconds=1)) == 1
    town.define("other", schedule="59 2 * * *")
    assert town.look(at=NOON + 14 * HOUR + timedelta(minutes=58, seconds=59.5)) == 0.5


def test_what_was_missed_is_made_up_by_one_run(town: Town) -> None:
    town.define(schedule="*/10 * * * *")
    town.look()
    town.reopen()
    town.look(at=NOON + 5 * DAY + timedelta(minutes=25))
    town.look()
    assert town.starts() == started("11-27T12:20")
    town.look(at=NOON + 5 * DAY + timedelta(minutes=30))
    assert town.starts() == started("11-27T12:20", "11-27T12:30")


@pytest.mark.parametrize("restart", [False, True])
def test_a_clock_that_is_set_runs_nothing_twice(town: Town, restart: bool) -> None:
    town.define(schedule="0 * * * *")
    town.look()
    for moment in (NOON + HOUR, NOON, NOON + HOUR / 2, NOON + HOUR, NOON + 2 * HOUR, NOON + 2 * HOUR + DAY):
        if restart:
            town.reopen()
        town.look(at=moment)
    assert town.starts() == started("11-22T13:00", "11-22T14:00", "11-23T14:00")
    assert town.outlook()["next_run_at"] == "2026-11-23T15:00:00.000000Z"
    town.look(at=NOON + 2 * HOUR)
    assert town.outlook()["next_run_at"] == "2026-11-23T15:00:00.000000Z", "the hours before are done"


def test_a_clock_that_was_years_ahead_does_not_silence_a_schedule(town: Town) -> None:
    town.define(schedule="0 * * * *")
    town.look(at=NOON + 365 * DAY)
    town.look(at=NOON)
    town.look(at=NOON + HOUR)
    assert town.starts() == started("11-22T13:00")


def test_what_was_saved_in_time_runs_though_it_was_seen_late(town: Town) -> None:
    town.look(at=NOON + 59 * HOUR / 60)
    town.define(schedule="0 * * * *")
    town.look(at=NOON + 61 * HOUR / 60)
    assert town.starts() == started("11-22T13:00")
    town.now = NOON + 121 * HOUR / 60
    town.define("late", schedule="0 * * * *")
    town.look()
    assert town.starts() == started("11-22T13:00", "11-22T14:00"), "only of the one that was there"


@pytest.mark.parametrize(
    "changes",
    [
        [{"enabled": "false"}, {}],
        [{"max_running": 0}, {}],
        [{"schedule": ""}, {}],
        [None, {}],
        [{"schedule": "0 3,4 * * *"}],
        [{"timezone": "Europe/Vienna"}],
    ],
    ids=["disabled", "invalid", "by hand", "removed", "other schedule", "other time zone"],
)
def test_nothing_is_made_up_for_a_time_when_it_was_not_active(
    town: Town, changes: list[dict[str, Any] | None]
) -> None:
    town.define()
    town.look()
    for change in changes:
        town.now += HOUR if change == changes[0] else DAY
        if change is None:
            (town.folder / "nightly.toml").unlink()
        else:
            town.define(**change)
        town.look()
    assert town.starts() == []
    next_run_at = town.outlook()["next_run_at"]
    assert next_run_at > rfc3339(town.now)
    town.look(at=datetime.fromisoformat(next_run_at))
    assert town.starts() == started(next_run_at.removeprefix("2026-")[:11])


@pytest.mark.parametrize("values", [{"enabled": "false"}, {"max_running": 0}, {"schedule": ""}])
def test_what_cannot_be_run_by_a_schedule_has_no_next_run(town: Town, values: dict[str, Any]) -> None:
    town.define(**values)
    town.look()
    assert town.outlook() == {"next_run_at": None, "last_skipped": None}
    town.look(at=NOON + 3 * DAY)
    assert town.starts() == []


def test_too_many_runs_are_a_skip_that_is_remembered(town: Town) -> None:
    town.define(max_running=1, lines=1000)
    town.define("other")
    town.look()
    town.look(at=NOON + DAY)
    running = until(lambda: town.engine.readers.read(runs.latest))
    town.look(at=NOON + 2 * DAY)
    skipped = {
        "due_at": "2026-11-24T03:00:00.000000Z",
        "reason": "nightly is already running (max_running = 1)",
    }
    assert town.outlook()["last_skipped"] == skipped
    assert town.outlook()["next_run_at"] == "2026-11-25T03:00:00.000000Z"
    assert town.outlook("other")["last_skipped"] is None
    town.reopen()
    assert town.outlook()["last_skipped"] == skipped
    assert running


def test_a_definition_that_fails_to_start_keeps_no_other(town: Town) -> None:
    town.define("other")
    path = town.folder / "nightly.toml"
    environ = {"WORD": "x"}
    town.engine.catalogue._environ = environ
    path.write_text(
        'schedule = "0 3 * * *"\n[step.a]\ntype = "places_search"\nlist_name = "{env.WORD}"\n',
        encoding="utf-8",
    )
    town.look()
    town.look(at=NOON + DAY)
    skipped = town.outlook()["last_skipped"]
    assert skipped["due_at"] == "2026-11-23T03:00:00.000000Z"
    assert "WORD" in skipped["reason"]
    assert [line.split()[1] for line in town.starts()] == ["other"]


def test_a_run_and_the_memory_of_its_due_time_are_one_transaction(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    town.define()
    town.look()

    def broken(*args: Any, **values: Any) -> None:
        raise OSError("the disk is gone")

    with monkeypatch.context() as patch:
        patch.setattr("jobs.store.schedules.rfc3339", broken)
        town.now = NOON + DAY
        town.begin()
    assert town.starts() == []
    town.look()
    assert town.starts() == started("11-23T03:00")


def test_nothing_is_started_while_the_service_stops(town: Town) -> None:
    town.define()
    town.look()
    town.engine.drain()
    town.look(at=NOON + DAY)
    town.look(at=NOON + DAY)
    assert town.outlook()["last_skipped"] is None
    town.reopen()
    town.look()
    assert town.starts() == started("11-23T03:00")


BLOCK = """
import time
from pathlib import Path
from jobs import Job, worker

@worker("block")
async def block(step: Job, go: str) -> None:
    Path(go + ".blocked").touch()
    while not Path(go).exists():
        time.sleep(0.01)
"""


def test_a_look_that_meets_the_end_of_the_service_is_no_trouble(
    town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    town.define()
    town.close()
    town.engine.scheduler.look()
    town.open()
    assert not caplog.records


def test_a_worker_that_blocks_the_loop_delays_runs_but_no_look(tmp_path: Path) -> None:
    (tmp_path / "block.py").write_text(BLOCK, encoding="utf-8")
    go = tmp_path / "go"
    (tmp_path / "block.toml").write_text(
        f'schedule = "0 2 * * *"\n[step.a]\ntype = "block"\ngo = "{go}"\n', encoding="utf-8"
    )
    town = Town(tmp_path)
    town.define()
    town.define("other", schedule="0 4 * * *")
    town.look()
    town.look(at=NOON + 14 * HOUR)
    until((tmp_path / "go.blocked").exists)
    for moment in (NOON + 15 * HOUR, NOON + 16 * HOUR, NOON + 40 * HOUR):
        town.now = moment
        before = time.monotonic()
        town.engine.scheduler.look()
        assert time.monotonic() - before < 1
    assert town.outlook()["next_run_at"] == "2026-11-25T03:00:00.000000Z"
    go.touch()
    town.look()
    assert town.starts()[1:] == [
        *started("11-24T03:00"),
        "Started other by its schedule, due at 2026-11-24T04:00:00.000000Z with size = 3",
    ]
    town.close()


def test_a_database_of_the_version_before_is_brought_up_to_date(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "x.db")
    connection.execute(f"PRAGMA application_id = {file_check.APPLICATION_ID}")
    schema.migrations.apply(Database(connection), stop_before="add_schedules")
    connection.close()
    town = Town(tmp_path)
    town.define()
    town.look()
    town.look(at=NOON + DAY)
    assert town.starts() == started("11-23T03:00")
    town.close()


# -- with a real service, and the real time


def remember(service: Service, name: str, due: datetime) -> None:
    """Set what a service that is stopped remembers."""
    with sqlite3.connect(service.db) as connection:
        changed = connection.execute(
            "UPDATE schedules SET due = ? WHERE definition = ?", (rfc3339(due), name)
        )
        assert changed.rowcount == 1
    connection.close()


def is_seen(service: Service, name: str) -> bool:
    with sqlite3.connect(service.db) as connection:
        found = connection.execute("SELECT 1 FROM schedules WHERE definition = ?", (name,)).fetchall()
    connection.close()
    return bool(found)


@pytest.mark.slow
def test_a_downtime_is_made_up_by_one_run(make_service: Callable[..., Service]) -> None:
    service = make_service().start()
    service.define("nightly", NIGHTLY.format(**{**DEFAULTS, "schedule": "0 0 1 1 *"}))
    until(lambda: is_seen(service, "nightly"))
    year = datetime.now(UTC).year
    next_run_at = f"{year + 1}-01-01T00:00:00.000000Z"
    listed = {each["id"]: each for each in service.get("/definitions")["items"]}
    for item in (service.get("/definitions/nightly"), listed["nightly"]):
        assert (item["id"], item["next_run_at"], item["last_skipped"]) == ("nightly", next_run_at, None)
    service.stop()
    remember(service, "nightly", datetime(year - 3, 6, 1, tzinfo=UTC))
    service.start()
    (manager,) = until(lambda: service.get("/managers")["items"])
    service.finish(manager["id"])
    first = service.get(f"/managers/{manager['id']}/log", format="json")["items"][0]
    due_at = f"{year}-01-01T00:00:00.000000Z"
    assert first["message"] == f"Started nightly by its schedule, due at {due_at} with size = 3"
    service.kill()
    service.start()
    assert until(lambda: service.get("/definitions/nightly")["next_run_at"]) == next_run_at
    assert len(service.get("/managers")["items"]) == 1


@pytest.mark.slow
def test_a_run_that_goes_on_comes_before_one_that_is_made_up(make_service: Callable[..., Service]) -> None:
    service = make_service().start()
    nightly = NIGHTLY.format(**{**DEFAULTS, "schedule": "0 0 1 1 *", "max_running": 1, "lines": 2000})
    service.define("nightly", f'on_restart = "resume"\n{nightly}')
    others = NIGHTLY.format(**{**DEFAULTS, "schedule": "", "max_running": 30, "lines": 2000})
    service.define("others", f'on_restart = "resume"\n{others}')
    for _ in range(30):  # which go on before it
        service.run("others")
    manager_id = service.run("nightly")
    until(lambda: is_seen(service, "nightly"))
    until(lambda: service.get(f"/managers/{manager_id}")["log_counts"]["info"] > 5)
    service.kill()
    remember(service, "nightly", datetime(2024, 6, 1, tzinfo=UTC))
    service.start()
    skipped = until(lambda: service.get("/definitions/nightly")["last_skipped"])
    assert skipped["reason"] == "nightly is already running (max_running = 1)"
    (manager,) = service.get("/managers", definition="nightly")["items"]
    assert (manager["id"], manager["status"], manager["attempt"]) == (manager_id, "running", 2)


@pytest.mark.slow
@pytest.mark.timeout(90)
def test_a_run_starts_within_a_second_of_its_minute(make_service: Callable[..., Service]) -> None:
    service = make_service().start()
    if (second := datetime.now(UTC).second) > 50:  # it may take seconds until a new file is seen
        time.sleep(61 - second)
    service.define("nightly", NIGHTLY.format(**{**DEFAULTS, "schedule": "* * * * *"}))
    due_at = datetime.fromisoformat(service.get("/definitions/nightly")["next_run_at"])
    time.sleep((due_at - datetime.now(UTC)).total_seconds())
    manager = until(lambda: service.get("/managers")["items"])[0]
    created_at = datetime.fromisoformat(manager["created_at"])
    assert timedelta(0) <= created_at - due_at < timedelta(seconds=1)
    assert len(service.get("/managers")["items"]) == 1
