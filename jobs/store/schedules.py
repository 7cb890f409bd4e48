"""What is kept of a schedule? The due time that was handled last, and the last one that was skipped."""

from dataclasses import dataclass
from datetime import UTC, datetime

from jobs.schedule import rfc3339
from jobs.store.transaction import Transaction


@dataclass(frozen=True)
class Kept:
    """How far the schedule of a definition has come."""

    schedule: str
    timezone: str
    due: datetime
    """The due time that was handled last, or the time when the schedule was first seen."""
    skipped: tuple[str, str] | None = None
    """The due time that was skipped last, as it is stored, and the reason."""


def load(tx: Transaction) -> dict[str, Kept]:
    """All of them, by definition."""
    found = {}
    for row in tx.select("SELECT * FROM schedules"):
        try:
            due = datetime.fromisoformat(row["due"])
        except ValueError:  # somebody's own: as if the schedule was new
            continue
        skipped = (row["skipped_due_at"], row["skipped_reason"]) if row["skipped_due_at"] else None
        found[row["definition"]] = Kept(
            row["schedule"], row["timezone"], due if due.tzinfo else due.replace(tzinfo=UTC), skipped
        )
    return found


def keep(tx: Transaction, definition: str, kept: Kept) -> None:
    """Replace what is kept of one."""
    forget(tx, definition)
    skipped_due_at, skipped_reason = kept.skipped or (None, None)
    tx.insert(
        "schedules",
        {
            "definition": definition,
            "schedule": kept.schedule,
            "timezone": kept.timezone,
            "due": rfc3339(kept.due),
            "skipped_due_at": skipped_due_at,
            "skipped_reason": skipped_reason,
        },
    )


def forget(tx: Transaction, definition: str) -> None:
    """Keep nothing of one."""
    tx.execute("DELETE FROM schedules WHERE definition = ?", definition)
