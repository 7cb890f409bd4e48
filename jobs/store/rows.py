"""Which rows of a manager's log? Pages of them, filters on them, and how far the log goes."""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from jobs.status import TERMINAL, Status

# A page is held whole for each viewer that is slow to take it.
PAGE_ROWS = 256
PAGE_CHARACTERS = 128 * 1024
JOINED_ROWS = 512
PIECE_ROWS = 32  # are read before it is looked at how large they are


class Row(NamedTuple):
    """A row as it is kept: what filters look at, and its data as it is sent."""

    seq: int
    event: str
    step_name: str | None
    job_id: str | None
    level: str | None
    data: str


# What ``Row._make`` does, without a frame of Python for each row.
to_row: Callable[[Iterable[Any]], Row] = partial(tuple.__new__, Row)


@dataclass(frozen=True)
class Head:
    """How far a manager's log goes, and whether it has ended."""

    manager_id: str
    status: Status
    last_seq: int
    first_seq: int  # the first row kept; retention may have removed earlier ones

    @property
    def ended(self) -> bool:
        """Whether the status is terminal."""
        return self.status in TERMINAL


class RowFilter(NamedTuple):
    """Which rows of a manager are wanted; an empty set wants all. ``levels`` concerns lines only.

    Among the steps ``""`` stands for the manager itself.
    """

    steps: frozenset[str] = frozenset()
    jobs: frozenset[str] = frozenset()
    events: frozenset[str] = frozenset()
    levels: frozenset[str] = frozenset()

    @property
    def everything(self) -> bool:
        """Whether no row is filtered out."""
        return not (self.steps or self.jobs or self.events or self.levels)

    def passes(self, row: Row) -> bool:
        """Whether a row is wanted."""
        return (
            (not self.steps or (row.step_name or "") in self.steps)
            and (not self.jobs or row.job_id in self.jobs)
            and (not self.events or row.event in self.events)
            and (not self.levels or row.level is None or row.level in self.levels)
        )

    def sql(self) -> tuple[str, list[str]]:
        """The same as a condition."""
        conditions, values = [], []
        for column, wanted in (
            ("coalesce(step_name, '')", self.steps),
            ("job_id", self.jobs),
            ("event", self.events),
            ("level", self.levels),
        ):
            if wanted:
                marks = ", ".join("?" * len(wanted))
                missing = "level IS NULL OR " if column == "level" else ""
                conditions.append(f" AND ({missing}{column} IN ({marks}))")
                values += sorted(wanted)
        return "".join(conditions), values


def head(db: sqlite3.Connection, manager_id: str) -> Head | None:
    """How far a manager's log goes; None if there is no such manager."""
    found = db.execute("SELECT status, last_seq FROM managers WHERE id = ?", (manager_id,)).fetchone()
    if found is None:
        return None
    (first,) = db.execute("SELECT min(seq) FROM log WHERE manager_id = ?", (manager_id,)).fetchone()
    return Head(manager_id, found[0], found[1], first or found[1] + 1)


def rows(db: sqlite3.Connection, manager_id: str, after: int, upto: int) -> list[Row]:
    """A page: the next rows with ``after`` < seq ≤ ``upto``, in order; at least one if there are any."""
    page: list[Row] = []
    size = 0
    with closing(db.cursor()) as cursor:  # not all are read where they are large
        cursor.row_factory = None
        cursor.execute(
            "SELECT seq, event, step_name, job_id, level, data FROM log"
            " WHERE manager_id = ? AND seq > ? AND seq <= ? ORDER BY seq LIMIT ?",
            (manager_id, after, upto, PAGE_ROWS),
        )
        while size <= PAGE_CHARACTERS and (piece := cursor.fetchmany(PIECE_ROWS)):
            page += map(to_row, piece)
            size += sum([len(values[-1]) for values in piece])
    return one_page(page)


class Joined(NamedTuple):
    """Consecutive rows as one text: the last of them, how many of them are lines, and the text."""

    last_seq: int
    lines: int
    text: bytes


def joined(
    db: sqlite3.Connection, manager_id: str, after: int, upto: int, limit: int, parts: Sequence[str]
) -> Joined | None:
    """The next rows, put together by SQLite, which takes half the time and no turn of other threads.

    :param limit: how many at most
    :param parts: what stands before the seq, the event and the data of each row, and behind it; or a single
        one, that stands between the data of two
    :returns: None where it is not a page: a row is missing, or they are too large together
    """
    whole = "? || seq || ? || event || ? || data || ?, ''" if len(parts) > 1 else "data, ?"
    found = db.execute(
        f"SELECT CAST(group_concat({whole}) AS BLOB), max(seq), count(*), sum(event = 'job_log') FROM"  # noqa: S608
        " (SELECT seq, event, data FROM log WHERE manager_id = ? AND seq > ? AND seq <= ?"
        " ORDER BY seq LIMIT ?)",
        (*parts, manager_id, after, upto, min(limit, JOINED_ROWS)),
    ).fetchone()
    text, last_seq, count, lines = found
    if text is None or last_seq != after + count or len(text) > PAGE_CHARACTERS:
        return None
    return Joined(last_seq, lines, text)


def one_page(found: list[Row]) -> list[Row]:
    """The rows that fit into a page, up to the first one that is missing: that shows between pages."""
    whole = not found or found[-1].seq - found[0].seq == len(found) - 1
    if whole and len(found) <= PAGE_ROWS and sum([len(row.data) for row in found]) <= PAGE_CHARACTERS:
        return found
    page: list[Row] = []
    room = PAGE_CHARACTERS
    for row in found[:PAGE_ROWS]:
        room -= len(row.data)
        if page and (room < 0 or row.seq != page[-1].seq + 1):
            break
        page.append(row)
    return page


def before_last(db: sqlite3.Connection, manager_id: str, wanted: RowFilter, count: int, upto: int) -> int:
    """The position from which ``count`` rows that pass the filter follow, up to ``upto``."""
    if count == 0:
        return upto
    condition, values = wanted.sql()
    found = db.execute(
        f"SELECT seq FROM log WHERE manager_id = ? AND seq <= ?{condition}"  # noqa: S608
        " ORDER BY seq DESC LIMIT 1 OFFSET ?",
        (manager_id, upto, *values, count - 1),
    ).fetchone()
    return found[0] - 1 if found else 0


def receipt(db: sqlite3.Connection, head: Head) -> dict[str, Any]:
    """What ``end`` says of a log: how the run ended, and the lines of each step and of the manager itself."""
    lines = dict(
        db.execute(
            "SELECT name, lines FROM steps WHERE manager_id = ? ORDER BY position", (head.manager_id,)
        ).fetchall()
    )
    (own,) = db.execute("SELECT lines FROM managers WHERE id = ?", (head.manager_id,)).fetchone()
    lines[""] = own
    return {
        "status": head.status,
        "last_seq": head.last_seq,
        "lines": lines,
        "total_lines": sum(lines.values()),
    }
