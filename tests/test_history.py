"""How long did a step take before? Asked of a real database, which is never searched from end to end."""

import sqlite3
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from jobs.creation import NewManager, NewStep
from jobs.log import Log
from jobs.redact import Redactor
from jobs.row import Source
from jobs.state import Outcome
from jobs.status import Status
from jobs.store.history import RUNS_LOOKED_AT, step_durations
from jobs.store.store import Store
from jobs.store.transaction import Transaction

STEPS = ("find", "keep")


class History:
    """A database, and runs in it that are over."""

    def __init__(self, path: Path) -> None:
        self.store = Store(path, "NORMAL", lambda ids: None, lambda error: None)
        self._log = Log(self.store.writer, Redactor())
        self._runs = 0

    def add(
        self, seconds: float, definition: str = "town", status: Status = "completed", attempt: int = 1
    ) -> None:
        """A run whose step ``find`` took some seconds; ``keep`` took 1,000 more."""
        self._runs += 1
        manager = Source(f"run{self._runs}")
        steps = [
            Source(manager.manager_id, f"{manager.manager_id}.{n}", name) for n, name in enumerate(STEPS)
        ]
        new = [NewStep(step, step.step_name or "", "", "type", []) for step in steps]
        self._log.create(manager, NewManager(definition, "name", "", "town.toml", "interrupt", {}), new)
        for step, more in zip(steps, (0, 1000), strict=True):
            self._log.step_status(step, step.step_name or "", Outcome("pending", "running"))
            outcome = Outcome("running", status, None, seconds + more)
            self.store.commit(partial(_set_attempt, step_id=step.step_id or "", attempt=attempt))
            self._log.step_status(step, step.step_name or "", outcome)

    def durations(self, limit: int = 20) -> list[float]:
        """Those of the step ``find`` of ``town``."""
        self._log.flush()
        return self.store.readers.read(lambda db: step_durations(db, "town", "find", limit))


def _set_attempt(tx: Transaction, step_id: str, attempt: int) -> None:
    tx.update("steps", "step_id", step_id, "running", {"attempt": attempt})


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    history = History(tmp_path / "x.db")
    yield history
    assert history.store.close(lambda tx: None, 10)


def test_without_runs_there_is_none(history: History) -> None:
    assert history.durations() == []


def test_the_newest_come_first_and_no_more_than_wanted(history: History) -> None:
    for seconds in range(5):
        history.add(seconds)
    assert history.durations() == [4, 3, 2, 1, 0]
    assert history.durations(limit=2) == [4, 3]


def test_only_what_completed_at_its_first_attempt_is_comparable(history: History) -> None:
    history.add(1)
    history.add(2, definition="village")
    history.add(3, status="failed")
    history.add(4, status="completed_with_warnings")
    history.add(5, attempt=2)
    history.add(6)
    assert history.durations() == [6, 1]


def test_it_looks_at_the_newest_runs_only(history: History) -> None:
    history.add(1)
    for _ in range(RUNS_LOOKED_AT - 1):
        history.add(2, status="failed")
    assert history.durations() == [1]
    history.add(3, status="failed")
    assert history.durations() == []


def test_no_table_is_read_from_end_to_end(history: History) -> None:
    """What SQLite says it does: both tables by an index; of the query itself only the runs it looks at."""
    traced: list[str] = []

    def plan(db: sqlite3.Connection) -> list[str]:
        db.set_trace_callback(traced.append)
        step_durations(db, "town", "find")
        db.set_trace_callback(None)
        (query,) = traced
        return [row["detail"] for row in db.execute(f"EXPLAIN QUERY PLAN {query}")]

    steps = history.store.readers.read(plan)
    searches = [step for step in steps if step.startswith("SEARCH")]
    assert [step for step in steps if step.startswith("SCAN")] == ["SCAN newest"]
    assert ["managers_definition" in searches[0], "steps_manager" in searches[1]] == [True, True]
