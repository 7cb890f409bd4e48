"""Which lines hold these words? Full-text search without a query syntax.

The index narrows the candidates by the letters and digits of the words; what else a word holds (``c++``, a
quote) is then looked for in the text itself.
"""

import json
import re
import sqlite3
from collections.abc import Sequence
from typing import Any

from jobs.store.rows import PAGE_ROWS
from jobs.store.runs import conditions
from jobs.store.words import PART, fold, unfolded

LAST_ID = 2**63 - 1
SNIPPET = 200
CONTEXT = 60


class Words:
    """The words that must all occur in a line.

    :param query: words with white space between them
    """

    def __init__(self, query: str) -> None:
        self.words = fold(query).split()
        # A word ends where its letters and digits do: "c" is a word of "c++", "res" is none of "rest".
        self._patterns = [
            re.compile(
                ("(?<![^\\W_])" if word[0].isalnum() else "")
                + re.escape(word)
                + ("(?![^\\W_])" if word[-1].isalnum() else "")
            )
            for word in self.words
        ]

    def match(self, message: str) -> bool:
        """Whether all words occur in a message."""
        folded = fold(message)
        return all(pattern.search(folded) for pattern in self._patterns)

    def index_query(self) -> str | None:
        """The index's own query for their letters and digits; None if they have none."""
        terms = dict.fromkeys(term for word in self.words for term in PART.findall(word))
        return " AND ".join(f'"{term}"' for term in terms) or None

    def snippet(self, message: str) -> str:
        """The part of a message around the first word."""
        found = self._patterns[0].search(fold(message))
        start = max(0, unfolded(message, found.start()) - CONTEXT) if found else 0
        end = start + SNIPPET
        return ("…" if start else "") + message[start:end] + ("…" if end < len(message) else "")


def search(
    db: sqlite3.Connection,
    words: Words,
    manager_id: str | None,
    steps: Sequence[str],
    levels: Sequence[str],
    after: int,
    limit: int,
) -> list[tuple[int, dict[str, Any]]]:
    """Lines in which every word occurs, oldest first, each with its cursor.

    :param after: the cursor to go on from, 0 at first
    """
    # The plus: by its index all rows of a manager would be sorted anew for each page.
    where, values = conditions(
        {"+log.manager_id": [manager_id] if manager_id else [], "step_name": steps, "level": levels}
    )
    table, key = "log", "log.id"
    if query := words.index_query():
        table, key = "log_words JOIN log ON log.id = log_words.rowid", "log_words.rowid"
        where.append("log_words MATCH ?")
        values.append(query)
    upto = LAST_ID
    if manager_id:  # only from its first row to its last: a word may be in very many lines of other runs
        first, upto = _ends(db, manager_id)
        after = max(after, first - 1)
    hits: list[tuple[int, dict[str, Any]]] = []
    while True:
        found = db.execute(
            "SELECT log.id, log.manager_id, step_name, seq, line_number, level, data"  # noqa: S608
            f" FROM {table} WHERE {' AND '.join(where)} AND event = 'job_log' AND {key} > ?"
            f" AND {key} <= ? ORDER BY {key} LIMIT ?",
            (*values, after, upto, PAGE_ROWS),
        ).fetchall()
        for row in found:
            after = row["id"]
            message = json.loads(row["data"])["message"]
            if words.match(message):
                names = ("manager_id", "step_name", "seq", "line_number", "level")
                hits.append(
                    (after, {**{name: row[name] for name in names}, "snippet": words.snippet(message)})
                )
                if len(hits) == limit:
                    return hits
        if len(found) < PAGE_ROWS:
            return hits


def _ends(db: sqlite3.Connection, manager_id: str) -> tuple[int, int]:
    """The ids of the first and the last row of a manager."""
    one = "SELECT id FROM log WHERE manager_id = ? ORDER BY seq {} LIMIT 1"
    first, last = (db.execute(one.format(order), (manager_id,)).fetchone() for order in ("ASC", "DESC"))
    return (first[0], last[0]) if first else (1, 0)
