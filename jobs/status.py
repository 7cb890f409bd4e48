"""Which status follows? Statuses, counts, roll-up and the next steps to start, as pure functions.

A status is one of eight words. Worker jobs use six of them: they are never ``completed_with_warnings``
or ``skipped``, which only a step or a manager can be.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

Status = Literal[
    "pending",
    "running",
    "completed",
    "completed_with_warnings",
    "failed",
    "cancelled",
    "skipped",
    "interrupted",
]
STATUSES: tuple[Status, ...] = get_args(Status)
LIVE: frozenset[Status] = frozenset({"pending", "running"})
TERMINAL: frozenset[Status] = frozenset(STATUSES) - LIVE
GOOD: frozenset[Status] = frozenset({"completed", "completed_with_warnings"})
WORKER_STATUSES: tuple[Status, ...] = (
    "pending",
    "running",
    "completed",
    "failed",
    "cancelled",
    "interrupted",
)

Counts = Mapping[Status, int]
Stop = Literal["fail", "fatal", "cancel", "timeout"]


def job_counts(counts: Counts) -> dict[str, int]:
    """The counts of worker jobs under the names that users see: ``total_jobs``, ``pending_jobs``, …"""
    named = {f"{status}_jobs": counts.get(status, 0) for status in WORKER_STATUSES}
    return {"total_jobs": sum(named.values()), **named}


def step_counts(statuses: Iterable[Status]) -> dict[str, int]:
    """The counts of a manager's steps: ``total_steps``, ``pending_steps``, … for all eight statuses."""
    found = list(statuses)
    return {"total_steps": len(found), **{f"{status}_steps": found.count(status) for status in STATUSES}}


def progress_text(counts: Counts) -> str:
    """``66 pending, 1 running, 41 completed, 0 failed``, and the other statuses where they are not 0."""
    always = WORKER_STATUSES[:4]
    return ", ".join(
        f"{counts.get(status, 0)} {status}"
        for status in WORKER_STATUSES
        if status in always or counts.get(status, 0)
    )


def roll_up_step(
    counts: Counts, *, cancelled: bool = False, failed: bool = False, max_child_failures: int | None = None
) -> Status:
    """The status of a step whose function and worker jobs have all ended; the first rule that fits.

    :param counts: its worker jobs by status
    :param cancelled: a user, another step's ``fatal`` or the end of the run cancelled it
    :param failed: its function raised, its configuration was wrong or it timed out
    :param max_child_failures: more failed worker jobs than this fail the step; None is no limit
    """
    completed, failures, gone = (counts.get(word, 0) for word in ("completed", "failed", "cancelled"))
    if cancelled:
        return "cancelled"
    if failed or (max_child_failures is not None and failures > max_child_failures):
        return "failed"
    if failures and not completed:
        return "failed"
    if gone and not completed:
        return "cancelled"
    if failures or gone:
        return "completed_with_warnings"
    return "completed"


def roll_up_manager(steps: Iterable[Status], *, cancelled: bool = False, failed: bool = False) -> Status:
    """The status of a manager whose steps have all ended; the first rule that fits.

    :param cancelled: a user cancelled it
    :param failed: it timed out, or a step failed under ``on_error`` ``fail`` or ``fatal``
    """
    ended = set(steps)
    if cancelled:
        return "cancelled"
    if failed:
        return "failed"
    if not ended & GOOD:
        return "cancelled" if "cancelled" in ended else "failed"
    return "completed" if ended == {"completed"} else "completed_with_warnings"


@dataclass(frozen=True)
class Move:
    """A pending step and what becomes of it now: ``running``, ``skipped`` or ``cancelled``."""

    step: str
    status: Status
    reason: str | None = None


@dataclass(frozen=True)
class Node:
    """What the order of a step depends on."""

    name: str
    depends: tuple[str, ...] = ()
    always_run: bool = False


@dataclass(frozen=True)
class StepState:
    """How far a step has come.

    :param unfinished_jobs: worker jobs that failed, were cancelled or interrupted
    """

    status: Status
    function_completed: bool
    unfinished_jobs: int

    @property
    def completed(self) -> bool:
        """Whether nothing of it is left to do."""
        return self.status in GOOD and self.function_completed and not self.unfinished_jobs


def next_moves(nodes: Sequence[Node], statuses: Mapping[str, Status], stop: Stop | None) -> list[Move]:
    """What becomes of the pending steps, in file order; what a skipped one does to others is included.

    :param statuses: the present status of every step
    :param stop: why no further step may start, if so: a step failed under ``fail`` or ``fatal``, a user
        cancelled the run, or the run timed out
    """
    seen = dict(statuses)
    moves: list[Move] = []
    changed = True
    while changed:
        changed = False
        for node in nodes:
            if seen[node.name] == "pending" and (move := _move(node, seen, stop)):
                seen[node.name] = move.status
                moves.append(move)
                changed = True
    return moves


def _move(node: Node, statuses: Mapping[str, Status], stop: Stop | None) -> Move | None:
    if stop == "cancel":
        return Move(node.name, "cancelled", "the run was cancelled")
    if stop == "timeout":
        return Move(node.name, "cancelled", "the run timed out")
    if stop == "fatal" or (stop == "fail" and not node.always_run):
        return Move(node.name, "skipped", f'a step failed under on_error = "{stop}"')
    ended = [name for name in node.depends if statuses[name] in TERMINAL]
    if not node.always_run:
        for name in ended:
            if statuses[name] not in GOOD:
                return Move(node.name, "skipped", f"{name} ended {statuses[name]}")
    return Move(node.name, "running") if len(ended) == len(node.depends) else None
