"""How far has a live manager come? The counters of it and of its steps, as its next rows need them."""

import sqlite3
from dataclasses import dataclass, field

from jobs.row import LEVELS
from jobs.status import WORKER_STATUSES, Status
from jobs.store.statement import run

LINES = ("lines", *(f"{level}_lines" for level in LEVELS))
OF_MANAGER = ("last_seq", *LINES)
OF_STEP = (*LINES, *(f"{status}_jobs" for status in WORKER_STATUSES))
READ_MANAGER = f"SELECT status, {', '.join(OF_MANAGER)} FROM managers WHERE id = ?"  # noqa: S608
READ_STEPS = (
    f"SELECT step_id, name, status, {', '.join(OF_STEP)} FROM steps"  # noqa: S608
    " WHERE manager_id = ? ORDER BY position"
)
WRITE_MANAGER = f"UPDATE managers SET {' = ?, '.join(OF_MANAGER)} = ? WHERE id = ?"  # noqa: S608
WRITE_STEP = f"UPDATE steps SET {' = ?, '.join(OF_STEP)} = ? WHERE step_id = ?"  # noqa: S608


@dataclass
class StepHead:
    """The counters of one step."""

    name: str
    status: Status
    lines: int
    levels: dict[str, int]
    counts: dict[Status, int]
    changed: bool = False


@dataclass
class Head:
    """The counters of one manager."""

    status: Status
    last_seq: int
    lines: int
    levels: dict[str, int]
    steps: dict[str, StepHead] = field(default_factory=dict)
    changed: bool = False

    def next_seq(self) -> int:
        """The number of the next row."""
        self.changed = True
        self.last_seq += 1
        return self.last_seq

    def own_levels(self) -> dict[str, int]:
        """How many lines of each level are the manager's own, of no step."""
        return {
            level: self.levels[level] - sum(step.levels[level] for step in self.steps.values())
            for level in LEVELS
        }


def read_head(connection: sqlite3.Connection, manager_id: str) -> Head:
    """The counters of a manager.

    :raises KeyError: there is no such manager
    """
    found = run(connection, READ_MANAGER, (manager_id,)).fetchone()
    if found is None:
        raise KeyError(manager_id)
    status, last_seq, lines, *numbers = found
    head = Head(status, last_seq, lines, dict(zip(LEVELS, numbers, strict=True)))
    for step_id, name, status, lines, *numbers in run(connection, READ_STEPS, (manager_id,)):
        levels = dict(zip(LEVELS, numbers, strict=False))
        counts = dict(zip(WORKER_STATUSES, numbers[len(LEVELS) :], strict=True))
        head.steps[step_id] = StepHead(name, status, lines, levels, counts)
    return head


def write_head(connection: sqlite3.Connection, manager_id: str, head: Head) -> None:
    """Write back the counters that have changed."""
    if head.changed:
        levels = [head.levels[level] for level in LEVELS]
        connection.execute(WRITE_MANAGER, (head.last_seq, head.lines, *levels, manager_id))
        head.changed = False
    for step_id, step in head.steps.items():
        if step.changed:
            levels = [step.levels[level] for level in LEVELS]
            counts = [step.counts[status] for status in WORKER_STATUSES]
            connection.execute(WRITE_STEP, (step.lines, *levels, *counts, step_id))
            step.changed = False
