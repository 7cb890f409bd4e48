"""Promise: a worker function that misbehaves fails its own job; every other one, and the service, goes on."""

import threading
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any, cast

import anyio
import pytest

from jobs.caller import Caller
from jobs.ending import Ending
from jobs.job import Job
from jobs.row import Source
from tests.service_process import Service

WORKERS = """
    import asyncio, logging, sys, threading, time
    from pathlib import Path
    import anyio
    from jobs import Job, worker

    @worker("misbehave")
    async def misbehave(step: Job, how: str) -> None:
        step.spawn(FUNCTIONS[how])
        step.spawn(bystander)

    async def bystander(job: Job) -> str:
        await anyio.sleep(0.05)
        return "goes on"

    async def raises_half_a_pair(job: Job) -> None:
        raise ValueError("no \\ud800 whole character")

    async def progress_of_an_object(job: Job) -> None:
        job.progress(object())

    async def progress_of_a_text(job: Job) -> None:
        job.progress(1, "many")

    async def progress_beyond_any_float(job: Job) -> None:
        job.progress(10**400)

    async def progress_beyond_64_bits(job: Job) -> None:
        job.progress(10**30)

    async def progress_without_end(job: Job) -> None:
        job.progress(1, float("inf"))

    class Unspeakable(Exception):
        def __str__(self):
            raise RuntimeError("no words")

    async def raises_what_cannot_be_shown(job: Job) -> None:
        raise Unspeakable

    async def raises_an_odd_syntax_error(job: Job) -> None:
        raise SyntaxError("odd", ("file", "no", "number", "here"))

    class Items(dict):
        def items(self):
            raise LookupError("no items")

    async def returns_what_cannot_be_read(job: Job) -> object:
        return Items(a=1)

    async def logs_what_cannot_be_shown(job: Job) -> None:
        job.log.info("%s", Unspeakable())
        job.log.info(Unspeakable())
        job.log.info("data", data=Unspeakable())
        job.log.info("data", data=Items(a=1))
        logging.getLogger().info("%d of %s", 1, Unspeakable())
        try:
            raise Unspeakable
        except Unspeakable:
            job.log.exception("caught", data=[1])

    async def exits() -> None:
        raise SystemExit(3)

    async def exits_in_a_task(job: Job) -> None:
        await asyncio.create_task(exits())

    async def exits_in_a_task_group(job: Job) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(exits)

    async def exits_in_a_callback(job: Job) -> None:
        asyncio.get_running_loop().call_soon(sys.exit, 3)
        await anyio.sleep(0.01)

    async def cancels_its_task_and_returns(job: Job) -> str:
        asyncio.current_task().cancel()
        return "done"

    async def cancels_its_task_and_raises(job: Job) -> None:
        asyncio.current_task().cancel()
        raise ValueError("done")

    async def cancels_its_task_and_waits(job: Job) -> None:
        asyncio.current_task().cancel()
        await anyio.sleep_forever()

    @worker("stops_the_loop")
    async def stops_the_loop(step: Job) -> None:
        step.spawn(sleeps)
        asyncio.get_running_loop().run_in_executor(None, time.sleep, 600)
        await anyio.sleep(0.1)
        asyncio.get_running_loop().stop()

    def sleeps(job: Job) -> None:
        time.sleep(600)

    def awaits_in_its_own_loop(job: Job) -> None:
        async def wait() -> None:
            await job.spawn(bystander)
        asyncio.run(wait())

    @worker("leaves_a_thread")
    async def leaves_a_thread(step: Job, file: str) -> None:
        def spawn_late() -> None:
            while not Path(file).exists():
                time.sleep(0.01)
            try:
                step.spawn(bystander)
            except RuntimeError as error:
                Path(file).write_text(str(error))
        threading.Thread(target=spawn_late).start()

    FUNCTIONS = {name: value for name, value in globals().items() if callable(value)}
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("misbehaviour"))
    service.add_workers("misbehaviour", WORKERS)
    service.define(
        "job",
        """
        [params]
        how = ""
        [step.only]
        type = "misbehave"
        how = "{params.how}"
        """,
    )
    yield service.start()
    assert service.stop() == 0


@pytest.mark.parametrize(
    ("how", "status", "reason"),
    [
        ("raises_half_a_pair", "failed", "ValueError: no \\ud800 whole character"),
        ("progress_of_an_object", "failed", "ValueError: progress: done is a finite number, not <object"),
        ("progress_of_a_text", "failed", "ValueError: progress: total is a finite number, not 'many'"),
        ("progress_beyond_any_float", "failed", "ValueError: progress: done is a finite number, not 1000"),
        ("progress_beyond_64_bits", "completed", None),
        ("progress_without_end", "failed", "ValueError: progress: total is a finite number, not inf"),
        ("raises_what_cannot_be_shown", "failed", "Unspeakable: <its text cannot be shown: RuntimeError>"),
        ("raises_an_odd_syntax_error", "failed", "SyntaxError: odd"),
        ("returns_what_cannot_be_read", "failed", "the result of returns_what_cannot_be_read is not JSON"),
        ("logs_what_cannot_be_shown", "completed", None),
        ("exits_in_a_task", "failed", "SystemExit: 3"),
        ("exits_in_a_task_group", "failed", "BaseExceptionGroup: unhandled errors in a TaskGroup"),
        ("exits_in_a_callback", "completed", None),
        ("cancels_its_task_and_returns", "completed", None),
        ("cancels_its_task_and_raises", "failed", "ValueError: done"),
        ("cancels_its_task_and_waits", "failed", "CancelledError: "),
        ("awaits_in_its_own_loop", "failed", "RuntimeError: a handle is awaited in async worker functions"),
    ],
)
def test_it_fails_alone(service: Service, how: str, status: str, reason: str | None) -> None:
    manager = service.run_to_end("job", how=how)
    jobs: list[dict[str, Any]] = service.get(f"/managers/{manager['id']}/jobs")["items"]
    assert (jobs[0]["status"], (jobs[0]["reason"] or "")[: len(reason or "")] or None) == (status, reason)
    assert (jobs[1]["status"], jobs[1]["result"]) == ("completed", "goes on")
    assert manager["status"] == ("completed" if status == "completed" else "completed_with_warnings")
    rows = service.rows(manager["id"])
    assert [row["seq"] for row in rows] == list(range(1, manager["last_seq"] + 1))


def test_what_cannot_be_shown_is_a_line_nevertheless(service: Service) -> None:
    manager = service.run_to_end("job", how="logs_what_cannot_be_shown")
    lines = service.rows(manager["id"], events="job_log", step="only")
    assert [line["message"].partition("\n")[0] for line in lines] == [
        "%s (Unspeakable(),)",
        "<Unspeakable that cannot be shown>",
        "data",
        "data",
        "%d of %s (1, Unspeakable())",
        "caught",
    ]
    assert lines[2]["data"] == {"unencodable": "no words"}
    assert lines[3]["data"] == {"unencodable": "no items"}
    assert lines[5]["data"]["exception"]["class"] == "Unspeakable"
    assert lines[5]["data"]["data"] == [1]


def test_nothing_is_spawned_after_the_end(service: Service, tmp_path: Path) -> None:
    file = tmp_path / "go"
    service.define("leaves", f'[step.only]\ntype = "leaves_a_thread"\nfile = "{file}"')
    manager = service.run_to_end("leaves")
    file.touch()
    while not file.read_text():
        threading.Event().wait(0.01)
    assert file.read_text() == "spawn(bystander): the step has ended"
    assert service.get(f"/managers/{manager['id']}") == manager


def test_a_runner_that_has_died_ends_the_process(make_service: Callable[..., Service]) -> None:
    """Also while threads of worker functions go on; nobody would run jobs, so nobody may think it does."""
    service = make_service()
    service.add_workers("misbehaviour", WORKERS)
    service.define("job", '[step.only]\ntype = "stops_the_loop"')
    service.start()
    service.run("job")
    assert service.process.wait(8) == 1
    assert service.errors().splitlines()[-1].startswith("stepstream: stopped by a failure: ")
    assert "Traceback" not in service.errors()
    service.stop()
    service.start()
    assert service.get("/managers/latest")["status"] == "interrupted"


def test_a_mistake_of_ours_after_a_call_is_not_lost() -> None:
    """It ends the runner, and so the process: else a step would wait for ever."""

    async def function(job: Job) -> None:
        pass

    def on_end(ending: Ending) -> None:
        raise LookupError("ours")

    async def run() -> None:
        async with anyio.create_task_group() as tasks:
            caller = Caller(cast(Any, None))
            caller.start(tasks)
            caller.call(Job(cast(Any, None), Source("manager234"), "step", "only"), function, {}, on_end)
            await anyio.sleep_forever()

    with pytest.raises(BaseExceptionGroup) as raised:
        anyio.run(run)
    assert raised.group_contains(LookupError, match="ours")


def test_a_call_begins_in_no_context_of_another() -> None:
    """Neither of the one that spawned it nor of one that ended before it."""
    variable = ContextVar("variable", default="nobody's")
    seen: list[str] = []
    ended: anyio.Event

    async def function(job: Job) -> None:
        seen.append(variable.get())
        variable.set("of a call")

    def on_end(ending: Ending) -> None:
        ended.set()

    async def run() -> None:
        nonlocal ended
        async with anyio.create_task_group() as tasks:
            caller = Caller(cast(Any, None))
            caller.start(tasks)
            variable.set("of who spawned it")
            for _ in range(2):
                ended = anyio.Event()
                caller.call(Job(cast(Any, None), Source("manager234"), "step", "only"), function, {}, on_end)
                await ended.wait()

    anyio.run(run)
    assert seen == ["nobody's", "nobody's"]
