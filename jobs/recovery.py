"""What becomes of a run when its process ends? All that has not ended is ``interrupted``, with the reason."""

from itertools import groupby

from jobs.row import Source, now, prepare_line
from jobs.state import Outcome, columns, job_statuses, manager_progress_row, status_row, step_progress_row
from jobs.store.transaction import Transaction


def interrupt(tx: Transaction, reason: str) -> list[str]:
    """Make everything that has not ended ``interrupted``, with the reason; the ids of the managers.

    Used before the service listens, for what a dead process left, and as the last change of one that stops.
    """
    managers = tx.not_ended("managers")
    at = now()
    for row in managers:
        manager_id = row["id"]
        manager = Source(manager_id, attempt=row["attempt"])
        tx.line(prepare_line(manager, "system", "warning", f"Interrupted: {reason}"))
        _interrupt_jobs(tx, manager_id, reason, at)
        for step in tx.not_ended("steps", manager_id):
            source = Source(manager_id, step["step_id"], step["name"], attempt=step["attempt"])
            outcome = Outcome(step["status"], "interrupted", reason)
            tx.update("steps", "step_id", step["step_id"], outcome.previous, columns(outcome, at))
            tx.head(manager_id).steps[step["step_id"]].status = "interrupted"
            step_progress_row(tx, source)
            status_row(tx, source, "step", step["name"], outcome, outcome.previous, at)
        outcome = Outcome(row["status"], "interrupted", reason)
        tx.update("managers", "id", manager_id, outcome.previous, columns(outcome, at))
        tx.head(manager_id).status = "interrupted"
        manager_progress_row(tx, manager)
        status_row(tx, manager, "manager", row["definition"], outcome, outcome.previous, at)
    return [row["id"] for row in managers]


def _interrupt_jobs(tx: Transaction, manager_id: str, reason: str, at: str) -> None:
    """Those of one manager, many at once: a hundred thousand may be pending, and a stop has seconds."""
    for (step_id, name, status), jobs in groupby(
        tx.not_ended("jobs", manager_id), key=lambda job: (job["step_id"], job["name"], job["status"])
    ):
        step_name = tx.head(manager_id).steps[step_id].name
        sources = [
            Source(manager_id, step_id, step_name, job["job_id"], job["parent_id"], job["attempt"])
            for job in jobs
        ]
        job_statuses(tx, sources, name, Outcome(status, "interrupted", reason), at)
