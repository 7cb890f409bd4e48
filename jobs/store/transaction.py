"""What can one write do? The statements of a write transaction, and the counters it keeps.

Only the writer's thread uses a ``Transaction``. The counters of live managers stay in memory from one
transaction to the next, are written back with the rows that changed them, and are forgotten when one is
rolled back.
"""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from jobs.row import LEVELS, PreparedLine, Source, encode, event_row, now
from jobs.status import TERMINAL, Status
from jobs.store.commit import COLUMNS, Appended, Commit
from jobs.store.error_groups import ErrorGroups
from jobs.store.heads import Head, StepHead, read_head, write_head
from jobs.store.schema import MARK_EVERY
from jobs.store.statement import insert_many, run
from jobs.store.words import index_text

MOST_IDS = 900  # in one statement: with the values to set they stay below 1,000 parameters


class Transaction:
    """The statements of a write transaction on one connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._heads: dict[str, Head] = {}
        # Never an id twice, not even after a rollback or a deletion: a search goes on after the last it saw.
        self._appended = Appended(connection.execute("SELECT coalesce(max(id), 0) FROM log").fetchone()[0])
        # The values of other rows to insert, one after the other: the lines' words, and one other table's.
        self._words: list[Any] = []
        self._errors = ErrorGroups()
        self._others: list[Any] = []
        self._other = ("", 0)  # that table with its columns, and how many they are
        self.touched: set[str] = set()
        self._deleted: set[str] = set()
        self.committed = Commit({}, ())

    @property
    def rows(self) -> int:
        """How many rows of the log wait to be inserted."""
        return len(self._appended.values) // COLUMNS

    # -- its life, driven by the writer

    def begin(self) -> None:
        """Start: take SQLite's write lock, so that nothing read below can change."""
        self.touched, self._deleted = set(), set()
        self._connection.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """Write what was gathered, and commit."""
        appended = self._appended.values
        self._flush()
        self._connection.execute("COMMIT")
        heads = {manager_id: self._heads[manager_id] for manager_id in self.touched}
        states = {manager_id: (head.status, head.last_seq) for manager_id, head in heads.items()}
        self.committed = Commit(states, appended, self._deleted)
        for manager_id, head in heads.items():
            if head.status in TERMINAL:
                del self._heads[manager_id]

    def rollback(self) -> None:
        """Undo, and forget every counter: they are read anew."""
        self._appended = Appended(self._appended.last_id)
        self._words, self._others, self._heads = [], [], {}
        self._errors = ErrorGroups()
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def _flush(self) -> None:
        self._insert_others()
        insert_many(self._connection, "log", COLUMNS, self._appended.values)
        insert_many(self._connection, "log_words (rowid, message)", 2, self._words)
        self._appended, self._words = Appended(self._appended.last_id), []
        self._errors.write(self._connection)
        for manager_id in self.touched:
            write_head(self._connection, manager_id, self._heads[manager_id])

    # -- the log

    def head(self, manager_id: str) -> Head:
        """The counters of a manager.

        :raises KeyError: there is no such manager
        """
        head = self._heads.get(manager_id)
        if head is None:
            self._insert_others()  # its own row may be among them
            head = self._heads[manager_id] = read_head(self._connection, manager_id)
        self.touched.add(manager_id)
        return head

    def line(self, prepared: PreparedLine) -> None:
        """Append a ``job_log`` row: it gets its manager's next seq and its step's next line number.

        One that comes after its step's or manager's end is dropped.
        """
        source = prepared.source
        head = self.head(source.manager_id)
        counter: Head | StepHead = head.steps[source.step_id] if source.step_id else head
        if counter.status in TERMINAL:
            return  # from a thread that was given up: nothing comes after the end
        counter.lines += 1
        counter.changed = True
        level, number = prepared.level, counter.lines
        seq = head.next_seq()
        if number % MARK_EVERY == 1:
            self._mark(source, number, seq, counter.levels if counter is not head else head.own_levels())
        head.levels[level] += 1
        if counter is not head:
            counter.levels[level] += 1
        row = prepared.numbered(seq, number)
        row_id = self._appended.add(source, seq, "job_log", level, number, prepared.created_at, row)
        self._words += (row_id, index_text(prepared.text))
        if level == "error":
            self._errors.add(source.manager_id, seq, row)

    def _mark(self, source: Source, line_number: int, seq: int, before: Mapping[str, int]) -> None:
        """Note where a line is, and how many of each level are before it, that others are found from it."""
        self.insert(
            "line_marks",
            {
                "manager_id": source.manager_id,
                "step_name": source.step_name or "",
                "line_number": line_number,
                "seq": seq,
                **{f"{level}_lines": before[level] for level in LEVELS},
            },
        )

    def event(
        self, event: str, source: Source, fields: dict[str, Any], created_at: str | None = None
    ) -> None:
        """Append a row of another event."""
        self.events(event, (source,), fields, created_at)

    def events(
        self, event: str, sources: Iterable[Source], fields: dict[str, Any], created_at: str | None = None
    ) -> None:
        """Append rows of another event that differ by their sources only."""
        created_at, members = created_at or now(), encode(fields)[1:-1]
        for source in sources:
            seq = self.head(source.manager_id).next_seq()
            row = event_row(seq, event, source, members, created_at)
            self._appended.add(source, seq, event, None, None, created_at, row)

    # -- managers, steps and worker jobs

    def insert(self, table: str, values: Mapping[str, Any]) -> None:
        """Insert one row into a table other than the log."""
        other = (f"{table} ({', '.join(values)})", len(values))
        if other != self._other:
            self._insert_others()
            self._other = other
        self._others += values.values()

    def _insert_others(self) -> None:
        """Insert what was gathered for another table than the log."""
        if self._others:
            values, self._others = self._others, []
            insert_many(self._connection, *self._other, values)

    def _run(self, sql: str, parameters: Sequence[Any]) -> sqlite3.Cursor:
        """Run a statement that may depend on what was inserted before."""
        self._insert_others()
        return run(self._connection, sql, parameters)

    def update(self, table: str, key: str, value: str, previous: Status, changes: Mapping[str, Any]) -> bool:
        """Change one manager, step or worker job; False if its status is not ``previous`` any more.

        The condition is the fence: a late result never overwrites a terminal status.
        """
        statement = f"UPDATE {table} SET {' = ?, '.join(changes)} = ? WHERE {key} = ? AND status = ?"  # noqa: S608
        return self.execute(statement, *changes.values(), value, previous) == 1

    def not_ended(
        self, table: Literal["managers", "steps", "jobs"], manager_id: str = ""
    ) -> list[sqlite3.Row]:
        """The managers, or the steps or worker jobs of one, that have not ended, in order of creation."""
        order = "position" if table == "steps" else "ordinal"
        whose = "" if table == "managers" else "manager_id = ? AND"
        cursor = self._run(
            f"SELECT * FROM {table} WHERE {whose} status IN ('pending', 'running') ORDER BY {order}",  # noqa: S608
            (manager_id,) if manager_id else (),
        )
        cursor.row_factory = sqlite3.Row
        return cursor.fetchall()

    def update_jobs(
        self, job_ids: Sequence[str], previous: Status, changes: Mapping[str, Any]
    ) -> frozenset[str]:
        """Change many worker jobs; which, for the status of some may not be ``previous`` any more."""
        changed: list[str] = []
        for start in range(0, len(job_ids), MOST_IDS):
            ids = job_ids[start : start + MOST_IDS]
            those = f"status = ? AND job_id IN ({', '.join('?' * len(ids))})"
            found = self._run(f"SELECT job_id FROM jobs WHERE {those}", (previous, *ids))  # noqa: S608
            changed += [job_id for (job_id,) in found]
            statement = f"UPDATE jobs SET {' = ?, '.join(changes)} = ? WHERE {those}"  # noqa: S608
            self.execute(statement, *changes.values(), previous, *ids)
        return frozenset(changed)

    def select(self, sql: str, *parameters: Any) -> list[sqlite3.Row]:
        """All rows of a query, as this transaction sees them."""
        cursor = self._run(sql, parameters)
        cursor.row_factory = sqlite3.Row
        return cursor.fetchall()

    def execute(self, sql: str, *parameters: Any) -> int:
        """Run a statement; how many rows it changed."""
        return self._run(sql, parameters).rowcount

    def forget(self, manager_id: str) -> None:
        """Forget the counters of a manager whose rows were deleted."""
        self._heads.pop(manager_id, None)
        self.touched.discard(manager_id)

    def deleted(self, manager_id: str) -> None:
        """Note that a manager is not there any more."""
        self.forget(manager_id)
        self._deleted.add(manager_id)
