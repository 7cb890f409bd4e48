"""How is a worker function called in a process of its own? What it does, the service does for its job.

A thread of the service receives what the process sends and does it as a plain function of the service would:
so a process that floods the log waits for the disk like any other, and holds up nobody else.
"""

import contextlib
import json
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import anyio
from anyio import CancelScope, CapacityLimiter, from_thread, to_thread
from anyio.abc import TaskGroup

from jobs import worker_types
from jobs.ending import Ending
from jobs.job import Handle, Job, JobEnded
from jobs.process.connection import Connection, Garbled
from jobs.process.processes import NoProcess, Process, Processes
from jobs.row import LEVELS

# Between SIGTERM and SIGKILL.
GRACE_SECONDS = 0.5


class ProcessCall:
    """One call of a worker function in a process of its own.

    :param threads: for the threads that receive, one a call
    """

    def __init__(self, processes: Processes, threads: CapacityLimiter, job: Job) -> None:
        self._processes = processes
        self._threads = threads
        self._job = job
        self._handles: dict[str, Handle] = {}
        self._ending: Ending | None = None
        self._garbled: str | None = None
        self._process: Process
        self._connection: Connection
        self._tasks: TaskGroup

    async def run(
        self, function: Callable[..., Any], arguments: Mapping[str, Any], memory_mib: int | None
    ) -> Ending:
        """Call it; cancelled, its process is told to end, and killed if it does not."""
        try:
            self._process = await self._processes.start(memory_mib)
        except NoProcess as error:
            return self._failed(f"no process could be started for it: {error}")
        self._connection = Connection(self._process.socket)
        call = {
            "function": f"{function.__module__}:{function.__name__}",
            "arguments": dict(arguments),
            "source": asdict(self._job.source),
            "originator": self._job.originator,
            "name": self._job.name,
            "params": dict(self._job.params),
            "definition_path": str(self._job.definition_path),
            "path": sys.path,
            "workers": self._processes.workers and str(self._processes.workers),
            "log_level": self._processes.log_level,
        }
        try:
            async with anyio.create_task_group() as self._tasks:
                self._tasks.start_soon(self._converse, call)
                await self._ended()
                self._tasks.cancel_scope.cancel()  # what it waits for concerns nobody any more
        finally:
            self._connection.close()
        if self._garbled is not None:
            return self._failed(f"its process sent {self._garbled}")
        return self._ending or self._failed(self._process.reason())

    def _failed(self, reason: str) -> Ending:
        self._job.write("error", reason[0].upper() + reason[1:])
        return Ending("failed", reason=reason)

    async def _ended(self) -> None:
        try:
            await self._process.ended.wait()
        except anyio.get_cancelled_exc_class():
            with CancelScope(shield=True):
                self._process.signal(signal.SIGTERM)
                with anyio.move_on_after(GRACE_SECONDS):
                    await self._process.ended.wait()
                self._process.signal(signal.SIGKILL)
                await self._process.ended.wait()
            raise
        finally:
            self._connection.end()

    async def _converse(self, call: Mapping[str, Any]) -> None:
        """Until everything that the process has sent is done; also when the call is cancelled."""
        with CancelScope(shield=True):
            await to_thread.run_sync(self._receive, call, limiter=self._threads)

    # -- in the thread

    def _receive(self, call: Mapping[str, Any]) -> None:
        try:
            self._connection.send("call", call)
            for word, *values in self._connection.receive():
                self._act(word, values)
        except (OSError, JobEnded):  # it has ended, or the job has
            pass
        except Garbled as error:
            self._garbled = str(error)
        except Exception as error:
            self._garbled = f"what is no message: {type(error).__name__}: {error}"
        if self._garbled is not None:
            self._process.signal(signal.SIGKILL)

    def _act(self, word: str, values: list[Any]) -> None:
        job = self._job
        match word, values:
            case "line", [str(level), str(message), data] if level in LEVELS:
                job.write(level, message, data and json.loads(data))
            case "save", [dict(document)]:
                job.save(document)
            case "progress", [done, total]:
                job.progress(done, total)
            case "end", ["completed" | "failed" as status, result, str() | None as reason]:
                self._ending = Ending(status, result, reason)
            case _, [int(number), *rest]:
                self._answer(number, word, rest)
            case _:
                raise Garbled(f"what is no message: {word[:100]!r}")

    def _answer(self, number: int, word: str, values: list[Any]) -> None:
        try:
            match word, values:
                case "documents", [dict(wanted)]:
                    tags = tuple(wanted.pop("tags", ()))
                    answer: Any = self._job._host.documents(**wanted, tags=tags)
                case "document", [str(identity)]:
                    answer = self._job._host.document(identity)
                case "spawn", [str(place), dict(arguments)]:
                    answer = self._spawn(place, arguments)
                case "wait", [str(job_id)]:
                    handle = self._handles[job_id]
                    from_thread.run_sync(self._tasks.start_soon, self._wait, number, handle)
                    return
                case _:
                    raise Garbled(f"what is no message: {word[:100]!r}")
        except Garbled:
            raise
        except Exception as error:
            self._connection.send("error", number, type(error).__name__, str(error))
        else:
            self._connection.send("answer", number, answer)

    def _spawn(self, place: str, arguments: dict[str, Any]) -> str:
        self._job.check()
        function = worker_types.find(place)
        handle = self._job._host.spawn(self._job, function, arguments)
        self._handles[handle.job_id] = handle
        return handle.job_id

    # -- on the event loop

    async def _wait(self, number: int, handle: Handle) -> None:
        """Answer with the result of a worker job, in a thread: the process may be slow to take it."""
        try:
            message: tuple[Any, ...] = ("answer", number, await handle)
        except Exception as error:
            message = ("error", number, type(error).__name__, str(error))
        with contextlib.suppress(OSError):
            await to_thread.run_sync(self._connection.send, *message, limiter=self._threads)
