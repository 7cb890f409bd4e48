"""Which tables are there? The schema and its migrations, made with sqlite-utils."""

import json

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from jobs.row import LEVELS
from jobs.store.error_groups import ErrorGroups
from jobs.store.words import FORGET_WORDS, index_text, parts

MARK_EVERY = 256
MOST_GROUPS = 10_000  # of errors, in memory

migrations = Migrations("stepstream")

COUNTS = {
    f"{status}_jobs": int
    for status in ("pending", "running", "completed", "failed", "cancelled", "interrupted")
}
TIMES = {"created_at": str, "started_at": str, "finished_at": str, "duration": float}


@migrations()
def create_tables(db: Database) -> None:
    """The log, and what a row of it cannot answer quickly."""
    db.table("log").create(
        {
            "id": int,
            "manager_id": str,
            "seq": int,
            "event": str,
            "step_name": str,
            "job_id": str,
            "level": str,
            "line_number": int,
            "created_at": str,
            "data": str,  # the row as it is sent: one line of ASCII JSON
        },
        pk="id",
        not_null={"manager_id", "seq", "event", "created_at", "data"},
    )
    db.table("log").create_index(["manager_id", "seq"], unique=True, index_name="log_manager_seq")
    db.execute(
        "CREATE INDEX log_errors ON log (manager_id, seq) WHERE level = 'error'"  # for error groups
    )
    # The words of the lines. Contentless: the text stands once, in log.data. Nothing ranks hits: no sizes.
    db.execute(
        "CREATE VIRTUAL TABLE log_words"
        " USING fts5(message, content='', tokenize='ascii', detail='none', columnsize=0)"
    )
    db.table("managers").create(
        {
            "ordinal": int,
            "id": str,
            "definition": str,
            "name": str,
            "toml": str,
            "params": str,
            "status": str,
            "attempt": int,
            "reason": str,
            **TIMES,
            "last_seq": int,
            "lines": int,
            **{f"{level}_lines": int for level in ("debug", "info", "warning", "error")},
        },
        pk="ordinal",
        not_null={"id", "definition", "status"},
    )
    db.table("managers").create_index(["id"], unique=True, index_name="managers_id")
    db.execute("CREATE INDEX managers_live ON managers (status) WHERE status IN ('pending', 'running')")
    db.table("steps").create(
        {
            "step_id": str,
            "manager_id": str,
            "position": int,
            "name": str,
            "description": str,
            "type": str,
            "depends": str,
            "status": str,
            "attempt": int,
            "reason": str,
            **TIMES,
            "lines": int,
            **COUNTS,
        },
        pk="step_id",
        not_null={"manager_id", "name", "status"},
    )
    db.table("steps").create_index(["manager_id", "position"], unique=True, index_name="steps_manager")
    db.table("jobs").create(
        {
            "ordinal": int,
            "job_id": str,
            "manager_id": str,
            "step_id": str,
            "parent_id": str,
            "name": str,
            "function": str,
            "arguments": str,
            "status": str,
            "attempt": int,
            "reason": str,
            "result": str,
            "progress_done": float,
            "progress_total": float,
            **TIMES,
        },
        pk="ordinal",
        not_null={"job_id", "manager_id", "step_id", "status"},
    )
    db.table("jobs").create_index(["job_id"], unique=True, index_name="jobs_id")
    db.table("jobs").create_index(["manager_id", "ordinal"], index_name="jobs_manager")
    db.table("documents").create(
        {
            "ordinal": int,
            "id": str,
            "source_type": str,
            "source_id": str,
            "title": str,
            "url": str,
            "text": str,
            "tags": str,
            "metadata": str,
            "created_at": str,
            "updated_at": str,
        },
        pk="ordinal",
        not_null={"id", "source_type", "source_id"},
    )
    db.table("documents").create_index(["id"], unique=True, index_name="documents_id")
    # Which runs saved a document, in order of first saving (the rowid).
    db.table("document_runs").create(
        {"ordinal": int, "manager_id": str, "document_id": str}, pk="ordinal"
    ).create_index(["manager_id", "document_id"], unique=True, index_name="document_runs_manager")


@migrations()
def add_retries(db: Database) -> None:
    """What a retry or a resume needs to know of a run."""
    # Where the definition's file is: what relative paths in it are relative to.
    db.table("managers").add_column("path", str)
    db.table("managers").add_column("on_restart", str)
    db.execute(
        "CREATE INDEX managers_to_resume ON managers (ordinal)"
        " WHERE status = 'interrupted' AND on_restart = 'resume'"
    )
    # Whether the step's own function has completed, so that a retry does not call it again.
    db.table("steps").add_column("function_completed", int)
    db.table("steps").add_column("eta_seconds", float)


@migrations()
def add_history_index(db: Database) -> None:
    """The runs of one definition, in order: an index ends with the rowid, which is the ordinal."""
    db.table("managers").create_index(["definition"], index_name="managers_definition")


@migrations()
def add_schedules(db: Database) -> None:
    """How far the schedule of each definition has come."""
    db.table("schedules").create(
        {
            "definition": str,
            "schedule": str,
            "timezone": str,
            "due": str,  # the due time that was handled last, or the time when the schedule was first seen
            "skipped_due_at": str,
            "skipped_reason": str,
        },
        pk="definition",
        not_null={"schedule", "timezone", "due"},
    )


@migrations()
def add_totals(db: Database) -> None:
    """How many managers and worker jobs there are by status: kept by triggers, which no change can forget."""
    db.table("manager_totals").create({"status": str, "managers": int}, pk="status")
    db.execute("INSERT INTO manager_totals SELECT status, count(*) FROM managers GROUP BY status")
    one_more = (
        "INSERT INTO manager_totals VALUES (new.status, 1)"
        " ON CONFLICT (status) DO UPDATE SET managers = managers + 1;"
    )
    one_less = "UPDATE manager_totals SET managers = managers - 1 WHERE status = old.status;"
    for name, on, body in (
        ("managers_added", "INSERT", one_more),
        ("managers_changed", "UPDATE OF status", one_less + one_more),
        ("managers_removed", "DELETE", one_less),
    ):
        db.execute(f"CREATE TRIGGER {name} AFTER {on} ON managers BEGIN {body} END")
    db.table("job_totals").create(COUNTS)
    sums = ", ".join(f"coalesce(sum({column}), 0)" for column in COUNTS)
    db.execute(f"INSERT INTO job_totals SELECT {sums} FROM steps")  # noqa: S608
    differs = " OR ".join(f"new.{column} <> old.{column}" for column in COUNTS)
    for name, on, difference in (
        ("steps_added", "INSERT ON steps", "+ new.{0}"),
        # Counts are written with every line: only where one has changed is there anything to do.
        ("steps_changed", f"UPDATE ON steps WHEN {differs}", "+ new.{0} - old.{0}"),
        ("steps_removed", "DELETE ON steps", "- old.{0}"),
    ):
        change = ", ".join(f"{column} = {column} {difference.format(column)}" for column in COUNTS)
        db.execute(f"CREATE TRIGGER {name} AFTER {on} BEGIN UPDATE job_totals SET {change}; END")  # noqa: S608


@migrations()
def add_line_marks(db: Database) -> None:
    """Where the first and every so manieth line of a step is: any is found quickly. Lines by level."""
    db.execute(
        "CREATE TABLE line_marks (manager_id TEXT, step_name TEXT, line_number INTEGER, seq INTEGER NOT NULL,"
        " PRIMARY KEY (manager_id, step_name, line_number)) WITHOUT ROWID"
    )
    db.execute(
        "INSERT INTO line_marks SELECT manager_id, coalesce(step_name, ''), line_number, seq FROM log"  # noqa: S608
        f" WHERE event = 'job_log' AND line_number % {MARK_EVERY} = 1"
    )
    for level in LEVELS:
        db.table("steps").add_column(f"{level}_lines", int, not_null_default=0)
    sums = ", ".join(f"sum(level = '{level}') AS {level}_lines" for level in LEVELS)
    db.execute(
        f"UPDATE steps SET {', '.join(f'{level}_lines = found.{level}_lines' for level in LEVELS)}"  # noqa: S608
        f" FROM (SELECT manager_id, step_name, {sums} FROM log WHERE event = 'job_log' GROUP BY 1, 2)"
        " AS found WHERE found.manager_id = steps.manager_id AND found.step_name = steps.name"
    )


@migrations()
def add_error_groups(db: Database) -> None:
    """How many error lines say the same: reading them all for each answer takes long where they are many."""
    db.execute(
        "CREATE TABLE error_groups (manager_id TEXT, digest BLOB, count INTEGER NOT NULL,"
        " first_seq INTEGER NOT NULL, PRIMARY KEY (manager_id, digest)) WITHOUT ROWID"
    )
    db.execute("CREATE INDEX error_groups_order ON error_groups (manager_id, count DESC, first_seq)")
    groups = ErrorGroups()
    errors = "SELECT manager_id, seq, data FROM log WHERE level = 'error' ORDER BY manager_id, seq"
    for number, line in enumerate(db.execute(errors)):
        groups.add(*line)
        if number % MOST_GROUPS == 0:  # all of them may be more than memory holds
            groups.write(db.conn)
    groups.write(db.conn)
    db.execute("DROP INDEX log_errors")


@migrations()
def add_levels_to_line_marks(db: Database) -> None:
    """How many lines of each level the step had before a mark: a filtered log is paged without reading it."""
    for level in LEVELS:
        db.table("line_marks").add_column(f"{level}_lines", int, not_null_default=0)
    sums = ", ".join(f"sum(sum(level = '{level}')) OVER before AS {level}_lines" for level in LEVELS)
    # All lines from a mark to the next have its number of marks before them.
    db.execute(
        f"UPDATE line_marks SET {', '.join(f'{level}_lines = found.{level}_lines' for level in LEVELS)}"  # noqa: S608
        " FROM (SELECT manager_id, coalesce(step_name, '') AS step_name,"
        f" (line_number - 1) / {MARK_EVERY} * {MARK_EVERY} + 1 AS line_number, {sums}"
        " FROM log WHERE event = 'job_log' GROUP BY 1, 2, 3 WINDOW before AS"
        " (PARTITION BY manager_id, coalesce(step_name, '')"
        f" ORDER BY (line_number - 1) / {MARK_EVERY} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"
        ") AS found WHERE found.manager_id = line_marks.manager_id AND found.step_name = line_marks.step_name"
        " AND found.line_number = line_marks.line_number AND found.line_number > 1"
    )


@migrations()
def index_what_is_coloured(db: Database) -> None:
    """The codes of colours beside a word were taken for parts of it."""
    coloured = "SELECT id, data FROM log WHERE event = 'job_log' AND instr(data, '\\u001b[') ORDER BY id"
    for row_id, data in db.execute(coloured).fetchall():
        message = json.loads(data)["message"]
        db.execute(FORGET_WORDS, (row_id, parts(message)))
        db.execute("INSERT INTO log_words (rowid, message) VALUES (?, ?)", (row_id, index_text(message)))
