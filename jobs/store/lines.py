"""Which line is where, and when? By its number, by the page of wanted ones that it is on; and their rate."""

import json
import sqlite3
from contextlib import closing
from datetime import datetime
from typing import Any

from jobs.store.rows import PAGE_CHARACTERS, PAGE_ROWS, PIECE_ROWS, Row, RowFilter, to_row

RATE_ROWS = 5_000  # looked at
RATE_SLICES = 60

OWN = ""  # instead of a step's name: the manager itself


def before_line(db: sqlite3.Connection, manager_id: str, step: str, number: int, last_seq: int) -> int:
    """The position before a step's first line of this number or above; the last one where there is none.

    From the mark before it it is not far.
    """
    mark = db.execute(
        "SELECT seq FROM line_marks WHERE manager_id = ? AND step_name = ? AND line_number <= ?"
        " ORDER BY line_number DESC LIMIT 1",
        (manager_id, step, number),
    ).fetchone()
    found = db.execute(
        "SELECT seq FROM log WHERE manager_id = ? AND seq >= ? AND seq <= ?"
        " AND step_name IS ? AND line_number >= ? ORDER BY seq LIMIT 1",
        (manager_id, mark[0] if mark else 0, last_seq, step or None, number),
    ).fetchone()
    return found[0] - 1 if found else last_seq


def chosen(db: sqlite3.Connection, manager_id: str, wanted: RowFilter, after: int, upto: int) -> list[Row]:
    """A page of the lines that pass a filter, with ``after`` < seq ≤ ``upto``."""
    condition, values = wanted.sql()
    page: list[Row] = []
    size = 0
    with closing(db.cursor()) as cursor:
        cursor.row_factory = None
        cursor.execute(
            "SELECT seq, event, step_name, job_id, level, data FROM log"  # noqa: S608
            f" WHERE manager_id = ? AND seq > ? AND seq <= ? AND event = 'job_log'{condition}"
            " ORDER BY seq LIMIT ?",
            (manager_id, after, upto, *values, PAGE_ROWS),
        )
        while size <= PAGE_CHARACTERS and (piece := cursor.fetchmany(PIECE_ROWS)):
            page += map(to_row, piece)
            size += sum([len(values[-1]) for values in piece])
    return page


def pages(db: sqlite3.Connection, manager_id: str, wanted: RowFilter, size: int) -> dict[str, Any]:
    """How many lines of a step pass a filter, and the number of the first one of each page of them."""
    condition, values = wanted.sql()
    found = db.execute(
        f"SELECT line_number FROM log WHERE manager_id = ? AND event = 'job_log'{condition} ORDER BY seq",  # noqa: S608
        (manager_id, *values),
    ).fetchall()
    (last,) = db.execute("SELECT last_seq FROM managers WHERE id = ?", (manager_id,)).fetchone()
    return {"total": len(found), "first": [row[0] for row in found[::size]], "last_seq": last}


def rate(db: sqlite3.Connection, manager_id: str) -> dict[str, Any]:
    """How many lines were written in each of some equal parts of the time that a log spans.

    Of a long log only some rows are looked at, evenly spread, and each stands for those up to the next:
    however long it is, this is quick.
    """
    (last,) = db.execute("SELECT last_seq FROM managers WHERE id = ?", (manager_id,)).fetchone()
    every = max(1, last // RATE_ROWS)
    found = db.execute(
        "SELECT created_at, event = 'job_log' AS is_line FROM json_each(?) AS chosen"
        " CROSS JOIN log ON manager_id = ? AND seq = chosen.value",
        (json.dumps(list(range(1, last + 1, every))), manager_id),
    ).fetchall()
    lines = [0] * RATE_SLICES
    times = [datetime.fromisoformat(row["created_at"]).timestamp() for row in found]
    first, width = min(times, default=0), (max(times, default=0) - min(times, default=0)) / RATE_SLICES or 1
    for at, row in zip(times, found, strict=True):
        lines[min(RATE_SLICES - 1, int((at - first) / width))] += every * row["is_line"]
    return {"seconds": width, "lines": lines}
