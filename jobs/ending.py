"""How did a call of a worker function end? Completed, failed with a last line that says why, or cancelled."""

import json
from dataclasses import dataclass
from typing import Any, Literal

from jobs.arguments import exact_json
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


def as_read_back(job: Job, ending: Ending) -> tuple[Ending, str | None]:
    """The ending with a result as it is read back, and that result as JSON; failed where it is none."""
    if ending.status != "completed":
        return ending, None
    try:
        text = exact_json(ending.result, f"the result of {job.name} is")
    except TypeError as error:
        job.write("error", str(error), {"exception": {"class": "TypeError", "text": str(error)}})
        return Ending("failed", reason=str(error)), None
    return Ending("completed", json.loads(text)), text
