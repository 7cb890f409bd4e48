"""What is the state of a run? Managers and their steps, as users see them in JSON."""

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from jobs.redact import shown
from jobs.row import LEVELS
from jobs.status import STATUSES, WORKER_STATUSES, Status, job_counts, step_counts
from jobs.store.error_groups import error_groups


def latest(db: sqlite3.Connection) -> str | None:
    """The id of the manager created last."""
    found = db.execute("SELECT id FROM managers ORDER BY ordinal DESC LIMIT 1").fetchone()
    return found[0] if found else None


def managers(
    db: sqlite3.Connection,
    statuses: Sequence[str],
    definition: str | None,
    before: int | None,
    limit: int,
) -> list[tuple[int, dict[str, Any]]]:
    """Managers, newest first, each with its position.

    :param before: only those created before this position
    """
    where, values = conditions({"status": statuses, "definition": [definition] if definition else []})
    if before is not None:
        where.append("ordinal < ?")
        values.append(before)
    found = db.execute(
        f"SELECT * FROM managers WHERE {' AND '.join(where)} ORDER BY ordinal DESC LIMIT ?",  # noqa: S608
        (*values, limit),
    ).fetchall()
    return list(zip((row["ordinal"] for row in found), _with_steps(db, found), strict=True))


def some_managers(db: sqlite3.Connection, manager_ids: Sequence[str]) -> list[dict[str, Any]]:
    """The managers with these ids that there are, in order of creation."""
    marks = ", ".join("?" * len(manager_ids))
    found = db.execute(
        f"SELECT * FROM managers WHERE id IN ({marks}) ORDER BY ordinal",  # noqa: S608
        tuple(manager_ids),
    ).fetchall()
    return _with_steps(db, found)


def totals(db: sqlite3.Connection) -> dict[str, dict[str, int]]:
    """How many managers and worker jobs there are, by status."""
    managers = dict(db.execute("SELECT status, managers FROM manager_totals").fetchall())
    jobs = db.execute("SELECT * FROM job_totals").fetchone()
    return {
        "managers": {status: managers.get(status, 0) for status in STATUSES},
        "jobs": {status: jobs[f"{status}_jobs"] for status in WORKER_STATUSES},
    }


def _with_steps(db: sqlite3.Connection, found: Sequence[sqlite3.Row]) -> list[dict[str, Any]]:
    """Managers as lists show them: with the counts of their steps."""
    steps: dict[str, list[sqlite3.Row]] = {row["id"]: [] for row in found}
    marks = ", ".join("?" * len(steps))
    for step in db.execute(
        f"SELECT * FROM steps WHERE manager_id IN ({marks}) ORDER BY position",  # noqa: S608
        tuple(steps),
    ):
        steps[step["manager_id"]].append(step)
    return [_manager(row, steps[row["id"]]) for row in found]


def position(db: sqlite3.Connection, cursor: str) -> int | None:
    """The position in the list of managers that a cursor means: a manager's id, or the position itself.

    Pages go on by position, so that one can go on where the manager was deleted meanwhile. A position is
    shorter than any id.
    """
    found = db.execute("SELECT ordinal FROM managers WHERE id = ?", (cursor,)).fetchone()
    if found is not None:
        return int(found[0])
    return int(cursor) if len(cursor) < 10 and cursor.isascii() and cursor.isdigit() else None


def manager(db: sqlite3.Connection, manager_id: str) -> dict[str, Any] | None:
    """One manager with its steps, its line counts and its error groups; None if there is none."""
    row = db.execute("SELECT * FROM managers WHERE id = ?", (manager_id,)).fetchone()
    if row is None:
        return None
    steps = db.execute("SELECT * FROM steps WHERE manager_id = ? ORDER BY position", (manager_id,)).fetchall()
    return {
        **_manager(row, steps),
        "last_seq": row["last_seq"],
        "log_counts": {level: row[f"{level}_lines"] for level in LEVELS},
        "error_groups": error_groups(db, manager_id),
        "toml": row["toml"],
        "steps": [_step(step) for step in steps],
    }


def _manager(row: sqlite3.Row, steps: Iterable[sqlite3.Row]) -> dict[str, Any]:
    steps = list(steps)
    sums: dict[Status, int] = {
        status: sum(step[f"{status}_jobs"] for step in steps) for status in WORKER_STATUSES
    }
    return {
        "id": row["id"],
        "manager_id": row["id"],
        "definition": row["definition"],
        "name": row["name"],
        "status": row["status"],
        "attempt": row["attempt"],
        "params": json.loads(shown(row["params"])),
        "reason": row["reason"],
        **times(row),
        **step_counts(step["status"] for step in steps),
        **job_counts(sums),
    }


def _step(row: sqlite3.Row) -> dict[str, Any]:
    counts: dict[Status, int] = {status: row[f"{status}_jobs"] for status in WORKER_STATUSES}
    times_of_step = times(row)
    del times_of_step["created_at"]
    return {
        "step_id": row["step_id"],
        "name": row["name"],
        "description": row["description"],
        "type": row["type"],
        "depends": json.loads(row["depends"]),
        "status": row["status"],
        "reason": row["reason"],
        "attempt": row["attempt"],
        **times_of_step,
        **job_counts(counts),
        "lines": row["lines"],
        "log_counts": {level: row[f"{level}_lines"] for level in LEVELS},
        "eta_seconds": row["eta_seconds"] if row["status"] == "running" else None,
    }


def times(row: sqlite3.Row) -> dict[str, Any]:
    """When a manager, step or worker job was created, began and ended, and how long it took."""
    return {key: row[key] for key in ("created_at", "started_at", "finished_at", "duration")}


def step_names(db: sqlite3.Connection, manager_id: str) -> list[str]:
    """The names of a manager's steps, in file order."""
    found = db.execute("SELECT name FROM steps WHERE manager_id = ? ORDER BY position", (manager_id,))
    return [row[0] for row in found]


def conditions(wanted: Mapping[str, Sequence[Any]]) -> tuple[list[str], list[Any]]:
    """The conditions that a column has one of the values wanted; an empty choice wants all."""
    where: list[str] = ["true"]
    values: list[Any] = []
    for column, choices in wanted.items():
        if choices:
            where.append(f"{column} IN ({', '.join('?' * len(choices))})")
            values += choices
    return where, values
