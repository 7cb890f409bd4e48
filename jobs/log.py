"""How does something get into the log? The changes that append rows, each one transaction with its cause.

A status change and its row are one transaction: neither is ever seen without the other.
"""

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from itertools import groupby
from types import MappingProxyType
from typing import Any

from jobs import state
from jobs.creation import NewManager, NewStep, create
from jobs.redact import Redactor
from jobs.row import REASON_CHARACTERS, Level, Originator, Source, encode, now, prepare_line
from jobs.state import Outcome
from jobs.store.documents import save_document
from jobs.store.transaction import Transaction
from jobs.store.writer import Change, Closed, Writer


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
        self._submit(lambda tx: tx.line(prepared))

    def create(
        self, source: Source, new: NewManager, steps: Sequence[NewStep], also: Change | None = None
    ) -> "Future[None]":
        """A manager with its steps, all pending.

        :param also: a change that is made with it, in the same transaction
        """
        at = now()
        params = self.redactor.seal(encode(new.params))

        def change(tx: Transaction) -> None:
            create(tx, source, new, params, steps, at)
            if also is not None:
                also(tx)

        return self.writer.commit(change)

    def commit(self, change: Change) -> "Future[Any]":
        """Make a change; the future has its result once it and all before it is committed.

        :raises Closed: the service is stopping
        """
        return self.writer.commit(change)

    def manager_status(self, source: Source, name: str, outcome: Outcome) -> None:
        """A manager's change of status; with a terminal one its last ``manager_progress`` goes before."""
        outcome = self._clean(outcome)
        at = now()

        def change(tx: Transaction) -> None:
            head = tx.head(source.manager_id)
            columns = state.columns(outcome, at)
            if not tx.update("managers", "id", source.manager_id, outcome.previous, columns):
                return
            head.status = outcome.status
            state.manager_progress_row(tx, source)
            state.status_row(tx, source, "manager", name, outcome, outcome.previous, at)

        self._submit(change)

    def step_status(
        self,
        source: Source,
        name: str,
        outcome: Outcome,
        progress: Mapping[str, tuple[float, float | None]] = MappingProxyType({}),
    ) -> None:
        """A step's change of status, its exact ``step_progress`` before it and ``manager_progress`` after.

        :param progress: how far worker jobs said they are, by id, and was not told before
        """
        outcome = self._clean(outcome)
        at = now()

        def change(tx: Transaction) -> None:
            assert source.step_id is not None
            head = tx.head(source.manager_id)
            if not tx.update(
                "steps", "step_id", source.step_id, outcome.previous, state.columns(outcome, at)
            ):
                return
            head.steps[source.step_id].status = outcome.status
            state.step_progress_row(tx, source, progress)
            state.status_row(tx, source, "step", name, outcome, outcome.previous, at)
            state.manager_progress_row(tx, source)

        self._submit(change)

    def spawn(self, source: Source, name: str, function: str, arguments: str) -> None:
        """A worker job, pending.

        :param name: the function's name
        :param function: where to find it again, ``module:name``
        :param arguments: its arguments as JSON
        """
        at = now()
        arguments = self.redactor.seal(arguments)

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
            state.status_row(tx, source, "worker", name, Outcome("pending", "pending"), None, at)

        self._submit(change)

    def job_status(self, source: Source, name: str, outcome: Outcome) -> None:
        """A worker job's change of status, counted in its step."""
        outcome = self._clean(outcome)
        at = now()
        self._submit(lambda tx: state.job_status(tx, source, name, outcome, at))

    def cancel_jobs(self, jobs: Sequence[tuple[Source, str, str]]) -> "Future[None]":
        """Pending worker jobs of one step are cancelled: the source, the name and the reason of each.

        :raises Closed: the service is stopping
        """
        at = now()
        changes = [
            (name, self._clean(Outcome("pending", "cancelled", reason)), [source for source, *_ in alike])
            for (name, reason), alike in groupby(jobs, key=lambda job: job[1:])
        ]

        def change(tx: Transaction) -> None:
            for name, outcome, sources in changes:
                state.job_statuses(tx, sources, name, outcome, at)

        return self.writer.commit(change)

    def progress(
        self, source: Source, progress: Mapping[str, tuple[float, float | None]], eta: float | None
    ) -> None:
        """A step's ``step_progress`` and its manager's ``manager_progress``: the counts when written.

        :param progress: how far worker jobs say they are, by id
        :param eta: seconds until the step will have ended
        """

        def change(tx: Transaction) -> None:
            state.job_progress(tx, progress)
            state.step_progress_row(tx, source, progress, eta)
            state.manager_progress_row(tx, source)

        self._submit(change)

    def function_completed(self, source: Source) -> None:
        """A step's own function has completed: no retry calls it again."""
        self._submit(lambda tx: state.function_completed(tx, source))

    def save(self, source: Source, document: Mapping[str, Any]) -> None:
        """A document of this run."""
        clean = json.loads(self.redactor.clean_json(encode(document)))
        self._submit(lambda tx: save_document(tx, source.manager_id, clean))

    def flush(self) -> None:
        """Wait until everything before is committed, so that a reader sees it.

        :raises Closed: the service is stopping
        """
        self.writer.commit(lambda tx: None).result()

    def _submit(self, change: Change) -> None:
        """Queue a change; once the service stops, what still comes is too late and dropped."""
        try:  # noqa: SIM105 (a context manager costs more than the rest)
            self.writer.submit(change)
        except Closed:
            pass

    def _clean(self, outcome: Outcome) -> Outcome:
        if not (outcome.reason or outcome.extra):
            return outcome
        reason = outcome.reason and self.redactor.clean(outcome.reason)[:REASON_CHARACTERS]
        extra = {
            key: self.redactor.seal(value) if isinstance(value, str) else value
            for key, value in (outcome.extra or {}).items()
        }
        return Outcome(outcome.previous, outcome.status, reason, outcome.duration, extra)
