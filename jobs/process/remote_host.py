"""How does a job in a process reach its step? Over the connection to the service.

Lines, documents and progress are sent and not answered. What has an answer is a request with a number; a
thread, started with the first one, receives the answers.
"""

import asyncio
import itertools
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from jobs.arguments import exact_json
from jobs.job import Handle, Job, JobEnded, JobFailed
from jobs.process.connection import Connection
from jobs.row import Level, encode_data

PROGRESS_SECONDS = 0.1
ERRORS: dict[str, type[Exception]] = {
    kind.__name__: kind for kind in (JobFailed, RecursionError, RuntimeError, TypeError, ValueError)
}


class RemoteHost:
    """The step that the job runs in, at the other end of the connection."""

    def __init__(
        self,
        connection: Connection,
        messages: Iterator[list[Any]],
        params: Mapping[str, Any],
        definition_path: Path,
    ) -> None:
        self.params = params
        self.definition_path = definition_path
        self.is_copy = False
        self._connection = connection
        self._messages = messages
        self._numbers = itertools.count(1)
        self._asked: dict[int, Future[Any]] = {}
        self._lock = threading.Lock()
        self._receiver: threading.Thread | None = None
        self._progress_at = 0.0
        self._progress: tuple[float, float | None] | None = None

    # -- what is told

    def write_line(self, job: Job, level: Level, message: str, data: Any) -> None:
        """Append a line."""
        self._tell("line", level, message, None if data is None else encode_data(data))

    def save(self, job: Job, document: Mapping[str, Any]) -> None:
        """Keep a document."""
        self._tell("save", document)

    def progress(self, job: Job, done: float, total: float | None) -> None:
        """Keep how far the job is; what comes too soon after another is kept back."""
        self._progress = (done, total)
        if time.monotonic() - self._progress_at >= PROGRESS_SECONDS:
            self._progress_at = time.monotonic()
            self.send_progress()

    def send_progress(self) -> None:
        """Send what was kept back."""
        if self._progress is not None:
            (done, total), self._progress = self._progress, None
            self._tell("progress", done, total)

    def _tell(self, *message: Any) -> None:
        if self.is_copy:
            raise RuntimeError("a process that a worker function forks has no job; give back what it found")
        try:
            self._connection.send(*message)
        except OSError:
            raise JobEnded from None

    # -- what is asked

    def documents(self, **wanted: Any) -> list[dict[str, Any]]:
        """Read documents."""
        found: list[dict[str, Any]] = self._ask("documents", wanted).result()
        return found

    def document(self, identity: str) -> dict[str, Any] | None:
        """Read one document."""
        found: dict[str, Any] | None = self._ask("document", identity).result()
        return found

    def spawn(self, parent: Job, function: Callable[..., Any], arguments: dict[str, Any]) -> Handle:
        """Queue a worker job."""
        exact_json(arguments, f"spawn({function.__name__}): its arguments are")
        place = f"{function.__module__}:{function.__name__}"
        return RemoteHandle(self, self._ask("spawn", place, arguments).result())

    async def wait(self, job: Any) -> Any:
        """The result of a worker job, once it has completed."""
        return await asyncio.wrap_future(self._ask("wait", job))

    def _ask(self, word: str, *values: Any) -> "Future[Any]":
        answer: Future[Any] = Future()
        answer.set_running_or_notify_cancel()  # it comes, also if nobody waits for it any more
        with self._lock:
            number = next(self._numbers)
            self._asked[number] = answer
            if self._receiver is None:
                self._receiver = threading.Thread(
                    target=self._receive, name="stepstream-answers", daemon=True
                )
                self._receiver.start()
        self._tell(word, number, *values)
        return answer

    def _receive(self) -> None:
        for word, number, *values in self._messages:
            if word == "answer":
                self._asked.pop(number).set_result(*values)
            else:
                kind, text = values
                error = ERRORS[kind](text) if kind in ERRORS else RuntimeError(f"{kind}: {text}")
                self._asked.pop(number).set_exception(error)
        for answer in self._asked.values():  # the service is gone
            answer.set_exception(JobEnded())


class RemoteHandle(Handle):
    """A worker job that was spawned from this process."""

    def __init__(self, host: RemoteHost, job_id: str) -> None:
        self._remote = host
        self._id = job_id

    @property
    def job_id(self) -> str:
        """The worker job's id."""
        return self._id

    async def _result(self) -> Any:
        return await self._remote.wait(self._id)
