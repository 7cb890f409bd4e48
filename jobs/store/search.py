"""Which lines hold these words? Full-text search without a query syntax.

The index narrows the candidates by the letters and digits of the words; what else a word holds (``c++``, a
quote) is then looked for in the text itself.
"""

import json
import re
import sqlite3
import unicodedata
from collections.abc import Sequence
from typing import Any

from jobs.store.rows import PAGE_ROWS
from jobs.store.runs import conditions

SNIPPET = 200
CONTEXT = 60
PART = re.compile(r"[^\W_]+")


def fold(text: str) -> str:
    """A text without case and diacritics, as words are compared."""
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFKD", text.lower())
    return "".join(letter for letter in plain if not unicodedata.combining(letter))


class Words:
    """The words that must all occur in a line.

    :param query: words with white space between them
    """

    def __init__(self, query: str) -> None:
        self._written = [word for word in query.split() if fold(word).strip()]
        self.words = [fold(word) for word in self._written]
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
        """The index's own query for their letters and digits; None if there is nothing in it to look up."""
        terms = [term for word in self._written for term in _terms(word)]
        return " AND ".join(dict.fromkeys(terms)) or None

    def snippet(self, message: str) -> str:
        """The part of a message around the first word."""
        found = self._patterns[0].search(fold(message))
        start = max(0, _unfolded(message, found.start()) - CONTEXT) if found else 0
        end = start + SNIPPET
        return ("…" if start else "") + message[start:end] + ("…" if end < len(message) else "")


def _terms(word: str) -> list[str]:
    """What the index must have for a word to be in a line; less than all of it is allowed, more is not.

    The index folds most diacritics and no compatibility forms, so a part is looked up as it is written and as
    it is compared. It knows characters up to Unicode 6.1: where it may cut a word elsewhere than we do, the
    word is not looked up.
    """
    if not PART.sub("", word).isascii():
        return []
    terms = []
    for part in PART.findall(word):
        forms = [[part], PART.findall(fold(part))]
        if all(
            unicodedata.ucd_3_2_0.category(letter)[0] in "LN" for form in forms for letter in "".join(form)
        ):
            choices = dict.fromkeys(" AND ".join(f'"{each}"' for each in form) for form in forms)
            terms.append(f"({' OR '.join(f'({choice})' for choice in choices)})")
    return terms


def _unfolded(text: str, position: int) -> int:
    """Where a position in a folded text is in the text itself."""
    if text.isascii():
        return position
    for index, letter in enumerate(text):
        position -= len(fold(letter))
        if position < 0:
            return index
    return len(text)


def search(
    db: sqlite3.Connection,
    words: Words,
    manager_id: str | None,
    levels: Sequence[str],
    after: int,
    limit: int,
) -> list[tuple[int, dict[str, Any]]]:
    """Lines in which every word occurs, oldest first, each with its cursor.

    :param after: the cursor to go on from, 0 at first
    """
    where, values = conditions({"log.manager_id": [manager_id] if manager_id else [], "level": levels})
    table, key = "log", "log.id"
    if query := words.index_query():
        table, key = "log_words JOIN log ON log.id = log_words.rowid", "log_words.rowid"
        where.append("log_words MATCH ?")
        values.append(query)
    hits: list[tuple[int, dict[str, Any]]] = []
    while True:
        found = db.execute(
            "SELECT log.id, log.manager_id, step_name, seq, line_number, level, data"  # noqa: S608
            f" FROM {table} WHERE {' AND '.join(where)} AND event = 'job_log' AND {key} > ?"
            f" ORDER BY {key} LIMIT ?",
            (*values, after, PAGE_ROWS),
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
