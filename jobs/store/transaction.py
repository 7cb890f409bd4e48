"""What can one write do? The statements of a write transaction, and the counters it keeps.

Only the writer's thread uses a ``Transaction``. The counters of live managers (the last ``seq``, the last
``line_number`` of each step, worker jobs by status) stay in memory from one transaction to the next, are
written back with the rows that changed them, and are forgotten when a transaction is rolled back.
"""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from jobs.row import LEVELS, PreparedLine, Source, encode, event_row, now
from jobs.status import TERMINAL, WORKER_STATUSES, Status
from jobs.store.rows import Row, to_row
from jobs.store.schema import MARK_EVERY
from jobs.store.statement import insert_many, run
from jobs.store.words import index_text

COLUMNS = 10  # of the log
ROW_COLUMNS = (1, 2, 3, 4, 5, 6, 9)  # of them the manager's id, and what a ``Row`` has
MANAGER_ID, EVENT, LEVEL = 1, 3, 6  # of these columns
MOST_IDS = 900  # in one statement: with the values to set they stay below 1,000 parameters


@dataclass
class StepHead:
    """The counters of one step."""

    name: str
    status: Status
    lines: int = 0
    levels: dict[str, int] = field(default_factory=lambda: dict.fromkeys(LEVELS, 0))
    counts: dict[Status, int] = field(default_factory=dict)
    changed: bool = False


@dataclass
class Head:
    """The counters of one manager."""

    status: Status
    last_seq: int = 0
    lines: int = 0
    levels: dict[str, int] = field(default_factory=dict)
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


class Commit:
    """What a transaction has committed.

    :param heads: the managers that it touched: their status and last seq
    :param values: of the rows that it appended to the log
    :param deleted: the managers that it removed
    """

    def __init__(
        self, heads: Mapping[str, tuple[Status, int]], values: Sequence[Any], deleted: Iterable[str] = ()
    ) -> None:
        self.heads = heads
        self.deleted = frozenset(deleted)
        self._values = values

    def changed(self) -> set[str]:
        """The managers whose statuses or counts it may have changed: those that got more than lines."""
        events = self._values[EVENT::COLUMNS]
        if events.count("job_log") == len(events):
            return set()
        managers = zip(self._values[MANAGER_ID::COLUMNS], events, strict=True)
        return {manager_id for manager_id, event in managers if event != "job_log"}

    @property
    def size(self) -> int:
        """How many rows it appended."""
        return len(self._values) // COLUMNS

    def levels(self) -> Sequence[str | None]:
        """The levels of these rows; None for those that are no lines."""
        return self._values[LEVEL::COLUMNS]

    def rows(self, manager_ids: Iterable[str]) -> dict[str, list[Row]]:
        """The rows that some managers got, by manager."""
        found: dict[str, list[Row]] = {manager_id: [] for manager_id in manager_ids}
        columns = [self._values[start::COLUMNS] for start in ROW_COLUMNS]
        for manager_id, *values in zip(*columns, strict=True):
            if (rows := found.get(manager_id)) is not None:
                rows.append(to_row(values))
        return found


class Transaction:
    """The statements of a write transaction on one connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._heads: dict[str, Head] = {}
        # The values of the rows to insert, one after the other: of the log, its words, and one other table.
        self._rows: list[Any] = []
        self._words: list[Any] = []
        self._others: list[Any] = []
        self._other = ("", 0)  # that table with its columns, and how many they are
        # Never given twice, not even after a rollback or a deletion: a search goes on after the last it saw.
        self._last_id: int = connection.execute("SELECT coalesce(max(id), 0) FROM log").fetchone()[0]
        self.touched: set[str] = set()
        self._deleted: set[str] = set()
        self.committed = Commit({}, ())

    @property
    def rows(self) -> int:
        """How many rows of the log wait to be inserted."""
        return len(self._rows) // COLUMNS

    # -- its life, driven by the writer

    def begin(self) -> None:
        """Start: take SQLite's write lock, so that nothing read below can change."""
        self.touched, self._deleted = set(), set()
        self._connection.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """Write what was gathered, and commit."""
        appended = self._rows
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
        self._rows, self._words, self._others, self._heads = [], [], [], {}
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def _flush(self) -> None:
        self._insert_others()
        insert_many(self._connection, "log", COLUMNS, self._rows)
        insert_many(self._connection, "log_words (rowid, message)", 2, self._words)
        self._rows, self._words = [], []
        for manager_id in self.touched:
            head = self._heads[manager_id]
            if head.changed:
                self._connection.execute(
                    "UPDATE managers SET last_seq = ?, lines = ?, debug_lines = ?, info_lines = ?,"
                    " warning_lines = ?, error_lines = ? WHERE id = ?",
                    (
                        head.last_seq,
                        head.lines,
                        *(head.levels.get(level, 0) for level in LEVELS),
                        manager_id,
                    ),
                )
                head.changed = False
            for step_id, step in head.steps.items():
                if step.changed:
                    self._connection.execute(
                        "UPDATE steps SET lines = ?, debug_lines = ?, info_lines = ?, warning_lines = ?,"
                        " error_lines = ?, pending_jobs = ?, running_jobs = ?, completed_jobs = ?,"
                        " failed_jobs = ?, cancelled_jobs = ?, interrupted_jobs = ? WHERE step_id = ?",
                        (
                            step.lines,
                            *(step.levels[level] for level in LEVELS),
                            *(step.counts.get(word, 0) for word in WORKER_STATUSES),
                            step_id,
                        ),
                    )
                    step.changed = False

    # -- the log

    def head(self, manager_id: str) -> Head:
        """The counters of a manager.

        :raises KeyError: there is no such manager
        """
        head = self._heads.get(manager_id)
        if head is None:
            head = self._heads[manager_id] = self._read_head(manager_id)
        self.touched.add(manager_id)
        return head

    def _read_head(self, manager_id: str) -> Head:
        found = self._run(
            "SELECT status, last_seq, lines, debug_lines, info_lines, warning_lines, error_lines"
            " FROM managers WHERE id = ?",
            (manager_id,),
        ).fetchone()
        if found is None:
            raise KeyError(manager_id)
        head = Head(found[0], found[1], found[2], dict(zip(LEVELS, found[3:], strict=True)))
        for step_id, name, status, lines, *numbers in self._connection.execute(
            "SELECT step_id, name, status, lines, debug_lines, info_lines, warning_lines, error_lines,"
            " pending_jobs, running_jobs, completed_jobs, failed_jobs, cancelled_jobs, interrupted_jobs"
            " FROM steps WHERE manager_id = ? ORDER BY position",
            (manager_id,),
        ):
            levels = dict(zip(LEVELS, numbers, strict=False))
            counts = dict(zip(WORKER_STATUSES, numbers[len(LEVELS) :], strict=True))
            head.steps[step_id] = StepHead(name, status, lines, levels, counts)
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
        row_id = self._append(source, seq, "job_log", level, number, prepared.created_at, row)
        self._words += (row_id, index_text(prepared.text))

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
            self._append(source, seq, event, None, None, created_at, row)

    def _append(
        self,
        source: Source,
        seq: int,
        event: str,
        level: str | None,
        line_number: int | None,
        created_at: str,
        data: str,
    ) -> int:
        self._last_id += 1
        self._rows += (
            self._last_id,
            source.manager_id,
            seq,
            event,
            source.step_name,
            source.job_id,
            level,
            line_number,
            created_at,
            data,
        )
        return self._last_id

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
