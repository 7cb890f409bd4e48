"""What must become of a run? The rules of statuses, steps, worker jobs, cancel and retry, played in memory.

A plan says how every function behaves: how many of its attempts fail, and where. The service and the model
play the same plan; nothing here comes from ``jobs``. The model has no time: it goes on until everything that
is left waits at a closed gate, and then both must say the same.

A plan is ``{"max_child_failures", "steps": {NAME: STEP}, "jobs": {KEY: JOB}}``. A STEP has ``depends,
always_run, on_error, retries, concurrency, fails, where, awaits, spawns``, a JOB ``fails, where, awaits,
spawns, plain``. ``fails``: that many of its attempts raise. ``where``: ``early``, before it spawns; ``half``,
half-way; ``late``, after it. ``spawns``: KEYs, one may be there twice.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

GOOD = {"completed", "completed_with_warnings"}
LIVE = {"pending", "running"}
Body = Iterator[Callable[[], bool]]  # yields what it waits for


class Failed(Exception):
    """A function raises."""


class Activity:
    """A function that is being called, or will be: a step's own, or a worker job's."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self.plan = plan
        self.attempt = 1
        self.children: list[Job] = []
        self.due = 0  # when the present try was asked for
        self.body: Body | None = None
        self.ready: Callable[[], bool] = lambda: True
        self.awaiting = False

    def run(self, model: "Model", step: "Step", gates: list[str]) -> Body:
        """One call of the function."""
        for gate in gates:
            yield lambda gate=gate: gate not in model.closed  # type: ignore[misc]
        failing = self.attempt <= self.plan["fails"]
        where, keys = self.plan["where"], self.plan["spawns"]
        if failing and where == "early":
            raise Failed
        if failing and where == "half":
            keys = keys[: len(keys) // 2]
        spawned = Counter[str]()
        mine = []
        for key in keys:
            mine.append(model.spawn(step, self, key, spawned[key]))
            spawned[key] += 1
        if self.plan["awaits"] and not (failing and where == "half"):
            self.awaiting = True
            yield lambda: not any(job.status in LIVE for job in mine)
            self.awaiting = False
            failing = failing or any(job.status != "completed" for job in mine)
        if failing:
            raise Failed

    def turn(self) -> bool | None:
        """Go on if it can: True when it returned, None while it waits."""
        while self.body is not None and self.ready():
            try:
                self.ready = next(self.body)
            except StopIteration:
                self.body = None
                return True
            except Failed:
                self.body = None
                return False
        return None


class Job(Activity):
    """A worker job."""

    def __init__(self, plan: dict[str, Any], parent: Activity, key: str, nth: int) -> None:
        super().__init__(plan)
        self.parent = parent
        self.key = key
        self.nth = nth
        self.status = "pending"
        self.tries = 0
        self.ended = 0

    @property
    def path(self) -> str:
        """Where in the tree it is."""
        above = self.parent.path if isinstance(self.parent, Job) else ""
        return f"{above}/{self.key}.{self.nth}"


class Step(Activity):
    """A step."""

    def __init__(self, plan: dict[str, Any], name: str) -> None:
        super().__init__(plan)
        self.name = name
        self.status = "pending"
        self.done = False  # its function has completed
        self.call = True  # its function is to be called
        self.stopped = ""
        self.jobs: list[Job] = []
        self.queue: list[Job] = []

    def count(self, *statuses: str) -> int:
        """How many worker jobs have one of these statuses."""
        return sum(job.status in statuses for job in self.jobs)

    @property
    def finished(self) -> bool:
        """Whether nothing of it is left to do."""
        return self.status in GOOD and self.done and self.count("completed") == len(self.jobs)


class Model:
    """A run."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self.plan = plan
        self.steps = {name: Step(each, name) for name, each in plan["steps"].items()}
        self.status = "pending"
        self.attempt = 1
        self.closed: set[str] = set()
        self.calls = Counter[str]()
        self.saved: set[str] = set()
        self.loose = False  # which worker jobs were cancelled depends on who was first
        self._stop = ""
        self._failed = False
        self._clock = 0

    # -- what users do

    def settle(self) -> None:
        """Go on until all that is left waits at a closed gate, or for one that does."""
        self.status = "running" if self.status == "pending" else self.status
        while self.status == "running" and (self._advance() or any(map(self._turn, self.steps.values()))):
            pass
        if self.status == "running" and not any(step.status in LIVE for step in self.steps.values()):
            self.status = self._roll_up()

    def cancel(self) -> None:
        """Cancel the run."""
        self._stop = "cancel"
        for step in self.steps.values():
            self._halt(step, "cancelled")

    def cancel_step(self, name: str) -> None:
        """Cancel a step."""
        step = self.steps[name]
        if step.status == "pending":
            self._end_unstarted(step, "cancelled")
        self._halt(step, "cancelled")

    def cancel_job(self, job: Job) -> None:
        """Cancel a worker job with its descendants."""
        if job.status in LIVE:
            self._end(job, "cancelled")
        for child in job.children:
            self.cancel_job(child)

    def die(self) -> None:
        """The process dies, and another one starts."""
        for step in self.steps.values():
            for job in step.jobs:
                if job.status in LIVE:
                    self._end(job, "interrupted")
            if step.status in LIVE:
                step.status, step.body = "interrupted", None
        self.status = "interrupted"

    def retry(self, only: str | None = None) -> bool:
        """Run again what did not complete; False if that is refused."""
        steps = self.steps.values()
        again = {step.name for step in steps if only in (None, step.name) and not step.finished}
        if not again or (only and self._held_back(self.steps[only])):
            return False
        follow: set[str] = set()
        for _ in steps:
            more = {step.name for step in steps if (again | follow).intersection(step.plan["depends"])}
            follow |= more
        self._stop, self.status, self.attempt = "", "pending", self.attempt + 1
        self._clock += 1
        for step in steps:
            if step.name not in again | follow:
                continue
            step.call = step.name in follow or not step.done
            step.done = step.done and not step.call
            step.status, step.attempt, step.stopped = "pending", step.attempt + 1, ""
            step.queue = [job for job in step.jobs if job.status != "completed"]
            for job in step.queue:
                job.status, job.attempt, job.tries, job.due = "pending", job.attempt + 1, 0, self._clock
            step.due = self._clock
        self._failed = any(
            step.status == "failed" and step.plan["on_error"] in ("fail", "fatal") for step in steps
        )
        return True

    def _held_back(self, step: Step) -> bool:
        dependencies = [self.steps[name].status for name in step.plan["depends"]]
        return not step.plan["always_run"] and not GOOD.issuperset(dependencies)

    # -- steps

    def _advance(self) -> bool:
        """Start, skip or cancel the first step whose time has come."""
        for step in self.steps.values():
            if step.status != "pending":
                continue
            above = [self.steps[name].status for name in step.plan["depends"]]
            always = step.plan["always_run"]
            ended_badly = any(status not in LIVE | GOOD for status in above)
            if self._stop == "cancel":
                self._end_unstarted(step, "cancelled")
            elif self._stop == "fatal" or (not always and (self._stop == "fail" or ended_badly)):
                self._end_unstarted(step, "skipped")
            elif not LIVE.intersection(above):
                self._start(step)
            else:
                continue
            return True
        return False

    def _start(self, step: Step) -> None:
        step.status = "running"
        if step.call:
            self.calls[f"{step.name} {step.attempt}"] += 1
            step.body = step.run(self, step, [f"function-{step.name}"])
            step.ready = lambda: True

    def _turn(self, step: Step) -> bool:
        """One thing that happens in a step; False if nothing can."""
        if step.status != "running":
            return False
        if step.body is not None and step.ready():
            returned = step.turn()
            step.done = step.done or returned is True
            if returned is False:
                step.stopped = "failed"
            return True
        for job in step.jobs:
            if job.body is not None and job.ready():
                self._job_turned(step, job, job.turn())
                return True
        taken = sum(job.status == "running" and not job.awaiting for job in step.jobs)
        if step.queue and taken < step.plan["concurrency"]:
            self._start_job(step, step.queue.pop(0))
            return True
        if step.body is None and not step.count(*LIVE):
            self._end_step(step)
            return True
        return False

    def _end_step(self, step: Step) -> None:
        step.status = self._step_status(step)
        if step.status == "failed" and step.plan["on_error"] in ("fail", "fatal"):
            self._failed = True
            self._stop = self._stop or step.plan["on_error"]
            if step.plan["on_error"] == "fatal":
                self._stop = "fatal"
                for other in self.steps.values():
                    self._halt(other, "cancelled")

    def _step_status(self, step: Step) -> str:
        limit = self.plan["max_child_failures"]
        failed, cancelled = step.count("failed"), step.count("cancelled")
        if step.stopped:
            return step.stopped
        if limit is not None and failed > limit:
            return "failed"
        if not step.count("completed") and (failed or cancelled):
            return "failed" if failed else "cancelled"
        return "completed_with_warnings" if failed or cancelled else "completed"

    def _roll_up(self) -> str:
        statuses = {step.status for step in self.steps.values()}
        if self._stop == "cancel":
            return "cancelled"
        if self._failed:
            return "failed"
        if not statuses & GOOD:
            return "cancelled" if "cancelled" in statuses else "failed"
        return "completed" if statuses == {"completed"} else "completed_with_warnings"

    def _halt(self, step: Step, status: str) -> None:
        """End a running step early."""
        if step.status == "running":
            step.stopped, step.body = status, None
            self._cancel_all(step)

    def _end_unstarted(self, step: Step, status: str) -> None:
        """A step does not start; worker jobs of an earlier attempt are cancelled with it."""
        step.status = status
        self._cancel_all(step)

    def _cancel_all(self, step: Step) -> None:
        for job in step.jobs:
            if job.status in LIVE:
                self._end(job, "cancelled")

    # -- worker jobs

    def spawn(self, step: Step, parent: Activity, key: str, nth: int) -> Job:
        """A worker job, or the one that an earlier call of the parent has spawned."""
        for job in parent.children:
            if (job.key, job.nth) == (key, nth):
                if job.status == "failed" and job.ended < parent.due:
                    job.status, job.attempt, job.tries, job.due = "pending", job.attempt + 1, 0, self._clock
                    step.queue.append(job)
                return job
        job = Job(self.plan["jobs"][key], parent, key, nth)
        parent.children.append(job)
        step.jobs.append(job)
        step.queue.append(job)
        return job

    def _start_job(self, step: Step, job: Job) -> None:
        if job.status != "pending":
            return
        job.status = "running"
        self.calls[f"{job.path} {job.attempt}"] += 1
        job.body = job.run(self, step, [f"jobs-{step.name}", f"job-{job.key}"])
        job.ready = lambda: True
        self.saved.add(job.key)

    def _job_turned(self, step: Step, job: Job, returned: bool | None) -> None:
        if returned is None:
            return
        if returned:
            self._end(job, "completed")
        elif job.tries < step.plan["retries"]:
            self._clock += 1
            job.tries, job.attempt, job.due = job.tries + 1, job.attempt + 1, self._clock
            job.status = "pending"
            step.queue.append(job)
        else:
            self._end(job, "failed")
            limit = self.plan["max_child_failures"]
            if limit is not None and step.count("failed") > limit:
                self.loose = True  # the step's own function may fail before or after
                if not step.stopped:
                    self._halt(step, "failed")

    def _end(self, job: Job, status: str) -> None:
        self._clock += 1
        job.status, job.body, job.ended, job.awaiting = status, None, self._clock, False
