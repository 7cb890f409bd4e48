"""What does a worker function see? Its ``Job``: log, spawn, save and read documents, report progress."""

import contextvars
import math
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence, Sized
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

from jobs.arguments import arguments_of
from jobs.job_log import JobLog
from jobs.row import Level, Originator, Source
from jobs.store.documents import check_document, document_id
from jobs.worker_job import Spawner, WorkerJob

T = TypeVar("T")

current: contextvars.ContextVar["Job | None"] = contextvars.ContextVar("stepstream_job", default=None)
"""The job that the present code runs for; child tasks and worker threads inherit it."""


class JobFailed(Exception):
    """A spawned worker job that was awaited did not complete."""


class JobEnded(BaseException):
    """Raised in a function whose job has ended without it: cancelled, or timed out.

    Not an ``Exception``, so that a worker function's own ``except Exception`` does not swallow it.
    """


class Host(Protocol):
    """What a job asks of the step that it runs in. Every method may be called in any thread."""

    params: Mapping[str, Any]
    definition_path: Path

    def write_line(self, job: "Job", level: Level, message: str, data: Any) -> None:
        """Append a line."""

    def spawn(self, parent: "Job", function: Callable[..., Any], arguments: dict[str, Any]) -> "Handle":
        """Queue a worker job."""

    async def wait(self, job: "WorkerJob") -> None:
        """Wait until a worker job has ended, giving the waiting one's place away meanwhile."""

    def save(self, job: "Job", document: Mapping[str, Any]) -> None:
        """Keep a document."""

    def documents(self, **wanted: Any) -> list[dict[str, Any]]:
        """Read documents."""

    def document(self, identity: str) -> dict[str, Any] | None:
        """Read one document."""

    def progress(self, job: "Job", done: float, total: float | None) -> None:
        """Keep how far a worker job is."""


class Job:
    """The job that a worker function runs as, in one try: a step's own function, or a worker job.

    Every method is synchronous and may be called in any thread.
    """

    def __init__(
        self,
        host: Host,
        source: Source,
        originator: Originator,
        name: str,
        spawner: Spawner | None = None,
    ) -> None:
        self._host = host
        self.source = source
        self.originator = originator
        self.name = name
        self.spawner = spawner or Spawner()
        self.log = JobLog(self.write)
        self.told_to_end = False
        self.abandoned = False  # it has ended without its function, which may go on
        self.waits = 0  # how many of its tasks await a handle

    @property
    def manager_id(self) -> str:
        """The run that this job belongs to."""
        return self.source.manager_id

    @property
    def id(self) -> str:
        """The worker job's id; the step's id in a step's own function."""
        return self.source.job_id or self.source.step_id or ""

    @property
    def step_name(self) -> str:
        """The NAME of ``[step.NAME]``."""
        return self.source.step_name or ""

    @property
    def attempt(self) -> int:
        """1 for the first try."""
        return self.source.attempt

    @property
    def params(self) -> Mapping[str, Any]:
        """The run's params, overridden ones included."""
        return self._host.params

    @property
    def definition_path(self) -> Path:
        """The definition's file: what relative paths in it are relative to."""
        return self._host.definition_path

    def spawn(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> "Handle":
        """Queue one worker job, a call of ``function(job, *args, **kwargs)`` in the same step.

        :param function: a module-level function, ``async def`` or plain (then it runs in a thread); its
            arguments and its result are JSON
        :returns: a handle; ``await handle`` gives the result
        :raises TypeError: the function cannot be found again by its name, the arguments do not fit its
            signature, or one of them is not JSON
        :raises RuntimeError: the step has ended
        """
        self.check()
        return self._host.spawn(self, function, arguments_of(function, args, kwargs))

    def save(self, document: Mapping[str, Any]) -> str:
        """Keep a document. One with the same ``source_type`` and ``source_id`` is updated.

        :param document: ``source_type`` and ``source_id``, and any of ``title, url, text`` (texts), ``tags``
            (list of texts) and ``metadata`` (merged key by key into what is stored); absent keys stay
        :returns: the document's id
        :raises ValueError: a key is missing or unknown, or a value has the wrong type
        """
        self.check()
        check_document(document)
        self._host.save(self, document)
        return document_id(document["source_type"], document["source_id"])

    def documents(
        self,
        source_type: str | None = None,
        tags: Sequence[str] | None = None,
        limit: int | None = None,
        scope: Literal["run", "all"] = "run",
    ) -> list[dict[str, Any]]:
        """The documents that this run saved, with their text, in order of first saving.

        :param tags: only documents that have all of them
        :param scope: ``"all"``: also those that only other runs saved
        """
        manager_id = self.manager_id if scope == "run" else None
        return self._host.documents(
            manager_id=manager_id, source_type=source_type, tags=tuple(tags or ()), limit=limit, text=True
        )

    def document(self, identity: str) -> dict[str, Any]:
        """One document with its text, by its id.

        :raises KeyError: there is none
        """
        found = self._host.document(identity)
        if found is None:
            raise KeyError(identity)
        return found

    def progress(self, done: float, total: float | None = None) -> None:
        """Say how far this worker job is; shown at most ten times a second, the last one always.

        :param done: how much is done, in any unit
        :param total: how much there is, in the same unit; None if unknown
        :raises ValueError: one of them is no finite number
        """
        self.check()
        self._host.progress(self, _finite("done", done), None if total is None else _finite("total", total))

    def track(self, iterable: Iterable[T], total: float | None = None) -> Iterator[T]:
        """Go through an iterable and report progress after each item."""
        if total is None and isinstance(iterable, Sized):
            total = len(iterable)
        for done, item in enumerate(iterable, start=1):
            yield item
            self.progress(done, total)

    def write(self, level: Level, message: str, data: Any = None) -> None:
        """Append a line to this job's step."""
        self.check()
        self._host.write_line(self, level, message, data)

    def check(self) -> None:
        """End the function of a job that has ended without it.

        :raises JobEnded: it was cancelled or timed out while its function went on
        """
        if self.abandoned:
            raise JobEnded


class Handle:
    """A spawned worker job. ``await handle`` gives its result once it has completed.

    :raises JobFailed: when awaited, if the job ended otherwise
    """

    def __init__(self, host: Host, job: WorkerJob) -> None:
        self._host = host
        self._job = job

    @property
    def job_id(self) -> str:
        """The worker job's id."""
        return self._job.id

    def __await__(self) -> Generator[Any, None, Any]:
        return self._result().__await__()

    async def _result(self) -> Any:
        await self._host.wait(self._job)
        if self._job.status != "completed":
            reason = f": {self._job.reason}" if self._job.reason else ""
            raise JobFailed(f"{self._job.name} ({self.job_id}) ended {self._job.status}{reason}")
        return self._job.result


def _finite(name: str, value: float) -> float:
    """A number as it can be stored; those of other libraries are good too."""
    try:
        number = math.nan if isinstance(value, str | bytes) else float(value)
    except (TypeError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"progress: {name} is a finite number, not {value!r}")
    return number
