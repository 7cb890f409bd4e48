"""How does something get into the log? The changes that append rows, each one transaction with its cause.

A status change and its row are one transaction: neither is ever seen without the other.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from jobs.redact import Redactor
from jobs.row import REASON_CHARACTERS, Level, Originator, Source, encode, now, prepare_line
from jobs.status import Status, job_counts, progress_text, step_counts
from jobs.store.documents import save_document
from jobs.store.transaction import Transaction
from jobs.store.writer import Writer


@dataclass(frozen=True)
class NewStep:
    """A step as it is created, pending, with its manager."""

    source: Source
    name: str
    description: str
    type: str
    depends: Sequence[str]


@dataclass(frozen=True)
class Outcome:
    """A change of status: from what, to what, why, and how long it took (seconds) if it ended."""

    previous: Status
    status: Status
    reason: str | None = None
    duration: float | None = None
    extra: Mapping[str, Any] | None = None  # further columns, for example a worker job's result


class Log:
    """Appends to the log. Every method may be called in any thread; none waits for the disk."""

    def __init__(self, writer: Writer, redactor: Redactor) -> None:
        self.writer = writer
        self.redactor = redactor

    def line(
        self, source: Source, originator: Originator, level: Level, message: str, data: Any = None
    ) -> None:
        """A ``job_log`` row."""
        prepared = prepare_line(source, originator, level, message, data, self.redactor)
        self.writer.submit(lambda tx: tx.line(prepared))

    def create(
        self, source: Source, definition: str, name: str, toml: str, params: Any, steps: Sequence[NewStep]
    ) -> "Future[None]":
        """A manager with its steps, all pending."""
        at = now()
        params_text = self.redactor.clean(encode(params))

        def change(tx: Transaction) -> None:
            tx.insert(
                "managers",
                {
                    "id": source.manager_id,
                    "definition": definition,
                    "name": name,
                    "toml": toml,
                    "params": params_text,
                    "status": "pending",
                    "attempt": 1,
                    "created_at": at,
                    "last_seq": 0,
                    "lines": 0,
                    **{f"{level}_lines": 0 for level in ("debug", "info", "warning", "error")},
                },
            )
            for position, step in enumerate(steps):
                tx.insert(
                    "steps",
                    {
                        "step_id": step.source.step_id,
                        "manager_id": source.manager_id,
                        "position": position,
                        "name": step.name,
                        "description": step.description,
                        "type": step.type,
                        "depends": json.dumps(list(step.depends)),
                        "status": "pending",
                        "attempt": 1,
                        "created_at": at,
                        "lines": 0,
                        **{key: 0 for key in job_counts({}) if key != "total_jobs"},
                    },
                )
            _status_row(tx, source, "manager", definition, Outcome("pending", "pending"), None, at)
            for step in steps:
                _status_row(tx, step.source, "step", step.name, Outcome("pending", "pending"), None, at)

        return self.writer.commit(change)

    def manager_status(self, source: Source, name: str, outcome: Outcome) -> "Future[None]":
        """A manager's change of status; with a terminal one its last ``manager_progress`` goes before."""
        outcome = self._clean(outcome)
        at = now()

        def change(tx: Transaction) -> None:
            head = tx.head(source.manager_id)
            columns = _columns(outcome, at)
            if not tx.update("managers", "id", source.manager_id, outcome.previous, columns):
                return
            head.status = outcome.status
            _manager_progress_row(tx, source)
            _status_row(tx, source, "manager", name, outcome, outcome.previous, at)

        return self.writer.commit(change)

    def step_status(self, source: Source, name: str, outcome: Outcome) -> None:
        """A step's change of status, its exact ``step_progress`` before it and ``manager_progress`` after."""
        outcome = self._clean(outcome)
        at = now()

        def change(tx: Transaction) -> None:
            assert source.step_id is not None
            head = tx.head(source.manager_id)
            if not tx.update("steps", "step_id", source.step_id, outcome.previous, _columns(outcome, at)):
                return
            head.steps[source.step_id].status = outcome.status
            _step_progress_row(tx, source)
            _status_row(tx, source, "step", name, outcome, outcome.previous, at)
            _manager_progress_row(tx, source)

        self.writer.submit(change)

    def spawn(self, source: Source, name: str, function: str, arguments: str) -> None:
        """A worker job, pending.

        :param name: the function's name
        :param function: where to find it again, ``module:name``
        :param arguments: its arguments as JSON
        """
        at = now()
        arguments = self.redactor.clean(arguments)

        def change(tx: Transaction) -> None:
            assert source.step_id is not None
            counts = tx.head(source.manager_id).steps[source.step_id].counts
            tx.insert(
                "jobs",
                {
                    "job_id": source.job_id,
                    "manager_id": source.manager_id,
                    "step_id": source.step_id,
                    "parent_id": source.parent_id,
                    "name": name,
                    "function": function,
                    "arguments": arguments,
                    "status": "pending",
                    "attempt": source.attempt,
                    "created_at": at,
                },
            )
            counts["pending"] = counts.get("pending", 0) + 1
            tx.head(source.manager_id).steps[source.step_id].changed = True
            _status_row(tx, source, "worker", name, Outcome("pending", "pending"), None, at)

        self.writer.submit(change)

    def job_status(self, source: Source, name: str, outcome: Outcome) -> None:
        """A worker job's change of status, counted in its step."""
        outcome = self._clean(outcome)
        at = now()
        self.writer.submit(lambda tx: _job_status(tx, source, name, outcome, at))

    def progress(self, source: Source) -> None:
        """A step's ``step_progress`` and its manager's ``manager_progress``: the counts when written."""

        def change(tx: Transaction) -> None:
            _step_progress_row(tx, source)
            _manager_progress_row(tx, source)

        self.writer.submit(change)

    def job_progress(self, job_id: str, done: float, total: float | None) -> None:
        """How far a worker job says it is."""
        self.writer.submit(
            lambda tx: tx.execute(
                "UPDATE jobs SET progress_done = ?, progress_total = ? WHERE job_id = ?", done, total, job_id
            )
        )

    def save(self, source: Source, document: Mapping[str, Any]) -> "Future[None]":
        """A document of this run."""
        clean = json.loads(self.redactor.clean(encode(document)))
        return self.writer.commit(lambda tx: save_document(tx, source.manager_id, clean))

    def _clean(self, outcome: Outcome) -> Outcome:
        if outcome.reason is None:
            return outcome
        reason = self.redactor.clean(outcome.reason)[:REASON_CHARACTERS]
        return Outcome(outcome.previous, outcome.status, reason, outcome.duration, outcome.extra)


def interrupt(tx: Transaction, reason: str) -> list[str]:
    """Make everything that has not ended ``interrupted``, with the reason; the ids of the managers.

    Used before the service listens, for what a dead process left, and as the last change of one that stops.
    """
    interrupted = [row["id"] for row in tx.select(_live("managers", "ordinal"))]
    at = now()
    for manager_id in interrupted:
        manager = Source(manager_id)
        tx.line(prepare_line(manager, "system", "warning", f"Interrupted: {reason}"))
        for job in tx.select(_live("jobs", "ordinal", "manager_id = ?"), manager_id):
            step_name = tx.head(manager_id).steps[job["step_id"]].name
            source = Source(
                manager_id, job["step_id"], step_name, job["job_id"], job["parent_id"], job["attempt"]
            )
            _job_status(tx, source, job["name"], Outcome(job["status"], "interrupted", reason), at)
        for step in tx.select(_live("steps", "position", "manager_id = ?"), manager_id):
            source = Source(manager_id, step["step_id"], step["name"], attempt=step["attempt"])
            outcome = Outcome(step["status"], "interrupted", reason)
            tx.update("steps", "step_id", step["step_id"], outcome.previous, _columns(outcome, at))
            tx.head(manager_id).steps[step["step_id"]].status = "interrupted"
            _step_progress_row(tx, source)
            _status_row(tx, source, "step", step["name"], outcome, outcome.previous, at)
        (row,) = tx.select("SELECT * FROM managers WHERE id = ?", manager_id)
        outcome = Outcome(row["status"], "interrupted", reason)
        tx.update("managers", "id", manager_id, outcome.previous, _columns(outcome, at))
        tx.head(manager_id).status = "interrupted"
        _manager_progress_row(tx, manager)
        _status_row(tx, manager, "manager", row["definition"], outcome, outcome.previous, at)
    return interrupted


def _live(table: str, order: str, where: str = "true") -> str:
    return f"SELECT * FROM {table} WHERE {where} AND status IN ('pending', 'running') ORDER BY {order}"  # noqa: S608


def _columns(outcome: Outcome, at: str) -> dict[str, Any]:
    columns: dict[str, Any] = {"status": outcome.status, "reason": outcome.reason}
    if outcome.status == "running":
        columns["started_at"] = at
    elif outcome.status != "pending":
        columns |= {"finished_at": at, "duration": outcome.duration}
    return columns | dict(outcome.extra or {})


def _job_status(tx: Transaction, source: Source, name: str, outcome: Outcome, at: str) -> None:
    assert source.job_id is not None
    assert source.step_id is not None
    step = tx.head(source.manager_id).steps[source.step_id]
    if not tx.update("jobs", "job_id", source.job_id, outcome.previous, _columns(outcome, at)):
        return
    step.counts[outcome.previous] -= 1
    step.counts[outcome.status] = step.counts.get(outcome.status, 0) + 1
    step.changed = True
    _status_row(tx, source, "worker", name, outcome, outcome.previous, at)


def _status_row(
    tx: Transaction,
    source: Source,
    job_type: str,
    name: str,
    outcome: Outcome,
    previous: Status | None,
    at: str,
) -> None:
    fields: dict[str, Any] = {"job_type": job_type, "name": name}
    if source.job_id is None:
        fields["attempt"] = source.attempt
    fields |= {"status": outcome.status, "previous": previous}
    if outcome.reason is not None:
        fields["reason"] = outcome.reason
    if outcome.duration is not None:
        fields["duration"] = round(outcome.duration, 6)
    tx.event("job_status", source, fields, at)


def _step_progress_row(tx: Transaction, source: Source) -> None:
    assert source.step_id is not None
    step = tx.head(source.manager_id).steps[source.step_id]
    fields = {"status": step.status, **job_counts(step.counts), "progress_text": progress_text(step.counts)}
    tx.event("step_progress", Source(source.manager_id, source.step_id, source.step_name), fields)


def _manager_progress_row(tx: Transaction, source: Source) -> None:
    head = tx.head(source.manager_id)
    sums = _sum(step.counts for step in head.steps.values())
    fields = {
        "status": head.status,
        **step_counts(step.status for step in head.steps.values()),
        **job_counts(sums),
    }
    tx.event("manager_progress", Source(source.manager_id), fields)


def _sum(counts: Iterable[Mapping[Status, int]]) -> dict[Status, int]:
    total: dict[Status, int] = {}
    for one in counts:
        for status, number in one.items():
            total[status] = total.get(status, 0) + number
    return total
