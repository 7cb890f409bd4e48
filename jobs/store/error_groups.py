"""Which errors has a run, and how many of each? Counted as its lines are written, not when somebody asks.

A group is known by a digest of what its lines say; the text itself stands in the first of them.
"""

import hashlib
import json
import sqlite3
from collections.abc import Mapping
from typing import Any

MOST = 100  # that are shown

ADD = (
    "INSERT INTO error_groups (manager_id, digest, count, first_seq) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (manager_id, digest) DO UPDATE SET count = count + excluded.count"
)


class ErrorGroups:
    """What the error lines of a transaction add to the groups."""

    def __init__(self) -> None:
        self._added: dict[tuple[str, bytes], tuple[int, int]] = {}

    def add(self, manager_id: str, seq: int, data: str) -> None:
        """Count an error line, given as its row."""
        key = manager_id, _digest(_says(json.loads(data)))
        count, first_seq = self._added.get(key, (0, seq))
        self._added[key] = count + 1, first_seq

    def write(self, connection: sqlite3.Connection) -> None:
        """Write what was counted, once."""
        if self._added:
            added, self._added = self._added, {}
            connection.executemany(ADD, [(*key, *numbers) for key, numbers in added.items()])


def error_groups(db: sqlite3.Connection, manager_id: str) -> list[dict[str, Any]]:
    """The error lines of a manager by what they say, most frequent first."""
    found = db.execute(
        "SELECT count, first_seq, data FROM error_groups AS found"
        " JOIN log ON log.manager_id = found.manager_id AND seq = first_seq"
        " WHERE found.manager_id = ? ORDER BY count DESC, first_seq LIMIT ?",
        (manager_id, MOST),
    )
    return [
        {"message": _says(json.loads(data)), "count": count, "first_seq": first_seq}
        for count, first_seq, data in found
    ]


def _says(line: Mapping[str, Any]) -> str:
    """What an error line says in one line: an exception rather than its traceback."""
    data = line.get("data")
    exception = data.get("exception") if isinstance(data, dict) else None
    if isinstance(exception, dict):
        return f"{exception.get('class')}: {exception.get('text')}"
    message: str = line["message"]
    return message


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
