"""How is a run deleted? Its rows first, in pieces, then the manager: a crash between leaves it deletable."""

import json

from jobs.store.transaction import Transaction
from jobs.store.words import FORGET_WORDS, index_text

PIECE = 2_000


def delete_rows(tx: Transaction, manager_id: str) -> int:
    """Remove the first rows of a manager's log, with their words in the index; how many were removed.

    And as many of its groups of errors, of which there are no more than rows.
    """
    rows = tx.select(
        "SELECT id, event, data FROM log WHERE manager_id = ? ORDER BY seq LIMIT ?", manager_id, PIECE
    )
    for row in rows:
        if row["event"] == "job_log":
            message = index_text(json.loads(row["data"])["message"])
            tx.execute(FORGET_WORDS, row["id"], message)
        tx.execute("DELETE FROM log WHERE id = ?", row["id"])
    first = "SELECT digest FROM error_groups WHERE manager_id = ? LIMIT ?"
    tx.execute(
        f"DELETE FROM error_groups WHERE manager_id = ? AND digest IN ({first})",  # noqa: S608
        manager_id,
        manager_id,
        PIECE,
    )
    tx.forget(manager_id)
    return len(rows)


def delete_manager(tx: Transaction, manager_id: str) -> None:
    """Remove a manager, its steps, worker jobs and links to documents; the documents stay."""
    for table in ("document_runs", "jobs", "steps", "line_marks", "error_groups"):
        tx.execute(f"DELETE FROM {table} WHERE manager_id = ?", manager_id)  # noqa: S608
    tx.execute("DELETE FROM managers WHERE id = ?", manager_id)
    tx.deleted(manager_id)
