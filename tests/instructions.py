"""What does a query cost? Instructions of SQLite's own machine, whatever else the computer does."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

EVERY = 100  # instructions it tells


class Instructions:
    """How many have been run, to the hundred."""

    count = 0

    def more(self) -> None:
        """A hundred more."""
        self.count += EVERY


@contextmanager
def instructions(db: sqlite3.Connection) -> Iterator[Instructions]:
    """Count those of one connection meanwhile."""
    run = Instructions()
    db.set_progress_handler(run.more, EVERY)
    yield run
    db.set_progress_handler(None, 0)
