"""How is a statement run? One for many rows, and with any text."""

import sqlite3
from collections.abc import Sequence
from functools import cache
from typing import Any

# One statement for many rows lets go of the interpreter's lock once, not once a row.
CHUNKS = (1000, 256, 64, 16, 4, 1)


def run(connection: sqlite3.Connection, sql: str, values: Sequence[Any]) -> sqlite3.Cursor:
    """Run a statement.

    Half of a surrogate pair, which SQLite does not take, is stored escaped: a worker function's exception may
    hold one in its text.
    """
    try:
        return connection.execute(sql, values)
    except UnicodeEncodeError:
        return connection.execute(sql, [_well_formed(value) for value in values])


def _well_formed(value: Any) -> Any:
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value


def insert_many(connection: sqlite3.Connection, table: str, columns: int, values: Sequence[Any]) -> None:
    """Insert many rows, given as their values one after the other, with as few statements as possible."""
    start = 0
    for rows in CHUNKS:
        size = rows * columns
        while len(values) - start >= size:
            run(connection, _insertion(table, columns, rows), values[start : start + size])
            start += size


@cache
def _insertion(table: str, columns: int, rows: int) -> str:
    """The statement that inserts rows; made once, for its text is long."""
    one = f"({', '.join('?' * columns)})"
    return f"INSERT INTO {table} VALUES {', '.join([one] * rows)}"  # noqa: S608
