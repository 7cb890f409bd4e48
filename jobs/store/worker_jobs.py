"""Which worker jobs has a run? As users see them in JSON."""

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

from jobs.redact import shown
from jobs.row import whole
from jobs.store.runs import conditions, times


def worker_jobs(
    db: sqlite3.Connection,
    manager_id: str,
    steps: Sequence[str],
    statuses: Sequence[str],
    after: str | None,
    limit: int,
) -> list[dict[str, Any]]:
    """Worker jobs of a manager, in order of spawning."""
    where, values = conditions({"manager_id": [manager_id], "status": statuses})
    if steps:
        marks = ", ".join("?" * len(steps))
        where.append(
            f"step_id IN (SELECT step_id FROM steps WHERE manager_id = ? AND name IN ({marks}))"  # noqa: S608
        )
        values += [manager_id, *steps]
    if after is not None:
        where.append("ordinal > (SELECT ordinal FROM jobs WHERE job_id = ?)")
        values.append(after)
    names = {
        row["step_id"]: row["name"]
        for row in db.execute("SELECT step_id, name FROM steps WHERE manager_id = ?", (manager_id,))
    }
    found = db.execute(
        f"SELECT * FROM jobs WHERE {' AND '.join(where)} ORDER BY ordinal LIMIT ?",  # noqa: S608
        (*values, limit),
    ).fetchall()
    return [_job(row, names[row["step_id"]]) for row in found]


def has_job(db: sqlite3.Connection, manager_id: str, job_id: str) -> bool:
    """Whether a manager has this worker job."""
    found = db.execute("SELECT 1 FROM jobs WHERE job_id = ? AND manager_id = ?", (job_id, manager_id))
    return found.fetchone() is not None


def step_of_job(db: sqlite3.Connection, manager_id: str, job_id: str) -> str | None:
    """The name of the step that a manager's worker job belongs to; None if there is no such job."""
    found = db.execute(
        "SELECT steps.name FROM jobs JOIN steps USING (step_id) WHERE job_id = ? AND jobs.manager_id = ?",
        (job_id, manager_id),
    ).fetchone()
    return None if found is None else found[0]


def _job(row: sqlite3.Row, step_name: str) -> dict[str, Any]:
    return {
        "job_id": row["job_id"],
        "parent_id": row["parent_id"],
        "step_id": row["step_id"],
        "step_name": step_name,
        "name": row["name"],
        "arguments": json.loads(shown(row["arguments"])),
        "status": row["status"],
        "attempt": row["attempt"],
        "reason": row["reason"],
        "result": None if row["result"] is None else json.loads(shown(row["result"])),
        "progress": None
        if row["progress_done"] is None
        else {"done": whole(row["progress_done"]), "total": whole(row["progress_total"])},
        **times(row),
    }
