"""Was anything lost? Rows are 1, 2, 3 … once each and in order, and what was committed stays as it was."""

import json
import shutil
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

Rows = Mapping[str, Sequence[str]]  # of each manager, the data of its rows from the first on


def check(holds: bool, promise: str) -> None:
    """Check a promise; also where Python's own ``assert`` is not shown.

    :raises AssertionError: it is broken
    """
    if not holds:
        raise AssertionError(promise)


def check_database(path: Path) -> None:
    """Check that SQLite finds no fault in a database."""
    with closing(sqlite3.connect(path)) as db:
        found = db.execute("PRAGMA integrity_check").fetchall()
    check(found == [("ok",)], f"integrity_check: {found}")


def stored(path: Path) -> dict[str, list[str]]:
    """The rows of every manager, numbered as they should be."""
    found: dict[str, list[str]] = defaultdict(list)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("BEGIN")  # one moment of it, also while it is written
        for manager_id, seq, data in db.execute("SELECT manager_id, seq, data FROM log ORDER BY id"):
            found[manager_id].append(data)
            check(
                seq == len(found[manager_id]),
                f"{manager_id}: row {seq} is stored at {len(found[manager_id])}",
            )
            check(json.loads(data)["seq"] == seq, f"{manager_id}: row {seq} says {data}")
        last = dict(db.execute("SELECT id, last_seq FROM managers"))
    for manager_id, last_seq in last.items():
        count = len(found[manager_id])
        check(count == last_seq, f"{manager_id}: last_seq is {last_seq}, but there are {count} rows")
    return dict(found)


def stored_by_the_dead(path: Path) -> dict[str, list[str]]:
    """The rows that a killed process had committed, read from a copy: its own files stay as it left them."""
    with TemporaryDirectory() as folder:
        for suffix in ("", "-wal"):
            if (file := path.with_name(path.name + suffix)).exists():
                shutil.copy(file, folder)
        return stored(Path(folder) / path.name)


def check_kept(before: Rows, after: Rows, what: str) -> None:
    """Check that rows are still there: unchanged, at their numbers."""
    for manager_id, rows in before.items():
        kept = after.get(manager_id, [])[: len(rows)]
        for seq, (was, now) in enumerate(zip(rows, kept, strict=False), 1):
            check(was == now, f"{what}: row {seq} of {manager_id} was {was} and is {now}")
        check(len(kept) == len(rows), f"{what}: {len(rows) - len(kept)} rows of {manager_id} are lost")


def check_lines(rows: Iterable[str]) -> dict[str, int]:
    """Check that no line of a worker of ``tests.faults.load`` is missing; how many each wrote."""
    counts: dict[str, int] = defaultdict(int)
    for data in rows:
        row = json.loads(data)
        if row["event"] == "job_log" and row["originator"] == "worker" and row["level"] == "info":
            worker, number, _ = row["message"].split()
            counts[worker] += 1
            check(int(number) == counts[worker], f"line {number} of worker {worker} is its {counts[worker]}.")
    return dict(counts)
