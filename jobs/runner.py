"""Who runs the jobs? Every run is a task on the jobs' event loop.

All state of the runs belongs to that loop; other threads come in by its ``call``.
"""

import asyncio
import contextlib
import logging
import secrets
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, Future
from typing import Any, NamedTuple, TypeVar

import anyio

from jobs.caller import Caller
from jobs.definition import Definition
from jobs.job_thread import JobThread
from jobs.log import Log
from jobs.manager import ManagerRun
from jobs.prepare import Preparation
from jobs.resume import Busy, Reopening, reopen
from jobs.row import encode
from jobs.store.reader import Readers
from jobs.store.writer import Change

logger = logging.getLogger(__name__)

T = TypeVar("T")
ID_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"  # none that look alike
ID_LENGTH = 10
EXECUTOR_THREADS = 256


class TooManyRunning(Exception):
    """The definition already has ``max_running`` runs; ``manager_id`` is one of them."""

    def __init__(self, definition_id: str, manager_id: str, limit: int) -> None:
        times = "" if limit == 1 else f" {limit} times"
        super().__init__(f"{definition_id} is already running{times} (max_running = {limit})")
        self.manager_id = manager_id


class Stopping(Exception):
    """No run starts any more: the service is stopping."""


class DueTime(NamedTuple):
    """The due time that a run is started for, and the change that remembers it in the run's transaction."""

    at: str
    remember: Change


class Runner:
    """Starts, cancels and stops runs.

    :param types: worker functions by type
    :param environ: what ``{env.NAME}`` reads
    :param on_death: called in the runner's thread if its loop ends by an error
    """

    def __init__(
        self,
        log: Log,
        readers: Readers,
        caller: Caller,
        types: Mapping[str, Callable[..., Any]],
        environ: Mapping[str, str],
        on_death: Callable[[BaseException], None],
    ) -> None:
        self._log = log
        self._preparation = Preparation(log, readers, caller, types, environ)
        self._on_death = on_death
        self._runs: dict[str, ManagerRun] = {}
        self._claimed: set[str] = set()
        self._claiming = threading.Lock()
        self._draining = False
        self.thread = JobThread(log, caller.start, on_death)

    @contextlib.contextmanager
    def claim(self, manager_id: str) -> Iterator[None]:
        """Have an ended run for oneself, to retry or delete it. In any thread.

        :raises Busy: somebody else has it
        """
        with self._claiming:
            if manager_id in self._claimed or manager_id in self._runs:
                raise Busy(f"{manager_id} is running, or is being retried or deleted")
            self._claimed.add(manager_id)
        try:
            yield
        finally:
            self._claimed.discard(manager_id)

    # -- on the loop

    async def start(
        self, definition: Definition, params: Mapping[str, Any], due: DueTime | None = None
    ) -> str:
        """Start a run; its id, once it is committed.

        :param definition: one without errors
        :param due: where it is started by its schedule
        :raises TooManyRunning: it has ``max_running`` runs already
        :raises Stopping: the service is stopping
        :raises ValueError: a placeholder of the definition stands for nothing
        """
        self._refuse_if_full(definition)
        manager_id = "".join(secrets.choice(ID_LETTERS) for _ in range(ID_LENGTH))
        run, new, steps = self._preparation.new(manager_id, definition, params)
        created = self._log.create(run.source, new, steps, due and due.remember)
        await self._begin(run, asyncio.wrap_future(created))
        by_schedule = f" by its schedule, due at {due.at}" if due else ""
        with_params = f" with {', '.join(f'{k} = {encode(v)}' for k, v in params.items())}" if params else ""
        self._log.line(run.source, "manager", "info", f"Started {definition.id}{by_schedule}{with_params}")
        self.thread.tasks.start_soon(self._run, run)
        return manager_id

    async def retry(self, manager_id: str, step: str | None, reason: str) -> None:
        """Run again what did not complete of an ended run; returns once the rows of that are committed.

        :param step: only this step and what depends on it
        :param reason: why, for the rows
        :raises NothingToRetry: all of it has completed
        :raises Busy: it runs, or is being deleted
        :raises TooManyRunning: its definition has ``max_running`` runs already
        :raises Stopping: the service is stopping
        :raises ValueError: its definition cannot run any more
        """
        with self.claim(manager_id):
            await asyncio.wrap_future(self._log.commit(lambda tx: None))  # it may just have ended
            run, definition, what = await self._preparation.again(manager_id, step, reason)
            self._refuse_if_full(definition)
            await self._begin(run, self._reopen(what))
            self.thread.tasks.start_soon(self._run, run)

    async def _reopen(self, what: Reopening) -> None:
        for change in reopen(what):  # one after the other: others have their turn
            await asyncio.wrap_future(self._log.commit(change))

    def _refuse_if_full(self, definition: Definition) -> None:
        if self._draining:
            raise Stopping
        running = [run for run in self._runs.values() if run.definition_id == definition.id]
        if len(running) >= definition.max_running:
            raise TooManyRunning(definition.id, running[-1].source.manager_id, definition.max_running)

    def resume(self, manager_ids: Sequence[str]) -> "Future[None]":
        """Let interrupted runs go on, one after the other. From another thread."""
        return self.thread.submit(self._resume(manager_ids))

    async def _resume(self, manager_ids: Sequence[str]) -> None:
        for manager_id in manager_ids:
            try:
                await self.retry(manager_id, None, "resumed after a restart")
            except Exception as error:  # the others go on all the same
                logger.warning("%s could not be resumed: %s", manager_id, error)

    async def _begin(self, run: ManagerRun, committed: Awaitable[None]) -> None:
        """Count a run as running while its first rows are committed."""
        self._runs[run.source.manager_id] = run
        try:
            await committed
        except BaseException:
            del self._runs[run.source.manager_id]
            raise

    async def _run(self, run: ManagerRun) -> None:
        try:
            await run.run()
        finally:
            del self._runs[run.source.manager_id]

    async def cancel(
        self, manager_id: str, reason: str | None, step: str | None = None, job_id: str | None = None
    ) -> bool:
        """Cancel a run, one step or one worker job of it, and wait until the rows of that are committed.

        :param step: with ``job_id`` the step that the worker job belongs to
        :returns: False if it has ended
        """
        text = f"cancelled by a user: {reason}" if reason else "cancelled by a user"
        run = self._runs.get(manager_id)
        running = run is not None and not run.over
        if run is not None and running:
            if step is not None and job_id is not None:
                running = run.cancel_job(step, job_id, text)
            elif step is not None:
                running = run.cancel_step(step, text)
            else:
                run.cancel(text)
        settled = False
        while not settled:
            settled = manager_id not in self._runs or self._runs[manager_id].settled
            # Also for one that has just ended: whoever is told so can read its end.
            await asyncio.wrap_future(self._log.commit(lambda tx: None))
        return running

    # -- stopping, from another thread

    def drain(self, seconds: float) -> None:
        """Start nothing further, and give what runs some time to end by itself."""
        self._draining = True
        if not self.thread.alive:
            return
        try:
            asked = self.thread.submit(self._drained())
        except RuntimeError:  # its loop has closed since
            return
        try:
            asked.result(seconds)
        except (TimeoutError, CancelledError):
            asked.cancel()

    async def _drained(self) -> None:
        for run in self._runs.values():
            run.drain()
        while any(run.busy for run in self._runs.values()):  # noqa: ASYNC110 (only at a stop, 2 s at most)
            await anyio.sleep(0.02)
