"""What does a retry run again? What did not complete, what depends on it, and nothing that completed.

A worker job that did not complete runs again. A step's own function is called again if it did not complete,
or if a step that it depends on runs again: that one may find more now. What such a function spawned before
and spawns again is the same worker job, and one that completed is not run (``jobs.worker_jobs``).
"""

from collections.abc import Mapping, Sequence

from jobs.status import GOOD, Node, StepState


class NothingToRetry(Exception):
    """Everything asked for has completed, or could not start; the message says which."""


def steps_to_retry(
    nodes: Sequence[Node], states: Mapping[str, StepState], only: str | None = None
) -> dict[str, bool]:
    """The steps that run again, in file order, and whether their own function is called again.

    :param only: retry this step and what depends on it; None is all
    :raises NothingToRetry: there is none, or the one step cannot start
    """
    again: dict[str, bool] = {}
    changed = True
    while changed:
        changed = False
        for node in nodes:
            chosen = only in (None, node.name) and not states[node.name].completed
            after = any(name in again for name in node.depends)
            if node.name not in again and (chosen or after):
                again[node.name] = False
                changed = True
    for node in nodes:
        if node.name in again:
            follows = any(name in again for name in node.depends)
            again[node.name] = follows or not states[node.name].function_completed
    if only is not None and only in again:
        _refuse_if_held_back(next(node for node in nodes if node.name == only), states)
    if not again:
        raise NothingToRetry("nothing is left to do" if only is None else f"{only} has completed")
    return {node.name: again[node.name] for node in nodes if node.name in again}


def _refuse_if_held_back(node: Node, states: Mapping[str, StepState]) -> None:
    for name in node.depends:
        if not node.always_run and states[name].status not in GOOD:
            raise NothingToRetry(
                f"{node.name} cannot start: {name} ended {states[name].status}; retry {name}"
            )
