"""How many bytes of database does a line take? 100,000 lines of 80 characters: words and a number.

The file's size after a stop, which copies the write-ahead log back, by the number of lines. The parts are
what SQLite's ``dbstat`` says of the tables and indexes behind them, where SQLite was built with it.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.bench.figure import Figure
from tests.bench.measured_service import measured_service

LINES = 100_000
PARTS = {
    "rows": ("log",),
    "index by position": ("log_manager_seq",),
    "index of words": ("log_words_data", "log_words_idx", "log_words_docsize"),
}


def measure() -> list[Figure]:
    """The whole, then its parts."""
    with measured_service() as service:
        service.wait(service.start_load("bench_typical", lines=LINES))
        service.stop()
        figures = [Figure("database file", service.db.stat().st_size / LINES, "bytes/line")]
        for name, size in _parts(service.db).items():
            figures.append(Figure(f"of it: {name}", size / LINES, "bytes/line"))
    return figures


def _parts(database: Path) -> dict[str, int]:
    with closing(sqlite3.connect(database)) as connection:
        try:
            sizes = dict(connection.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name"))
        except sqlite3.OperationalError:
            return {}
    return {name: sum(sizes.get(table, 0) for table in tables) for name, tables in PARTS.items()}
