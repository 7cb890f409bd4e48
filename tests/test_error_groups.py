"""Promise: errors that say the same are one group, counted as they are written, in any database."""

import json
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlite_utils import Database

from jobs.creation import NewManager, NewStep
from jobs.log import Log
from jobs.redact import Redactor
from jobs.row import Source
from jobs.store import schema
from jobs.store.deletion import PIECE, delete_manager, delete_rows
from jobs.store.error_groups import MOST, error_groups
from jobs.store.store import Store
from tests.instructions import EVERY, instructions

Errors = list[tuple[str, Any]]


class Runs:
    """A database, and runs in it that write lines."""

    def __init__(self, path: Path) -> None:
        self.store = Store(path, "NORMAL", lambda commit: None, lambda error: None)
        self._log = Log(self.store.writer, Redactor())
        self._number = 0

    def begin(self, errors: Errors) -> str:
        """A new run with these errors, each after a line of another level, all queued; its manager's id."""
        self._number += 1
        manager_id = f"run{self._number}"
        step = Source(manager_id, f"{manager_id}.1", "a")
        manager = NewManager("d", "d", "", "d.toml", "interrupt", {})
        self._log.create(Source(manager_id), manager, [NewStep(step, "a", "", "t", [])])
        for message, data in errors:
            self._log.line(step, "worker", "warning", message, data)
            self._log.line(step, "worker", "error", message, data)
        return manager_id

    def write(self, errors: Errors) -> str:
        """The same, when it is committed."""
        manager_id = self.begin(errors)
        self._log.flush()
        return manager_id

    def groups(self, manager_id: str) -> list[dict[str, Any]]:
        """What a run says of its errors."""
        return self.store.readers.read(lambda db: error_groups(db, manager_id))

    def counted(self, manager_id: str) -> list[dict[str, Any]]:
        """The same by reading every error."""
        query = "SELECT data FROM log WHERE manager_id = ? AND level = 'error' ORDER BY seq"
        found = self.store.readers.read(lambda db: db.execute(query, (manager_id,)).fetchall())
        rows = [json.loads(data) for (data,) in found]
        said = [says(row) for row in rows]
        first = {text: row["seq"] for text, row in reversed(list(zip(said, rows, strict=True)))}
        groups = [
            {"message": text, "count": count, "first_seq": first[text]}
            for text, count in Counter(said).items()
        ]
        return sorted(groups, key=lambda group: (-group["count"], group["first_seq"]))[:MOST]

    def cost(self, manager_id: str) -> int:
        """How much SQLite has to do to tell of a run's errors."""

        def read(db: sqlite3.Connection) -> int:
            with instructions(db) as run:
                error_groups(db, manager_id)
            return run.count

        return self.store.readers.read(read)


def says(row: dict[str, Any]) -> str:
    exception = row["data"].get("exception") if isinstance(row.get("data"), dict) else None
    if isinstance(exception, dict):
        return f"{exception.get('class')}: {exception.get('text')}"
    message: str = row["message"]
    return message


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Runs]:
    runs = Runs(tmp_path / "x.db")
    yield runs
    assert runs.store.close(lambda tx: None, 10)


TEXTS = st.sampled_from(["", "broken", "it is \ud800 broken", "x" * 20_000, "zwölf\n", "a: b"])
DATA: st.SearchStrategy[Any] = st.sampled_from(
    [
        None,
        {},
        {"exception": 3},
        {"exception": {"class": "a", "text": "b"}},
        {"exception": {}},
        [1],
        "exception",
    ]
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(errors=st.lists(st.tuples(TEXTS, DATA), max_size=60))
def test_a_group_has_all_that_say_the_same(runs: Runs, errors: Errors) -> None:
    manager_id = runs.write(errors)
    assert runs.groups(manager_id) == runs.counted(manager_id)


def test_the_most_frequent_are_told(runs: Runs) -> None:
    manager_id = runs.write([(f"error {n % 150}", None) for n in range(225)])
    groups = runs.groups(manager_id)
    assert groups == runs.counted(manager_id)
    assert [group["count"] for group in groups] == [2] * 75 + [1] * 25


def test_what_it_costs_to_tell_does_not_grow_with_their_number(runs: Runs) -> None:
    few, many = (runs.write([(f"error {n % 5}", None) for n in range(count)]) for count in (10, 5_000))
    assert runs.groups(many)[0]["count"] == 1_000
    assert runs.cost(many) <= runs.cost(few) + EVERY


def test_nothing_is_counted_of_what_was_rolled_back(runs: Runs) -> None:
    go = threading.Event()
    runs.store.commit(lambda tx: go.wait())  # while the writer waits, what comes gathers for one transaction
    manager_id = runs.begin([("broken", None)])

    def fail(tx: Any) -> None:
        raise ValueError

    refused = runs.store.commit(fail)
    go.set()
    assert isinstance(refused.exception(), ValueError)
    runs.store.commit(lambda tx: None).result()
    assert [group["count"] for group in runs.groups(manager_id)] == [1]


def test_they_go_with_their_run(runs: Runs) -> None:
    manager_id = runs.write([("broken", None)])
    runs.store.commit(lambda tx: delete_rows(tx, manager_id)).result()
    assert runs.groups(manager_id) == []
    runs.store.commit(lambda tx: delete_manager(tx, manager_id)).result()
    assert runs.store.readers.read(lambda db: db.execute("SELECT * FROM error_groups").fetchall()) == []


def test_many_go_in_pieces(runs: Runs) -> None:
    """As the rows do: others have their turn between."""
    manager_id = runs.write([(f"error {n}", None) for n in range(5_000)])
    left = [5_000]
    query = "SELECT count(*) FROM error_groups"
    while runs.store.commit(lambda tx: delete_rows(tx, manager_id)).result():
        left.append(runs.store.readers.read(lambda db: db.execute(query).fetchone())[0])
    assert left[-1] == 0
    assert max(before - after for before, after in pairwise(left)) <= PIECE


def test_a_database_of_before_gets_its_groups(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "old.db") as db:
        schema.migrations.apply(Database(db), stop_before="add_error_groups")
        db.executemany(
            "INSERT INTO log (manager_id, seq, event, level, created_at, data)"
            " VALUES (?, ?, 'job_log', ?, '', ?)",
            [
                (manager_id, seq, "error" if seq % 2 else "info", json.dumps({"message": f"{seq % 3}"}))
                for manager_id in ("m", "n")
                for seq in range(1, 13)
            ],
        )
        schema.migrations.apply(Database(db))
        expected = [("1", 2, 1), ("0", 2, 3), ("2", 2, 5)]
        for manager_id in ("m", "n"):
            groups = error_groups(db, manager_id)
            assert [tuple(group.values()) for group in groups] == expected
    db.close()
