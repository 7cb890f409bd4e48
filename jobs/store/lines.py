"""Which line is where, and when? By its number, by the page of wanted ones that it is on; and their rate."""

import json
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from datetime import datetime
from itertools import pairwise
from typing import Any

from jobs.row import LEVELS
from jobs.store.rows import PAGE_CHARACTERS, PAGE_ROWS, PIECE_ROWS, Row, RowFilter, to_row
from jobs.store.schema import MARK_EVERY

RATE_ROWS = 2_400  # looked at, forty for a slice
RATE_SLICES = 60

OWN = ""  # instead of a step's name: the manager itself


def before_line(db: sqlite3.Connection, manager_id: str, step: str, number: int, last_seq: int) -> int:
    """The position before a step's first line of this number or above; the last one where there is none.

    From the mark before it it is not far; behind a step's last one there may be very many of other steps.
    """
    of_step, _ = _counts(db, manager_id, step, _sum(LEVELS))
    if number > of_step:
        return last_seq
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
    spans = [(after, upto)]
    if wanted.levels and len(wanted.steps) == 1:
        spans = _spans(db, manager_id, wanted, after, upto)
    with closing(db.cursor()) as cursor:
        cursor.row_factory = None
        cursor.execute(
            "SELECT seq, event, step_name, job_id, level, data FROM json_each(?) AS span"  # noqa: S608
            " CROSS JOIN log ON manager_id = ? AND seq > json_extract(span.value, '$[0]')"
            " AND seq <= json_extract(span.value, '$[1]')"
            f" WHERE event = 'job_log'{condition} LIMIT ?",
            (json.dumps(spans), manager_id, *values, PAGE_ROWS),
        )
        while size <= PAGE_CHARACTERS and (piece := cursor.fetchmany(PIECE_ROWS)):
            page += map(to_row, piece)
            size += sum([len(values[-1]) for values in piece])
    return page


def _spans(
    db: sqlite3.Connection, manager_id: str, wanted: RowFilter, after: int, upto: int
) -> list[tuple[int, int]]:
    """Between which marks of a step lines of some levels are, as far as a page may need.

    :returns: for each such part the position before it, and its last one
    """
    (step,), passing = wanted.steps, _sum(wanted.levels)
    spans: list[tuple[int, int]] = []
    ahead = 0
    start, before = None, 0
    with closing(db.cursor()) as marks:
        marks.execute(
            f"SELECT seq, {passing} FROM line_marks WHERE manager_id = :manager AND step_name = :step"  # noqa: S608
            " AND line_number >= coalesce((SELECT max(line_number) FROM line_marks WHERE"
            " manager_id = :manager AND step_name = :step AND seq <= :next), 0)"
            " ORDER BY line_number",
            {"manager": manager_id, "step": step, "next": after + 1},
        )
        for seq, count in marks:
            if start is not None and count > before:
                spans.append((max(after, start - 1), min(upto, seq - 1)))
                ahead += count - before
            # Of the first part some may be behind. Whose lines they are, the marks do not know.
            if (ahead >= PAGE_ROWS + MARK_EVERY and not wanted.jobs) or seq > upto:
                return spans
            start, before = seq, count
    lines, total = _counts(db, manager_id, step, passing)
    if start is not None and total > before:
        # After its last line there may be very many of other steps.
        (last,) = db.execute(
            "SELECT seq FROM log WHERE manager_id = ? AND seq >= ? AND step_name IS ? AND event = 'job_log'"
            " ORDER BY seq LIMIT 1 OFFSET ?",
            (manager_id, start, step or None, (lines - 1) % MARK_EVERY),
        ).fetchone() or (upto,)
        spans.append((max(after, start - 1), min(upto, last)))
    return spans


def _last_seq(db: sqlite3.Connection, manager_id: str) -> int:
    """How far a log goes; 0 where it has been deleted since it was found."""
    found = db.execute("SELECT last_seq FROM managers WHERE id = ?", (manager_id,)).fetchone()
    return found[0] if found else 0


def _sum(levels: Iterable[str]) -> str:
    """How many lines of some levels, or of all, there are or were before."""
    return " + ".join(f"{level}_lines" for level in levels or LEVELS)


def _counts(db: sqlite3.Connection, manager_id: str, step: str, passing: str) -> tuple[int, int]:
    """How many lines a step has, or the manager itself, and how many of them are of some levels."""
    of_steps = f"SELECT coalesce(sum(lines), 0), coalesce(sum({passing}), 0) FROM steps WHERE manager_id = ?"  # noqa: S608
    if step != OWN:
        found = db.execute(f"{of_steps} AND name = ?", (manager_id, step)).fetchone()
        return found[0], found[1]
    (_, theirs) = db.execute(of_steps, (manager_id,)).fetchone()
    found = db.execute(f"SELECT lines, {passing} FROM managers WHERE id = ?", (manager_id,)).fetchone()  # noqa: S608
    lines, whole = found or (0, 0)  # deleted since it was found
    return lines, whole - theirs


def pages(db: sqlite3.Connection, manager_id: str, wanted: RowFilter) -> dict[str, Any]:
    """How many lines of a step pass a filter, and where pages of them begin; each has 256 at most, as a mark.

    How many are of a level, the marks know; whose lines they are, only the lines themselves.
    """
    last = _last_seq(db, manager_id)
    (step,), passing = wanted.steps, _sum(wanted.levels)
    begins: list[dict[str, int]] = []
    if wanted.jobs:
        condition, values = wanted.sql()
        found = db.execute(
            f"SELECT line_number FROM log WHERE manager_id = ? AND event = 'job_log'{condition} ORDER BY seq",  # noqa: S608
            (manager_id, *values),
        ).fetchall()
        begins += ({"line": found[n][0], "before": n} for n in range(0, len(found), MARK_EVERY))
        return {"total": len(found), "pages": begins, "last_seq": last}
    _, total = _counts(db, manager_id, step, passing)
    marks = db.execute(
        f"SELECT line_number, {passing} FROM line_marks WHERE manager_id = ? AND step_name = ?"  # noqa: S608
        " ORDER BY line_number",
        (manager_id, step),
    ).fetchall()
    for (line, before), (_, after) in pairwise([*marks, (None, total)]):
        if after > before and not (begins and after - begins[-1]["before"] <= MARK_EVERY):
            begins.append({"line": line, "before": before})
    return {"total": total, "pages": begins, "last_seq": last}


def rate(db: sqlite3.Connection, manager_id: str) -> dict[str, Any]:
    """How many lines were written in each of some equal parts of the time that a log spans.

    Of a long log only some rows are looked at, evenly spread, and each stands for those up to the next:
    however long it is, this is quick.
    """
    last = _last_seq(db, manager_id)
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
