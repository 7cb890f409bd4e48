"""How did a call of a worker function end? Completed, failed with a last line that says why, or cancelled."""

from dataclasses import dataclass
from typing import Any, Literal

from jobs.exception import Failure, describe
from jobs.job import Job


@dataclass(frozen=True)
class Ending:
    """How a call ended: ``completed`` with a result, ``failed`` with a reason, or ``cancelled``."""

    status: Literal["completed", "failed", "cancelled"]
    result: Any = None
    reason: str | None = None


def failed(job: Job, error: BaseException) -> Ending:
    """The ending of a call that raised; its traceback is the job's last line."""
    if isinstance(error, Failure):
        reason = str(error)
        job.write("error", reason)
        return Ending("failed", reason=reason)
    text, exception = describe(error)
    job.write("error", text, {"exception": exception})
    return Ending("failed", reason=f"{exception['class']}: {exception['text']}")
