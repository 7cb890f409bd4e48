"""Promise: whatever fails, is cancelled, dies or is retried, a run becomes what the rules say, its rows too.

Hypothesis makes up definitions, how their functions behave, and what a user does to the run. The service and
a model of the rules (``tests.model``) play the same, and are compared whenever nothing moves any more.
"""

import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fold import Fold
from tests.model import LIVE, Job, Model
from tests.service_process import Service

SECONDS = 10.0  # for the service to come where the model is
# A gate is closed while its file is there.
WORKERS = """
    import json, os, time
    from functools import lru_cache
    import anyio
    from jobs import Job, JobFailed, worker

    @lru_cache
    def plan(folder):
        with open(f"{folder}/plan.json") as file:
            return json.load(file)

    def note(folder, call):
        file = os.open(f"{folder}/calls", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(file, f"{call}\\n".encode())
        os.close(file)

    def closed(folder, gates):
        return any(os.path.exists(f"{folder}/{gate}.closed") for gate in gates)

    def begin(job, folder, mine):
        job.log.info("attempt %d", job.attempt)
        failing = job.attempt <= mine["fails"]
        if failing and mine["where"] == "early":
            raise RuntimeError("early")
        half = failing and mine["where"] == "half"
        keys = mine["spawns"][: len(mine["spawns"]) // 2] if half else mine["spawns"]
        handles = []
        for key in keys:
            plain = plan(folder)["jobs"][key]["plain"]
            handles.append(job.spawn(plain_job if plain else async_job, folder, key))
        if failing and (half or not mine["awaits"]):
            raise RuntimeError(mine["where"])
        return handles

    async def body(job, folder, mine, gates):
        while closed(folder, gates):
            await anyio.sleep(0.002)
        handles = begin(job, folder, mine)
        if mine["awaits"]:
            broken = 0
            for handle in handles:
                try:
                    await handle
                except JobFailed:
                    broken += 1
            if broken or job.attempt <= mine["fails"]:
                raise RuntimeError(f"late, {broken} of {len(handles)} did not complete")

    @worker("model")
    async def step(step: Job, folder: str) -> None:
        note(folder, f"{step.step_name} {step.attempt}")
        mine = plan(folder)["steps"][step.step_name]
        await body(step, folder, mine, [f"function-{step.step_name}"])

    def enter(job, folder, key):
        note(folder, f"{job.id} {job.attempt}")
        job.save({"source_type": "model", "source_id": f"{job.manager_id}-{key}"})
        return plan(folder)["jobs"][key], [f"jobs-{job.step_name}", f"job-{key}"]

    async def async_job(job: Job, folder: str, key: str) -> None:
        mine, gates = enter(job, folder, key)
        await body(job, folder, mine, gates)

    def plain_job(job: Job, folder: str, key: str) -> None:
        mine, gates = enter(job, folder, key)
        while closed(folder, gates):
            job.check()
            time.sleep(0.002)
        begin(job, folder, mine)
"""


# -- what is made up


@dataclass(frozen=True)
class Act:
    """What a user does, and when: before the gates of a step's function, of its jobs or of one job open.

    :param what: ``run``, ``step``, ``job`` (cancel it) or ``kill`` (pull the plug)
    :param target: which step or worker job, as a position among those there are
    """

    step: int
    point: str
    what: str
    target: int


@dataclass(frozen=True)
class Round:
    """A run or a retry.

    :param only: the position of the step to retry; None is all
    :param order: in which order running steps are let go on
    """

    only: int | None
    order: tuple[int, ...]
    act: Act | None


@dataclass(frozen=True)
class Scenario:
    """A plan (see ``tests.model``) and what is done with it.

    :param gated: steps go on one after the other; else all at once
    :param held: the worker job at whose gate an ``Act`` may come
    """

    plan: dict[str, Any]
    gated: bool
    resume: bool
    held: str
    rounds: tuple[Round, ...]


def calm(job: dict[str, Any], retries: int) -> bool:
    """Whether a worker job without children completes in one run, whatever its first attempts do."""
    return not job["spawns"] and job["fails"] <= retries


@st.composite
def jobs(draw: st.DrawFn, plan: dict[str, Any], step: str, retries: int, depth: int) -> str:
    """A worker job with its descendants; its key.

    Where a parent is tried again while its children run, those complete: else it is a matter of time
    whether they ended before.
    """
    key = f"{step}j{len(plan['jobs'])}"
    job: dict[str, Any] = {"fails": draw(st.sampled_from([0, 0, 0, 1, 2, 99])), "spawns": [], "awaits": False}
    plan["jobs"][key] = job
    job["where"] = draw(st.sampled_from(["early", "half", "late"]))
    spawns = draw(st.lists(jobs(plan, step, retries, depth + 1), max_size=2)) if depth < 3 else []
    job["awaits"] = draw(st.booleans())
    job["plain"] = not job["awaits"] and draw(st.booleans())
    if job["fails"] and (job["where"] == "half" or (job["where"] == "late" and not job["awaits"])):
        spawns = [child for child in spawns if calm(plan["jobs"][child], retries)]
    job["spawns"] = spawns + spawns[:1] * draw(st.integers(0, 1))
    return key


@st.composite
def plans(draw: st.DrawFn, gated: bool) -> dict[str, Any]:
    """A plan of 1 to 6 steps."""
    limit = draw(st.sampled_from([None, None, None, 0, 1, 3]))
    plan: dict[str, Any] = {"max_child_failures": limit, "steps": {}, "jobs": {}}
    # Whom it keeps from starting or cancels is a matter of time where steps go on at once.
    policies = ["continue", "retry", "fail", "fatal"] if gated else ["continue", "retry"]
    for number in range(draw(st.integers(1, 6))):
        name, above = f"s{number}", list(plan["steps"])
        policy = draw(st.sampled_from(policies))
        retries = draw(st.integers(0, 2))
        if limit is not None:  # a failed worker job that is tried again does not count any more
            policy, retries = "continue" if policy == "retry" else policy, 0
        spawns = draw(st.lists(jobs(plan, name, retries, 1), max_size=4))
        plan["steps"][name] = {
            "depends": draw(st.lists(st.sampled_from(above), unique=True, max_size=2)) if above else [],
            "always_run": draw(st.sampled_from([False, False, False, True])),
            "on_error": policy,
            "retries": retries,
            "concurrency": draw(st.integers(1, 4)),
            "fails": draw(st.sampled_from([0, 0, 0, 0, 1, 2])),
            "where": draw(st.sampled_from(["early", "half", "late"])),
            "awaits": draw(st.booleans()),
            "spawns": spawns + spawns[:1] * draw(st.integers(0, 1)),
        }
    return plan


@st.composite
def scenarios(draw: st.DrawFn, kill: bool = False) -> Scenario:
    """A plan and up to three rounds.

    :param kill: the plug is pulled in the first round
    """
    gated = kill or draw(st.booleans())
    plan = draw(plans(gated))
    last = len(plan["steps"]) - 1
    held = draw(st.sampled_from(sorted(plan["jobs"]))) if plan["jobs"] else ""
    points = ["function", "jobs", "jobs"]
    if held and plan["max_child_failures"] is None:
        points += ["held"] * 2
        step = plan["steps"][held.partition("j")[0]]
        step["concurrency"] = 16  # the others go on while it is held
    positions = st.integers(0, last)
    targets = st.integers(0, 20)
    acts = st.builds(
        Act, positions, st.sampled_from(points), st.sampled_from(["run", "step", "job", "job"]), targets
    )
    rounds = []
    for number in range(draw(st.integers(1, 3))):
        only = draw(st.none() | positions) if number else None
        act = draw(st.none() | acts) if gated else None
        if kill and number == 0:
            act = Act(draw(positions), draw(st.sampled_from(points)), "kill", 0)
        rounds.append(Round(only, tuple(draw(st.permutations(range(last + 1)))), act))
    return Scenario(plan, gated, kill and draw(st.booleans()), held, tuple(rounds))


# -- what is compared


class Trial:
    """One scenario, played by the service and by the model."""

    numbers = count()

    def __init__(self, service: Service, scenario: Scenario) -> None:
        self.service = service
        self.scenario = scenario
        self.plan = scenario.plan
        self.model = Model(self.plan)
        self.names = list(self.plan["steps"])
        self.definition = f"trial{next(self.numbers)}"
        self.folder = service.folder / self.definition
        self.folder.mkdir()
        (self.folder / "plan.json").write_text(json.dumps(self.plan))
        service.define(self.definition, self._toml())
        self.act_left = True
        self.manager_id = ""
        self.paths: dict[str, str] = {}  # of worker jobs, by id

    def _toml(self) -> str:
        head = [f'on_restart = "{"resume" if self.scenario.resume else "interrupt"}"']
        if self.plan["max_child_failures"] is not None:
            head.append(f"[error_tolerance]\nmax_child_failures = {self.plan['max_child_failures']}")
        keys = ("depends", "always_run", "on_error", "retries", "concurrency")
        for name, step in self.plan["steps"].items():
            head.append(f'[step.{name}]\ntype = "model"\nfolder = "{self.folder}"\nretry_delay = "0.01s"')
            head.extend(f"{key} = {json.dumps(step[key])}" for key in keys)
        return "\n".join(head)

    def play(self) -> None:
        """All rounds."""
        for number, round_ in enumerate(self.scenario.rounds):
            if self.model.loose:
                return
            self.act_left = True
            if self.scenario.gated:
                self._close()
            if number == 0:
                self.manager_id = self.service.run(self.definition)
            elif not self._retry(round_.only):
                continue
            self._settle()
            while self.model.status == "running":
                self._let_one_go_on(round_)
            self._agree()
            self._check_rows()
        (self.service.definitions / f"{self.definition}.toml").unlink()

    def _retry(self, position: int | None) -> bool:
        only = None if position is None else self.names[position]
        body = None if only is None else {"step": only}
        accepted = self._retry_in_order(only)
        response = self.service.post(f"/managers/{self.manager_id}/retry", body)
        assert response.status_code == (202 if accepted else 409), response.text
        return accepted

    def _retry_in_order(self, only: str | None) -> bool:
        """Worker jobs are queued in the order of their spawning, which is not for the model to say."""
        spawned = {path: at for at, path in enumerate(self.paths.values())}
        for step in self.model.steps.values():  # a loose model may know of jobs that were not spawned yet
            step.jobs.sort(key=lambda job: spawned.get(job.path, len(spawned)))
        return self.model.retry(only)

    # -- gates

    def _close(self) -> None:
        gates = {f"{kind}-{name}" for kind in ("function", "jobs") for name in self.names}
        self.model.closed = gates | {f"job-{self.scenario.held}"}
        for gate in self.model.closed:
            (self.folder / f"{gate}.closed").touch()

    def _open(self, gate: str) -> None:
        self.model.closed.discard(gate)
        (self.folder / f"{gate}.closed").unlink(missing_ok=True)
        self._settle()

    def _settle(self) -> None:
        self.model.settle()

    def _let_one_go_on(self, round_: Round) -> None:
        """Open the gates of the first running step, and act where it is time."""
        running = [name for name in self.names if self.model.steps[name].status == "running"]
        running = [name for name in running if f"jobs-{name}" in self.model.closed]
        assert running, "the model waits for nothing"
        name = next(self.names[at] for at in round_.order if self.names[at] in running)
        self._agree()
        gates = {"function": f"function-{name}", "jobs": f"jobs-{name}"}
        if self.scenario.held.startswith(f"{name}j"):
            gates["held"] = f"job-{self.scenario.held}"
        for point, gate in gates.items():
            act = round_.act
            if act is not None and self.act_left and (self.names[act.step], act.point) == (name, point):
                self.act_left = False
                self._agree()
                self._act(act)
                self._settle()
                self._agree()
                if act.what == "kill":
                    return
            self._open(gate)
        self._agree()

    # -- what users do

    def _act(self, act: Act) -> None:
        if self.model.status != "running":
            return
        if act.what == "kill":
            self._kill()
        elif act.what == "run":
            self.model.cancel()
            self._cancel({}, 202)
        elif act.what == "step":
            name = self.names[act.target % len(self.names)]
            live = self.model.steps[name].status in LIVE
            self.model.cancel_step(name)
            self._cancel({"step": name}, 202 if live else 409)
        else:
            self._cancel_a_job(act.target)

    def _cancel_a_job(self, target: int) -> None:
        found = {job.path: job for step in self.model.steps.values() for job in step.jobs}
        if found:
            job: Job = found[sorted(found)[target % len(found)]]
            live = job.status in LIVE
            if live:
                self.model.cancel_job(job)
            job_id = next(job_id for job_id, path in self.paths.items() if path == job.path)
            self._cancel({"job": job_id}, 202 if live else 409)

    def _cancel(self, body: dict[str, Any], status: int) -> None:
        response = self.service.post(f"/managers/{self.manager_id}/cancel", body)
        assert response.status_code == status, response.text

    def _kill(self) -> None:
        self.service.kill()
        self.model.die()
        self._close()
        self.service.start()
        if self.scenario.resume:
            assert self._retry_in_order(None)

    # -- comparing

    def _expected(self) -> dict[str, Any]:
        steps = self.model.steps
        expected: dict[str, Any] = {
            "run": (self.model.status, self.model.attempt),
            "steps": {name: (step.status, step.attempt) for name, step in steps.items()},
        }
        if not self.model.loose:
            every = [job for step in steps.values() for job in step.jobs]
            expected["jobs"] = {job.path: (job.status, job.attempt) for job in every}
            expected["calls"] = dict(self.model.calls)
        return expected

    def _found(self) -> dict[str, Any]:
        jobs = self._jobs()
        manager = self.service.get(f"/managers/{self.manager_id}")
        found: dict[str, Any] = {
            "run": (manager["status"], manager["attempt"]),
            "steps": {step["name"]: (step["status"], step["attempt"]) for step in manager["steps"]},
        }
        if not self.model.loose:
            found["jobs"] = {self.paths[job["job_id"]]: (job["status"], job["attempt"]) for job in jobs}
            found["calls"] = dict(self._calls())
        return found

    def _jobs(self) -> list[dict[str, Any]]:
        jobs: list[dict[str, Any]] = self.service.get(f"/managers/{self.manager_id}/jobs", limit=1000)[
            "items"
        ]
        nth = Counter[tuple[str, str]]()
        self.paths = {}
        for job in jobs:
            key, parent = job["arguments"]["key"], job["parent_id"]
            self.paths[job["job_id"]] = f"{self.paths.get(parent, '')}/{key}.{nth[parent, key]}"
            nth[parent, key] += 1
        return jobs

    def _calls(self) -> Counter[str]:
        file = self.folder / "calls"
        calls = Counter[str]()
        for line in file.read_text().splitlines() if file.exists() else []:
            who, attempt = line.split()
            calls[f"{self.paths.get(who, who)} {attempt}"] += 1
        return calls

    def _agree(self) -> None:
        """Wait until the service says what the model says."""
        expected, deadline = self._expected(), time.monotonic() + SECONDS
        found = self._found()
        while found != expected and time.monotonic() < deadline:
            time.sleep(0.002)
            found = self._found()
        differ = {key: (found[key], expected[key]) for key in found if found[key] != expected[key]}
        assert not differ, f"the service, and what it must be: {differ}"

    def _check_rows(self) -> None:
        events = self.service.events(self.manager_id)
        fold = Fold(event.json for event in events if event.is_row)
        assert events[-1].name == "end"
        fold.check_end(events[-1].json)
        manager = self.service.get(f"/managers/{self.manager_id}")
        fold.check(manager)
        fold.check_jobs(self._jobs())
        for part in (manager, *manager["steps"]):
            assert (part["reason"] is None) == (part["status"] == "completed"), part
        if not self.model.loose:
            found = self.service.get("/documents", manager_id=self.manager_id, limit=1000)["items"]
            saved = [document["source_id"].removeprefix(f"{self.manager_id}-") for document in found]
            assert sorted(saved) == sorted(self.model.saved)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("model"))
    service.add_workers("model", WORKERS)
    service.start()
    yield service
    service.kill()


def at_random(examples: int) -> settings:
    """Hypothesis' settings: an example is a real run."""
    return settings(
        max_examples=examples,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


@at_random(25)
@given(scenario=scenarios())
def test_a_run_becomes_what_the_rules_say(service: Service, scenario: Scenario) -> None:
    Trial(service, scenario).play()


@at_random(3)
@given(scenario=scenarios(kill=True))
def test_a_run_goes_on_after_kill_9(service: Service, scenario: Scenario) -> None:
    Trial(service, scenario).play()


@pytest.mark.slow
@pytest.mark.timeout(300)
@at_random(40)
@given(scenario=scenarios())
def test_very_many_runs_become_what_the_rules_say(service: Service, scenario: Scenario) -> None:
    Trial(service, scenario).play()


@pytest.mark.slow
@pytest.mark.timeout(300)
@at_random(10)
@given(scenario=scenarios(kill=True))
def test_very_many_runs_go_on_after_kill_9(service: Service, scenario: Scenario) -> None:
    Trial(service, scenario).play()
