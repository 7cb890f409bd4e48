"""What is kept of a run, so that it can go on? Its definition's text, its steps and its worker jobs."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from jobs.status import Status, StepState


@dataclass(frozen=True)
class KeptManager:
    """A run. ``params`` is sealed JSON."""

    manager_id: str
    definition: str
    status: Status
    attempt: int
    toml: str
    path: str
    params: str


@dataclass(frozen=True)
class KeptStep:
    """A step of a run."""

    step_id: str
    name: str
    attempt: int
    state: StepState

    @property
    def status(self) -> Status:
        """Its status."""
        return self.state.status


@dataclass(frozen=True)
class KeptJob:
    """A worker job. ``arguments`` and ``result`` are sealed JSON."""

    job_id: str
    parent_id: str
    step_id: str
    name: str
    function: str
    arguments: str
    status: Status
    attempt: int
    result: str | None


def kept_run(db: sqlite3.Connection, manager_id: str) -> tuple[KeptManager, list[KeptStep]] | None:
    """A manager and its steps, in file order; None if there is none."""
    row = db.execute(
        "SELECT id, definition, status, attempt, toml, coalesce(path, definition), params"
        " FROM managers WHERE id = ?",
        (manager_id,),
    ).fetchone()
    if row is None:
        return None
    steps = db.execute(
        "SELECT step_id, name, attempt, status, coalesce(function_completed, 0),"
        " failed_jobs + cancelled_jobs + interrupted_jobs FROM steps WHERE manager_id = ? ORDER BY position",
        (manager_id,),
    ).fetchall()
    return KeptManager(*row), [
        KeptStep(step_id, name, attempt, StepState(status, bool(completed), unfinished))
        for step_id, name, attempt, status, completed, unfinished in steps
    ]


def kept_jobs(db: sqlite3.Connection, manager_id: str, step_ids: Sequence[str]) -> list[KeptJob]:
    """The worker jobs of some steps of a manager, in order of spawning."""
    marks = ", ".join("?" * len(step_ids))
    found = db.execute(
        "SELECT job_id, parent_id, step_id, name, function, arguments, status, attempt, result"  # noqa: S608
        f" FROM jobs WHERE manager_id = ? AND step_id IN ({marks}) ORDER BY ordinal",
        (manager_id, *step_ids),
    ).fetchall()
    return [KeptJob(*row) for row in found]


def to_resume(db: sqlite3.Connection) -> list[str]:
    """The runs that go on by themselves after a restart, oldest first."""
    found = db.execute(
        "SELECT id FROM managers WHERE status = 'interrupted' AND on_restart = 'resume' ORDER BY ordinal"
    ).fetchall()
    return [row[0] for row in found]
