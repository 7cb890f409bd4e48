"""How is a document kept? One row for each (source_type, source_id), and which runs saved it."""

import hashlib
import json
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from jobs.nearest import unknown
from jobs.row import now
from jobs.store.transaction import Transaction
from jobs.store.words import fold

KEYS = ("source_type", "source_id", "title", "url", "text", "tags", "metadata")
JSON_KEYS = ("tags", "metadata")


def document_id(source_type: str, source_id: str) -> str:
    """The id of the document with this identity: the same in every run and every database."""
    identity = f"{source_type}\0{source_id}".encode("utf-8", "replace")
    return hashlib.blake2b(identity, digest_size=8).hexdigest()


def check_document(document: Mapping[str, Any]) -> None:
    """Check what a worker function wants to keep.

    :raises ValueError: a key is missing or unknown, or a value has the wrong type
    """
    kinds: dict[str, type | tuple[type, ...]] = {"tags": (list, tuple), "metadata": dict}
    for key in document:
        if key not in KEYS:
            raise ValueError(f"save: {unknown('key', key, KEYS)}")
    for key in ("source_type", "source_id"):
        if not isinstance(document.get(key), str) or not document[key]:
            raise ValueError(f"save: a document needs {key}, a text that is not empty")
    for key, value in document.items():
        if not isinstance(value, kinds.get(key, str)) and not (key == "url" and value is None):
            wanted = {"tags": "a list of texts", "metadata": "a table"}.get(key, "a text")
            raise ValueError(f"save: {key} is {wanted}, not {value!r}")


def save_document(tx: Transaction, manager_id: str, document: Mapping[str, Any]) -> None:
    """Insert or update a document by its identity, and remember that this run saved it.

    Keys that are absent keep what is stored; ``metadata`` is merged key by key.
    """
    identity = document_id(document["source_type"], document["source_id"])
    at = now()
    stored = tx.select("SELECT metadata FROM documents WHERE id = ?", identity)
    if stored:
        changes = dict(document)
        if "metadata" in changes:
            changes["metadata"] = json.loads(stored[0]["metadata"]) | changes["metadata"]
        columns = _columns(changes) | {"updated_at": at}
        assignments = ", ".join(f"{column} = ?" for column in columns)
        tx.execute(f"UPDATE documents SET {assignments} WHERE id = ?", *columns.values(), identity)  # noqa: S608
    else:
        empty: dict[str, Any] = {"title": "", "url": None, "text": "", "tags": [], "metadata": {}}
        columns = _columns({**empty, **document})
        tx.insert("documents", {"id": identity, **columns, "created_at": at, "updated_at": at})
    tx.execute(
        "INSERT OR IGNORE INTO document_runs (manager_id, document_id) VALUES (?, ?)", manager_id, identity
    )


def _columns(document: Mapping[str, Any]) -> dict[str, Any]:
    return {key: json.dumps(value) if key in JSON_KEYS else value for key, value in document.items()}


DOCUMENT = "documents.id, source_type, source_id, title, url, tags, metadata, created_at, updated_at"


def documents(
    db: sqlite3.Connection,
    *,
    manager_id: str | None = None,
    source_type: str | None = None,
    tags: Sequence[str] = (),
    query: str = "",
    after: int = 0,
    limit: int | None = None,
    text: bool = False,
) -> list[tuple[int, dict[str, Any]]]:
    """Documents in order of first saving (by that run, if one is given), each with its cursor."""
    table, order, conditions, values = "documents", "documents.ordinal", ["true"], []
    if manager_id is not None:
        table = "document_runs JOIN documents ON documents.id = document_id"
        order = "document_runs.ordinal"
        conditions.append("manager_id = ?")
        values.append(manager_id)
    if source_type:
        conditions.append("source_type = ?")
        values.append(source_type)
    for tag in tags:
        conditions.append("EXISTS (SELECT 1 FROM json_each(tags) WHERE value = ?)")
        values.append(tag)
    for word in query.split():
        conditions.append("instr(fold(title || ' ' || text), ?)")
        values.append(fold(word))
    db.create_function("fold", 1, fold, deterministic=True)
    found = db.execute(
        f"SELECT {order} AS cursor, {DOCUMENT}{', text' if text else ''} FROM {table}"  # noqa: S608
        f" WHERE {' AND '.join(conditions)} AND {order} > ? ORDER BY {order} LIMIT ?",
        (*values, after, -1 if limit is None else limit),
    ).fetchall()
    return [(row["cursor"], _document(row)) for row in found]


def document(db: sqlite3.Connection, document_id: str) -> dict[str, Any] | None:
    """One document with its text."""
    row = db.execute(f"SELECT {DOCUMENT}, text FROM documents WHERE id = ?", (document_id,)).fetchone()  # noqa: S608
    return None if row is None else _document(row)


def _document(row: sqlite3.Row) -> dict[str, Any]:
    return {
        key: json.loads(row[key]) if key in ("tags", "metadata") else row[key]
        for key in row.keys()  # noqa: SIM118 (a Row iterates over its values)
        if key != "cursor"
    }
