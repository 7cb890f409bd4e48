"""How does an ended run go on? Its worker jobs as they were, and the rows that open it again."""

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from jobs import worker_types
from jobs.redact import unseal
from jobs.row import Source, now, prepare_line
from jobs.state import Outcome, columns, manager_progress_row, status_row, step_progress_row
from jobs.state import job_status as write_job_status
from jobs.step import Earlier
from jobs.store.kept import KeptJob, KeptManager, KeptStep
from jobs.store.transaction import Transaction
from jobs.store.writer import Change
from jobs.worker_job import WorkerJob

PIECE = 1_000  # worker jobs in one change


class Busy(Exception):
    """The run is not one that has ended: it runs, or is being deleted or retried; the message says so."""


@dataclass(frozen=True)
class Reopening:
    """What is opened again.

    :param steps: those that run again, and whether their own function is called again
    :param jobs: the worker jobs of those steps
    """

    manager: KeptManager
    steps: Sequence[tuple[KeptStep, bool]]
    jobs: Sequence[KeptJob]
    reason: str


def earlier_of(
    step: KeptStep, call_again: bool, jobs: Iterable[KeptJob], environ: Mapping[str, str]
) -> Earlier:
    """A step's worker jobs; those that did not complete are pending.

    :param jobs: what is kept of them, in order of spawning
    :raises ValueError: a variable of the environment that is in their arguments is not there any more
    """
    found: dict[str, WorkerJob] = {}
    own: list[WorkerJob] = []
    at = time.monotonic()
    for kept in jobs:
        completed = kept.status == "completed"
        parent = found.get(kept.parent_id)
        attempt = kept.attempt if completed else kept.attempt + 1
        job = found[kept.job_id] = WorkerJob(
            depth=parent.depth + 1 if parent else 1,
            queued_at=at,
            source=_source(kept, step.name, attempt),
            function=_function(kept.function),
            function_path=kept.function,
            arguments=read_sealed(kept.arguments, environ),
            status="completed" if completed else "pending",
            result=read_sealed(kept.result, environ) if completed and kept.result is not None else None,
        )
        (parent.children if parent else own).append(job)
    for job in found.values():
        if job.status == "pending":
            job.remember(job.children)
    return Earlier(not call_again, own, list(found.values()))


def _source(kept: KeptJob, step_name: str, attempt: int) -> Source:
    manager_id = kept.step_id.rpartition(".")[0]
    return Source(manager_id, kept.step_id, step_name, kept.job_id, kept.parent_id, attempt)


def read_sealed(sealed: str, environ: Mapping[str, str]) -> Any:
    """A value of sealed JSON.

    :raises ValueError: a variable of the environment that is in it is not there any more
    """
    try:
        return json.loads(unseal(sealed, environ))
    except KeyError as error:
        raise ValueError(f"the environment has no {error.args[0]} any more") from None


def _function(path: str) -> Callable[..., Any]:
    """The function of a worker job, or one that fails it."""
    try:
        return worker_types.find(path)
    except LookupError as error:
        problem = error

    async def missing(job: Any, **arguments: Any) -> None:
        raise problem

    return missing


def reopen(what: Reopening) -> list[Change]:
    """The changes that make a run pending again, with the steps and worker jobs that run again.

    Each is in its next attempt then. The first one raises ``Busy`` where somebody else has opened or
    deleted the run; the others follow only if it does not. A process that dies between them leaves what has
    failed to the next retry.
    """
    names = {step.step_id: step.name for step, _ in what.steps}
    jobs = [job for job in what.jobs if job.status != "completed"]
    return [
        partial(_reopen_steps, what=what),
        *(
            partial(_reopen_jobs, jobs=jobs[start : start + PIECE], names=names, reason=what.reason)
            for start in range(0, len(jobs), PIECE)
        ),
        partial(_report, what=what),
    ]


def _reopen_steps(tx: Transaction, what: Reopening) -> None:
    kept, at = what.manager, now()
    head = tx.head(kept.manager_id)
    source = Source(kept.manager_id, attempt=kept.attempt + 1)
    outcome = Outcome(kept.status, "pending", what.reason, extra={"attempt": source.attempt})
    if not tx.update("managers", "id", kept.manager_id, kept.status, columns(outcome, at)):
        raise Busy(f"{kept.manager_id} is not {kept.status} any more")
    head.status = "pending"
    status_row(tx, source, "manager", kept.definition, outcome, kept.status, at)
    tx.line(prepare_line(source, "manager", "info", f"{what.reason[0].upper()}{what.reason[1:]}"))
    for step, call_again in what.steps:
        step_source = Source(kept.manager_id, step.step_id, step.name, attempt=step.attempt + 1)
        extra: dict[str, Any] = {"attempt": step_source.attempt}
        if call_again:
            extra["function_completed"] = 0
        outcome = Outcome(step.status, "pending", what.reason, extra=extra)
        tx.update("steps", "step_id", step.step_id, step.status, columns(outcome, at))
        head.steps[step.step_id].status = "pending"
        status_row(tx, step_source, "step", step.name, outcome, step.status, at)


def _reopen_jobs(tx: Transaction, jobs: Sequence[KeptJob], names: Mapping[str, str], reason: str) -> None:
    at = now()
    for job in jobs:
        source = _source(job, names[job.step_id], job.attempt + 1)
        extra = {"attempt": source.attempt, "progress_done": None, "progress_total": None}
        write_job_status(tx, source, job.name, Outcome(job.status, "pending", reason, extra=extra), at)


def _report(tx: Transaction, what: Reopening) -> None:
    for step, _ in what.steps:
        step_progress_row(tx, Source(what.manager.manager_id, step.step_id, step.name))
    manager_progress_row(tx, Source(what.manager.manager_id))
