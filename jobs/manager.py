"""How does a run go? Its steps in order, side by side where they may, and its end."""

import time
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import anyio
from anyio.abc import TaskGroup

from jobs.log import Log
from jobs.row import Source
from jobs.state import Outcome
from jobs.status import LIVE, TERMINAL, Move, Node, Status, Stop, next_moves, roll_up_manager
from jobs.step import StepRun
from jobs.step_definition import StepDefinition

FAILS_THE_RUN = ("fail", "fatal")


class ManagerRun:
    """One run of a definition.

    :param definition_id: what it is a run of
    :param steps: in file order
    :param timeout: seconds the whole run may take; None is no limit
    :param kept: how steps that do not run again have ended in an earlier attempt
    """

    def __init__(
        self,
        source: Source,
        definition_id: str,
        steps: Sequence[StepRun],
        timeout: float | None,
        log: Log,
        kept: Mapping[str, Status] = MappingProxyType({}),
    ) -> None:
        self.source = source
        self.definition_id = definition_id
        self._steps = {step.definition.name: step for step in steps}
        self._nodes = [
            Node(step.definition.name, step.definition.depends, step.definition.always_run) for step in steps
        ]
        self._statuses: dict[str, Status] = {name: kept.get(name, "pending") for name in self._steps}
        self._moves: list[Move] = []  # of steps that were cancelled before it runs
        self._over = set(kept)  # steps that have ended, also for the log
        self._timeout = timeout
        self._log = log
        self._stop: Stop | None = None
        self._reason: str | None = None
        self._failed = any(
            status == "failed" and self._steps[name].definition.on_error in FAILS_THE_RUN
            for name, status in kept.items()
        )
        self._draining = False
        self._ended = anyio.Event()
        self._tasks: TaskGroup | None = None  # until it runs; it may be cancelled before
        self.over = False

    async def run(self) -> None:
        """Run every step that may run, to the end."""
        started = time.monotonic()
        self._status(Outcome("pending", "running"))
        async with anyio.create_task_group() as tasks:
            self._tasks = tasks
            if self._timeout is not None:
                tasks.start_soon(self._time_out, self._timeout)
            self._advance()
            await self._ended.wait()
            tasks.cancel_scope.cancel()
        self.over = True
        status = roll_up_manager(
            self._statuses.values(), cancelled=self._stop == "cancel", failed=self._failed
        )
        duration = time.monotonic() - started
        self._status(Outcome("running", status, self._reason or self._shortfall(status), duration))

    def _shortfall(self, status: Status) -> str | None:
        """Why a run did not simply complete, where nothing else says so."""
        if status == "completed":
            return None
        return ", ".join(f"{name} {ended}" for name, ended in self._statuses.items() if ended != "completed")

    def _status(self, outcome: Outcome) -> None:
        self._log.manager_status(self.source, self.definition_id, outcome)

    async def _time_out(self, seconds: float) -> None:
        await anyio.sleep(seconds)
        self._failed = True
        self._end_early("timeout", f"the run timed out after {seconds:g} s")

    def _advance(self) -> None:
        """Start, skip or cancel the steps whose time has come."""
        if self._tasks is None:
            return
        if not self._draining:
            self._moves += next_moves(self._nodes, self._statuses, self._stop)
        while self._moves:
            move = self._moves.pop(0)
            self._statuses[move.step] = move.status
            self._tasks.start_soon(self._run_step, self._steps[move.step], move)
        if self._over == self._steps.keys():
            self._ended.set()

    async def _run_step(self, step: StepRun, move: Move) -> None:
        name = move.step
        if move.status == "running":
            self._statuses[name] = await step.run(self.definition_id)
        else:
            await step.end_unstarted(move.status, move.reason or "")
        self._over.add(name)
        if self._statuses[name] == "failed":
            self._failed_step(step.definition)
        self._advance()

    def _failed_step(self, definition: StepDefinition) -> None:
        if definition.on_error not in FAILS_THE_RUN:
            return
        self._failed = True
        reason = f'{definition.name} failed under on_error = "{definition.on_error}"'
        self._reason = self._reason or reason
        if definition.on_error == "fatal":
            self._end_early("fatal", reason)
        else:
            self._stop = self._stop or "fail"

    def cancel(self, reason: str) -> None:
        """Cancel the run: nothing further starts, pending work is cancelled now, running work ends."""
        if self._stop == "cancel":
            return
        self._log.line(self.source, "manager", "warning", reason[0].upper() + reason[1:])
        self._end_early("cancel", reason)

    def cancel_step(self, name: str, reason: str) -> bool:
        """Cancel a step, so that those that depend on it are skipped; False if it has ended."""
        if self._statuses[name] == "running":
            self._steps[name].cancel(reason)
        elif self._statuses[name] == "pending":
            self._statuses[name] = "cancelled"
            self._moves.append(Move(name, "cancelled", reason))
            self._advance()
        else:
            return False
        return True

    def cancel_job(self, name: str, job_id: str, reason: str) -> bool:
        """Cancel a worker job of a step, with all that it has spawned; False if it has ended."""
        return self._statuses[name] in LIVE and self._steps[name].cancel_job(job_id, reason)

    def _end_early(self, stop: Stop, reason: str) -> None:
        if self._stop == "cancel":
            return
        self._stop, self._reason = stop, reason
        for name, step in self._steps.items():
            if self._statuses[name] == "running":
                step.stop("cancelled", reason)
        self._advance()

    def drain(self) -> None:
        """Start nothing further: the service stops."""
        self._draining = True
        for step in self._steps.values():
            step.drain()

    @property
    def settled(self) -> bool:
        """Whether everything that was cancelled before it ran has ended, also for the log."""
        ended = {name for name, status in self._statuses.items() if status in TERMINAL}
        return ended == self._over and all(step.settled for step in self._steps.values())

    @property
    def busy(self) -> bool:
        """Whether something is running that may still end by itself."""
        running = (step for name, step in self._steps.items() if self._statuses[name] == "running")
        return not self.settled or any(step.busy for step in running)
