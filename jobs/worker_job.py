"""What is known of a worker job? Its call, how it stands, and what it has spawned."""

import json
import math
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from jobs.row import Source
from jobs.status import Status

Identity = tuple[str, str]


@dataclass(slots=True, eq=False)
class Spawner:
    """A job that may spawn: a step's own function, or a worker job.

    ``earlier`` are worker jobs that an earlier try has spawned, by what a spawn is known by again; those of
    one identity in order.
    """

    depth: int = 0
    queued_at: float = -math.inf  # when the present try was due (monotonic seconds)
    cancelled: str | None = None  # the reason, from the moment that it is being cancelled
    children: list["WorkerJob"] = field(default_factory=list)
    earlier: dict[Identity, deque["WorkerJob"]] = field(default_factory=dict)

    def remember(self, spawned: Iterable["WorkerJob"]) -> None:
        """Take spawned worker jobs as those of an earlier try."""
        self.earlier = {}
        for job in spawned:
            self.earlier.setdefault(identity(job.function_path, job.arguments), deque()).append(job)

    def again(self, function_path: str, arguments: dict[str, Any]) -> "WorkerJob | None":
        """The worker job that an earlier try spawned with this call, the n-th one for the n-th call."""
        if not self.earlier:
            return None
        same = self.earlier.get(identity(function_path, arguments))
        return same.popleft() if same else None


class RunningCall(Protocol):
    """The call of its function, in the present try."""

    def cancel(self) -> None:
        """Tell it to end."""


@dataclass(slots=True, eq=False, kw_only=True)
class WorkerJob(Spawner):
    """A worker job: one call of a function, tried once or several times.

    ``tries`` counts those that will have failed in this run of the step; ``source.attempt`` goes on over
    retries by hand.
    """

    source: Source
    function: Callable[..., Any] | None
    function_path: str
    arguments: dict[str, Any]
    status: Status = "pending"
    reason: str | None = None
    result: Any = None
    tries: int = 0
    started_at: float = -math.inf  # its present try (monotonic seconds)
    ended_at: float = -math.inf
    call: RunningCall | None = None

    @property
    def id(self) -> str:
        """Its id."""
        return self.source.job_id or ""

    @property
    def name(self) -> str:
        """The function's name."""
        return self.function_path.rpartition(":")[2]


def identity(function_path: str, arguments: dict[str, Any]) -> Identity:
    """What a spawn is known by again: the function and its arguments, whatever the order of their keys."""
    return function_path, json.dumps(arguments, sort_keys=True)
