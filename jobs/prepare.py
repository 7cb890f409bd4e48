"""How is a run made ready? From its definition, or, to go on, from what is kept of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anyio import to_thread

from jobs.caller import Caller
from jobs.creation import NewManager, NewStep
from jobs.definition import Definition
from jobs.definition_file import parse
from jobs.log import Log
from jobs.manager import ManagerRun
from jobs.resume import Busy, Reopening, earlier_of, read_sealed
from jobs.retry import steps_to_retry
from jobs.row import Source
from jobs.status import TERMINAL, Node, Status
from jobs.step import Earlier, StepRun
from jobs.step_definition import configure
from jobs.store.kept import KeptJob, kept_jobs, kept_run
from jobs.store.reader import Readers


@dataclass(frozen=True)
class _Kept:
    """An ended run: its steps' next attempts, and the statuses of the steps that do not run again."""

    definition: Definition
    params: Mapping[str, Any]
    steps: list[tuple[int, Earlier]]
    statuses: dict[str, Status]
    what: Reopening


class Preparation:
    """Makes runs ready.

    :param types: worker functions by type
    :param environ: what ``{env.NAME}`` reads
    """

    def __init__(
        self,
        log: Log,
        readers: Readers,
        caller: Caller,
        types: Mapping[str, Callable[..., Any]],
        environ: Mapping[str, str],
    ) -> None:
        self._log = log
        self._readers = readers
        self._caller = caller
        self._types = types
        self._environ = environ

    def new(
        self, manager_id: str, definition: Definition, params: Mapping[str, Any]
    ) -> tuple[ManagerRun, NewManager, list[NewStep]]:
        """A new run, and what is kept of it from the first.

        :param definition: one without errors
        :raises ValueError: a placeholder of the definition stands for nothing
        """
        source = Source(manager_id)
        steps = [
            self._step(definition, position, source, params, 1, Earlier())
            for position in range(len(definition.steps))
        ]
        new = NewManager(
            definition.id,
            definition.name,
            definition.toml,
            str(definition.path),
            definition.on_restart,
            params,
        )
        new_steps = [
            NewStep(
                step.source,
                step.definition.name,
                step.definition.description,
                step.definition.type,
                step.definition.depends,
            )
            for step in steps
        ]
        return ManagerRun(source, definition.id, steps, definition.timeout, self._log), new, new_steps

    async def again(
        self, manager_id: str, only: str | None, reason: str
    ) -> tuple[ManagerRun, Definition, Reopening]:
        """An ended run as it goes on.

        :param only: only this step and what depends on it
        :param reason: why, for the rows
        :raises Busy: it has not ended
        :raises NothingToRetry: all of it has completed
        :raises ValueError: its definition cannot run any more
        """
        kept = await to_thread.run_sync(self._kept, manager_id, only, reason)
        manager, definition = kept.what.manager, kept.definition
        source = Source(manager_id, attempt=manager.attempt + 1)
        steps = [
            self._step(definition, position, source, kept.params, attempt, earlier)
            for position, (attempt, earlier) in enumerate(kept.steps)
        ]
        run = ManagerRun(source, manager.definition, steps, definition.timeout, self._log, kept.statuses)
        return run, definition, kept.what

    def _kept(self, manager_id: str, only: str | None, reason: str) -> "_Kept":
        """What of a run there is, and what of it runs again. Reads the database."""
        found = self._readers.read(lambda db: kept_run(db, manager_id))
        if found is None or found[0].status not in TERMINAL:
            raise Busy(f"{manager_id} is {found[0].status if found else 'deleted'}")
        manager, kept = found
        definition = parse(manager.toml, Path(manager.path), self._types, self._environ)
        if definition.errors:
            raise ValueError(f"its definition cannot run any more: {definition.errors[0]}")
        again = steps_to_retry(
            [Node(each.name, each.depends, each.always_run) for each in definition.steps],
            {step.name: step.state for step in kept},
            only,
        )
        reopened = [(step, again[step.name]) for step in kept if step.name in again]
        jobs = self._readers.read(
            lambda db: kept_jobs(db, manager_id, [step.step_id for step, _ in reopened])
        )
        of_step: dict[str, list[KeptJob]] = {step.step_id: [] for step, _ in reopened}
        for job in jobs:
            of_step[job.step_id].append(job)
        steps = [
            (step.attempt + 1, earlier_of(step, again[step.name], of_step[step.step_id], self._environ))
            if step.name in again
            else (step.attempt, Earlier())
            for step in kept
        ]
        return _Kept(
            definition,
            read_sealed(manager.params, self._environ),
            steps,
            {step.name: step.status for step in kept if step.name not in again},
            Reopening(
                manager, [(step, again[step.name]) for step in kept if step.name in again], jobs, reason
            ),
        )

    def _step(
        self,
        definition: Definition,
        position: int,
        manager: Source,
        params: Mapping[str, Any],
        attempt: int,
        earlier: Earlier,
    ) -> StepRun:
        step = definition.steps[position]
        configured = configure(step, params, self._environ)
        self._log.redactor.add(configured.secrets)
        return StepRun(
            step,
            Source(manager.manager_id, f"{manager.manager_id}.{position + 1}", step.name, attempt=attempt),
            self._types[step.type],
            configured.config,
            log=self._log,
            readers=self._readers,
            caller=self._caller,
            params=params,
            definition_path=definition.path,
            max_child_failures=definition.max_child_failures,
            earlier=earlier,
        )
