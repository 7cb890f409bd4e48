"""How close to plain SQLite do workers write? Beside sqlite3's executemany with the same rows.

100,000 lines of 80 characters. Workers write them through ``job.log`` and through ``logging``; the time is
that from asking for the run until the database, looked at from here every 10 ms, says that it has ended.
Plain sqlite3 gets the very rows that such a run has made, ready in memory, and inserts them 100 a transaction
into a table with the same columns and the same unique index, but without full text. All three run on the same
core, one after the other, with a write-ahead log and ``synchronous=FULL``; a share is that of the same round.
"""

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.figure import Figure
from tests.bench.measured_service import MeasuredService, measured_service
from tests.bench.process import SERVER_CORE, on_core

LINES = 100_000
TRANSACTION = 100
WAYS = (("job.log", "bench_typical"), ("logging", "bench_logging"))


def measure() -> list[Figure]:
    """The three rates, and what share of the plain one each way has."""
    with measured_service() as service:
        rates = {name: _lines_per_second(service, worker_type) for name, worker_type in WAYS}
        plain = _plain_rows_per_second(service.db)
    figures = [Figure("sqlite3's executemany", plain, "rows/s")]
    for name, rate in rates.items():
        figures.append(Figure(name, rate, "lines/s"))
        figures.append(Figure(f"{name}, share of sqlite3's", 100 * rate / plain, "%"))
    return figures


def _lines_per_second(service: MeasuredService, worker_type: str) -> float:
    started = time.monotonic()
    service.wait(service.start_load(worker_type, lines=LINES))
    return LINES / (time.monotonic() - started)


def _plain_rows_per_second(source: Path) -> float:
    """Copy the rows of the first run, ready in memory, into a table like theirs."""
    with closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as database:
        schema = database.execute("SELECT sql FROM sqlite_master WHERE name IN ('log', 'log_manager_seq')")
        statements = [sql for (sql,) in schema]
        rows = database.execute(
            "SELECT * FROM log WHERE event = 'job_log' ORDER BY id LIMIT ?", (LINES,)
        ).fetchall()
    insertion = f"INSERT INTO log VALUES ({', '.join('?' * len(rows[0]))})"  # noqa: S608
    with (
        TemporaryDirectory(prefix="stepstream-bench-") as folder,
        on_core(SERVER_CORE),
        closing(sqlite3.connect(Path(folder) / "plain.db", isolation_level=None)) as database,
    ):
        for statement in ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", *statements):
            database.execute(statement)
        started = time.monotonic()
        for first in range(0, len(rows), TRANSACTION):
            database.execute("BEGIN IMMEDIATE")
            database.executemany(insertion, rows[first : first + TRANSACTION])
            database.execute("COMMIT")
        return len(rows) / (time.monotonic() - started)
