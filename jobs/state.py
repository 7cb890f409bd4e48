"""Which rows follow from a change of state? A status and its rows, written in the same transaction."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from jobs.row import Source, whole
from jobs.status import Status, job_counts, progress_text, step_counts
from jobs.store.transaction import Transaction

MOST_PROGRESS = 200  # worker jobs in one row, which has its bounds


class Outcome(NamedTuple):
    """A change of status: from what, to what, why, and how long it took (seconds) if it ended."""

    previous: Status
    status: Status
    reason: str | None = None
    duration: float | None = None
    extra: Mapping[str, Any] | None = None  # further columns, for example a worker job's result


def columns(outcome: Outcome, at: str) -> dict[str, Any]:
    """What a change of status does to a manager, a step or a worker job; times are those of its attempt."""
    columns: dict[str, Any] = {"status": outcome.status, "reason": outcome.reason}
    if outcome.status == "running":
        columns["started_at"] = at
    elif outcome.status == "pending":
        columns |= {"started_at": None, "finished_at": None, "duration": None}
    else:
        columns |= {"finished_at": at, "duration": _rounded(outcome.duration)}
    return columns | dict(outcome.extra or {})


def _rounded(seconds: float | None) -> float | None:
    """A duration to the microsecond, as times are."""
    return None if seconds is None else round(seconds, 6)


def job_status(tx: Transaction, source: Source, name: str, outcome: Outcome, at: str) -> None:
    assert source.job_id is not None
    assert source.step_id is not None
    step = tx.head(source.manager_id).steps[source.step_id]
    if not tx.update("jobs", "job_id", source.job_id, outcome.previous, columns(outcome, at)):
        return
    step.counts[outcome.previous] -= 1
    step.counts[outcome.status] = step.counts.get(outcome.status, 0) + 1
    step.changed = True
    status_row(tx, source, "worker", name, outcome, outcome.previous, at)


def job_statuses(tx: Transaction, sources: Sequence[Source], name: str, outcome: Outcome, at: str) -> None:
    """The same change of many worker jobs of one step, in few statements.

    :param name: that of their function
    """
    manager_id, step_id = sources[0].manager_id, sources[0].step_id
    assert step_id is not None
    step = tx.head(manager_id).steps[step_id]
    job_ids = [source.job_id or "" for source in sources]
    changed = tx.update_jobs(job_ids, outcome.previous, columns(outcome, at))
    step.counts[outcome.previous] -= len(changed)
    step.counts[outcome.status] = step.counts.get(outcome.status, 0) + len(changed)
    step.changed = True
    rows = (source for source in sources if source.job_id in changed)
    tx.events("job_status", rows, _fields("worker", name, outcome, outcome.previous), at)


def status_row(
    tx: Transaction,
    source: Source,
    job_type: str,
    name: str,
    outcome: Outcome,
    previous: Status | None,
    at: str,
) -> None:
    attempt = None if source.job_id else source.attempt
    tx.event("job_status", source, _fields(job_type, name, outcome, previous, attempt), at)


def _fields(
    job_type: str, name: str, outcome: Outcome, previous: Status | None, attempt: int | None = None
) -> dict[str, Any]:
    """What a row of a change of status says, but for whose it is; a worker job's attempt is part of that."""
    fields: dict[str, Any] = {"job_type": job_type, "name": name}
    if attempt is not None:
        fields["attempt"] = attempt
    fields |= {"status": outcome.status, "previous": previous}
    if outcome.reason is not None:
        fields["reason"] = outcome.reason
    if outcome.duration is not None:
        fields["duration"] = _rounded(outcome.duration)
    return fields


def function_completed(tx: Transaction, source: Source) -> None:
    assert source.step_id is not None
    tx.update("steps", "step_id", source.step_id, "running", {"function_completed": 1})


def job_progress(tx: Transaction, progress: Mapping[str, tuple[float, float | None]]) -> None:
    for job_id, (done, total) in progress.items():
        tx.update("jobs", "job_id", job_id, "running", {"progress_done": done, "progress_total": total})


def step_progress_row(
    tx: Transaction,
    source: Source,
    progress: Mapping[str, tuple[float, float | None]] = MappingProxyType({}),
    eta: float | None = None,
) -> None:
    assert source.step_id is not None
    step = tx.head(source.manager_id).steps[source.step_id]
    fields: dict[str, Any] = {
        "status": step.status,
        **job_counts(step.counts),
        "progress_text": progress_text(step.counts),
    }
    if progress:
        fields["progress"] = {
            job_id: {"done": whole(done), "total": whole(total)}
            for job_id, (done, total) in itertools.islice(progress.items(), MOST_PROGRESS)
        }
    if eta is not None:
        fields["eta_seconds"] = eta
    if step.status == "running":
        tx.update("steps", "step_id", source.step_id, "running", {"eta_seconds": eta})
    tx.event("step_progress", Source(source.manager_id, source.step_id, source.step_name), fields)


def manager_progress_row(tx: Transaction, source: Source) -> None:
    head = tx.head(source.manager_id)
    sums = _sums(step.counts for step in head.steps.values())
    fields = {
        "status": head.status,
        **step_counts(step.status for step in head.steps.values()),
        **job_counts(sums),
    }
    tx.event("manager_progress", Source(source.manager_id), fields)


def _sums(counts: Iterable[Mapping[Status, int]]) -> dict[Status, int]:
    total: dict[Status, int] = {}
    for one in counts:
        for status, number in one.items():
            total[status] = total.get(status, 0) + number
    return total
