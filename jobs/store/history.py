"""How long did a step take before? Its durations in the newest runs of the definition."""

import sqlite3

RUNS_LOOKED_AT = 100


def step_durations(db: sqlite3.Connection, definition: str, step_name: str, limit: int = 20) -> list[float]:
    """Seconds that a step took where it completed at its first attempt, newest run first.

    A retry does only what was left, so its duration says nothing of a whole run's. Only the newest 100 runs
    are looked at: however many there are, and even if the step never completes, this is quick.

    :param definition: the definition's id
    :param limit: how many at most
    """
    # CROSS JOIN: the runs first, and each one's steps, whatever the planner thinks of it.
    found = db.execute(
        "SELECT steps.duration FROM"
        " (SELECT id, ordinal FROM managers WHERE definition = ? ORDER BY ordinal DESC LIMIT ?) AS newest"
        " CROSS JOIN steps ON steps.manager_id = newest.id"
        " WHERE steps.name = ? AND steps.status = 'completed' AND steps.attempt = 1"
        " AND steps.duration IS NOT NULL"
        " ORDER BY newest.ordinal DESC LIMIT ?",
        (definition, RUNS_LOOKED_AT, step_name, limit),
    )
    return [seconds for (seconds,) in found]
