"""Which line is where? Those of one step by number, and where pages of the wanted ones begin."""

import sqlite3
from contextlib import closing
from typing import Any

from jobs.store.rows import PAGE_CHARACTERS, PAGE_ROWS, PIECE_ROWS, Row, RowFilter, to_row
from jobs.store.schema import MARK_EVERY

OWN = ""  # instead of a step's name: the manager itself


def before_line(db: sqlite3.Connection, manager_id: str, step: str, number: int, last_seq: int) -> int:
    """The position before a step's first line of this number or above; the last one where there is none.

    Every so manieth line is in an index: from there it is not far.
    """
    name = None if step == OWN else step
    mark = db.execute(
        "SELECT seq FROM log WHERE manager_id = ? AND step_name IS ? AND line_number = ?"  # noqa: S608
        f" AND line_number % {MARK_EVERY} = 0",  # as the index has it
        (manager_id, name, number - number % MARK_EVERY),
    ).fetchone()
    found = db.execute(
        "SELECT seq FROM log WHERE manager_id = ? AND seq >= ? AND seq <= ?"
        " AND step_name IS ? AND line_number >= ? ORDER BY seq LIMIT 1",
        (manager_id, mark[0] if mark else 0, last_seq, name, number),
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
