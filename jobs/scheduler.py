"""What starts scheduled runs? A thread that looks at the definitions and hands what is due to the runner.

While the service runs and when it starts, one rule holds: if a due time has passed since the one that is
remembered, the latest such is handled, once. So a downtime, or a clock that is set forward, is made up by one
run, and a clock that is set back repeats none. A due time is remembered in the transaction that creates its
run: a process that dies has done both, or neither and makes it up.
"""

import logging
import threading
import time
from asyncio import wrap_future
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, wait
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from typing import Any

from jobs.catalogue import Catalogue
from jobs.definition import Definition, params_for
from jobs.row import REASON_CHARACTERS
from jobs.runner import DueTime, Runner, Stopping
from jobs.schedule import Schedule, rfc3339
from jobs.store import schedules
from jobs.store.schedules import Kept
from jobs.store.writer import Change, Closed

logger = logging.getLogger(__name__)

LOOK_SECONDS = 2.0
# What is remembered from further ahead of the clock than this is from a time when the clock was wrong.
WRONG_CLOCK = timedelta(days=1)


class _Plan:
    """A schedule with how far it has come, and what follows from both."""

    def __init__(self, kept: Kept) -> None:
        self.kept = kept
        self.schedule = Schedule(kept.schedule, kept.timezone)

    @cached_property
    def next_due(self) -> datetime | None:
        return self.schedule.next_due(self.kept.due)


class Scheduler:
    """Starts the runs of definitions that have a schedule.

    :param catalogue: where it looks for them
    :param commit: makes a change to the database
    :param clock: the present time, seconds since 1970
    :param resumed: done when interrupted runs go on: they come before new ones of the same definition
    """

    def __init__(
        self,
        catalogue: Catalogue,
        runner: Runner,
        commit: "Callable[[Change], Future[Any]]",
        clock: Callable[[], float] = time.time,
        resumed: "Future[None] | None" = None,
    ) -> None:
        self._catalogue = catalogue
        self._runner = runner
        self._commit = commit
        self._clock = clock
        self._resumed = resumed
        self._kept: dict[str, Kept] = commit(schedules.load).result()
        self._plans: dict[str, _Plan] = {}
        self._starting: dict[str, Future[Kept]] = {}
        self._troubles: dict[str, str] = {}
        self._looked: datetime | None = None  # when all that was there by then had been seen
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="stepstream-schedule", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Start no further run."""
        self._stopping = True
        self._wake.set()

    def outlook(self, definition: Definition) -> dict[str, Any]:
        """When a definition runs next by its schedule, and what was skipped last, as JSON. In any thread."""
        kept = self._kept.get(definition.id)
        following = None
        if _is_active(definition):
            now = self._now()
            after = max(now, kept.due) if kept and _is_of(kept, definition) else now
            following = Schedule(definition.schedule, definition.timezone).next_due(after)
        skipped = kept and kept.skipped
        return {
            "next_run_at": following and rfc3339(following),
            "last_skipped": skipped and dict(zip(("due_at", "reason"), skipped, strict=True)),
        }

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)

    # -- in the thread

    def _run(self) -> None:
        if self._resumed is not None:
            wait([self._resumed])
        while not self._stopping:
            self._wake.clear()
            pause = LOOK_SECONDS
            try:
                pause = self.look()
            except Exception as error:
                self._trouble("the definitions", error)
            if not self._stopping:
                self._wake.wait(pause)

    def look(self) -> float:
        """Hand what is due to the runner; the seconds until the next look."""
        self._finish()
        active = {each.id: each for each in self._catalogue.all() if _is_active(each)}
        for id in self._kept.keys() - active.keys() - self._starting.keys():
            self._commit(partial(schedules.forget, definition=id)).result()
            del self._kept[id]
            self._plans.pop(id, None)
        pause, started = LOOK_SECONDS, self._now()
        for id, definition in active.items():
            if id in self._starting:
                continue
            try:
                following = self._start_if_due(definition)
            except Exception as error:
                self._trouble(id, error)
                continue
            self._troubles.pop(id, None)
            if following is not None:
                pause = min(pause, following.timestamp() - self._clock())
        self._looked = started
        return max(pause, 0.0)

    def _start_if_due(self, definition: Definition) -> datetime | None:
        """Hand a definition to the runner if it is due; else when it will be."""
        plan = self._plan(definition)
        if plan.next_due is None or plan.next_due > self._now():
            return plan.next_due
        starting = self._runner.thread.submit(self._start(definition, plan))
        self._starting[definition.id] = starting
        starting.add_done_callback(self._started)
        return None

    def _started(self, starting: Future[Kept]) -> None:
        """Look again at once, but not after a failure, which may come again at once."""
        if not starting.cancelled() and starting.exception() is None:
            self._wake.set()

    def _plan(self, definition: Definition) -> _Plan:
        """What is planned for a definition; if its schedule is new or was changed, from when it was saved."""
        id, now = definition.id, self._now()
        kept = self._kept.get(id)
        if not kept or not _is_of(kept, definition) or kept.due > now + WRONG_CLOCK:
            since = min(now, max(self._looked, _saved(definition))) if self._looked else now
            kept = Kept(definition.schedule, definition.timezone, since)
            self._commit(partial(schedules.keep, definition=id, kept=kept)).result()
            self._kept[id] = kept
        if id not in self._plans or self._plans[id].kept != kept:
            self._plans[id] = _Plan(kept)
        return self._plans[id]

    def _finish(self) -> None:
        """Take note of the starts that have succeeded or were skipped."""
        for id, starting in list(self._starting.items()):
            if not starting.done():
                continue
            del self._starting[id]
            try:
                self._kept[id] = starting.result()
            except (Stopping, Closed, CancelledError):
                pass  # made up when the service starts again
            except Exception as error:
                self._trouble(id, error)

    def _trouble(self, what: str, error: Exception) -> None:
        """Say once what keeps a schedule from being looked at, unless that is a stop."""
        if isinstance(error, Closed):
            return
        if self._troubles.get(what) != repr(error):
            self._troubles[what] = repr(error)
            logger.error("schedule of %s: %r", what, error, exc_info=error)

    # -- on the runner's loop

    async def _start(self, definition: Definition, plan: _Plan) -> Kept:
        """Start the run of the latest due time, or skip it; how far the schedule has come then."""
        # Asked anew: worker functions may have kept the loop for long.
        due = plan.schedule.last_due(plan.kept.due, self._now())
        if due is None:  # the clock was set back meanwhile
            return plan.kept
        at, kept = rfc3339(due), replace(plan.kept, due=due)
        keep = partial(schedules.keep, definition=definition.id)
        try:
            await self._runner.start(
                definition, params_for(definition, {}), DueTime(at, partial(keep, kept=kept))
            )
        except (Stopping, Closed):
            raise
        except Exception as error:
            reason = (str(error) or repr(error))[:REASON_CHARACTERS]
            logger.warning("%s was skipped, due at %s: %s", definition.id, at, reason)
            kept = replace(kept, skipped=(at, reason))
            await wrap_future(self._commit(partial(keep, kept=kept)))
        return kept


def _saved(definition: Definition) -> datetime:
    """When its file was written; long ago if it has gone since."""
    try:
        return datetime.fromtimestamp(definition.path.stat().st_mtime, UTC)
    except OSError:
        return datetime.min.replace(tzinfo=UTC)


def _is_active(definition: Definition) -> bool:
    return bool(definition.schedule) and definition.enabled and not definition.errors


def _is_of(kept: Kept, definition: Definition) -> bool:
    return (kept.schedule, kept.timezone) == (definition.schedule, definition.timezone)
