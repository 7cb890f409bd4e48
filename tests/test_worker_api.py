"""Promise: worker functions of one's own, in a folder of Python files, do what the documentation says."""

import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.service_process import Service

GREET = """
    import logging
    from jobs import Job, worker

    @worker("greet")
    async def greet(step: Job, names: list[str], excited: bool = False) -> None:
        step.log.info("greeting %d people", len(names))
        for name in names:
            step.spawn(hello, name, excited)

    async def hello(job: Job, name: str, excited: bool) -> str:
        logging.getLogger("greetings").warning("also lands in this worker job's lines")
        job.progress(1, 2)
        return f"hello {name}{'!' * excited}"
"""

API = """
    import threading
    from jobs import Job, worker

    @worker("plain_step")
    def plain_step(step: Job, jobs: int) -> None:
        for number in step.track(range(jobs)):
            step.spawn(square, number, by=2)
        step.log.info("in thread %s", threading.current_thread() is not threading.main_thread())

    def square(job: Job, number: int, by: int) -> dict[str, object]:
        for _ in job.track([1, 2, 3]):
            pass
        job.log.info("attempt %d of %s in %s of %s", job.attempt, job.name, job.step_name, job.manager_id)
        return {"number": number, "square": number**by}

    @worker("saver")
    async def saver(step: Job, count: int = 3) -> None:
        for number in range(count):
            identity = step.save({"source_type": "test", "source_id": str(number), "title": f"No {number}",
                                  "text": "first", "tags": ["even" if number % 2 == 0 else "odd"],
                                  "metadata": {"a": 1}})
            again = step.save({"source_type": "test", "source_id": str(number), "metadata": {"b": number}})
            assert identity == again
            step.spawn(enrich, identity)

    async def enrich(job: Job, identity: str) -> None:
        document = job.document(identity)
        assert document["text"] == "first", document
        job.save({"source_type": document["source_type"], "source_id": document["source_id"],
                  "metadata": {"c": [job.id]}})

    @worker("reader")
    def reader(step: Job, scope: str = "run") -> None:
        for document in step.documents(source_type="test", tags=["even"], limit=2, scope=scope):
            step.log.info("%s", document["title"], data={"id": document["id"], "keys": sorted(document)})
        step.log.info("%d in all", len(step.documents(scope=scope)))
        step.log.info("params %s", dict(step.params))

    @worker("wrong")
    async def wrong(step: Job, what: str) -> None:
        def local(job: Job) -> None: ...
        match what:
            case "local": step.spawn(local)
            case "lambda": step.spawn(lambda job: None)
            case "too few": step.spawn(square, 1)
            case "unknown keyword": step.spawn(square, 1, too=2)
            case "not json": step.spawn(square, {1}, 2)
            case "no identity": step.save({"title": "x"})
            case "unknown key": step.save({"source_type": "a", "source_id": "b", "titel": "x"})
            case "wrong type": step.save({"source_type": "a", "source_id": "b", "tags": "x"})
            case "no document": step.document("nosuch")
            case "format": step.log.info("%d and %d", 1)

    @worker("lines")
    async def lines(step: Job) -> None:
        try:
            raise KeyError("inner")
        except KeyError:
            step.log.exception("it went %s", "wrong")
        step.log.info("plain % sign")
        step.log.info("nan", data={"value": float("nan")})
        step.log.info("object", data={"value": object})
        step.log.info("x" * 70_000)
        step.log.info("é" * 20_000)
        step.log.info("\\x00" * 16_000)
        step.log.info("\\ud800 alone")
        step.log.info("big", data=["y" * 40_000])
        try:
            raise type("Long" * 10_000, (Exception,), {})("y" * 40_000)
        except Exception:
            step.log.exception("big class")
        for exception in ("y" * 40_000, {"text": "y"}, {"class": "C", "text": "t", "more": "y" * 40_000}):
            step.log.info("big of one's own", data={"exception": exception, "more": "y" * 40_000})
        for count in range(2_600, 4_200, 100):
            step.log.info("\U0001f600" * count)
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("api"))
    service.add_workers("greetings", GREET)
    service.add_workers("api", API)
    service.start()
    yield service
    service.kill()


def run(service: Service, toml: str, **params: Any) -> dict[str, Any]:
    service.define("job", toml)
    return service.run_to_end("job", **params)


def jobs(service: Service, manager: dict[str, Any]) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = service.get(f"/managers/{manager['id']}/jobs")["items"]
    return items


def lines(service: Service, manager: dict[str, Any]) -> list[dict[str, Any]]:
    return service.rows(manager["id"], events="job_log", step="only")


def test_the_example_of_ten_lines(service: Service) -> None:
    manager = run(service, '[step.only]\ntype = "greet"\nnames = ["Ada", "Grace"]\nexcited = true')
    assert manager["status"] == "completed"
    found = jobs(service, manager)
    assert [job["result"] for job in found] == ["hello Ada!", "hello Grace!"]
    assert [job["arguments"] for job in found] == [
        {"name": "Ada", "excited": True},
        {"name": "Grace", "excited": True},
    ]
    assert {job["name"] for job in found} == {"hello"}
    assert [job["progress"] for job in found] == [{"done": 1, "total": 2}] * 2
    texts = [line["message"] for line in lines(service, manager)]
    assert texts == ["greeting 2 people", *["also lands in this worker job's lines"] * 2]
    assert {line["level"] for line in lines(service, manager)[1:]} == {"warning"}


def test_plain_functions_run_in_threads_and_may_spawn(service: Service) -> None:
    manager = run(service, '[step.only]\ntype = "plain_step"\njobs = 5')
    found = jobs(service, manager)
    assert [job["result"] for job in found] == [{"number": n, "square": n * n} for n in range(5)]
    assert [job["arguments"] for job in found] == [{"number": n, "by": 2} for n in range(5)]
    assert {job["progress"]["done"] for job in found} == {3}
    texts = {line["message"] for line in lines(service, manager)}
    assert texts == {"in thread True", f"attempt 1 of square in only of {manager['id']}"}


def test_documents_are_saved_once_enriched_and_read(service: Service) -> None:
    manager = run(service, '[step.only]\ntype = "saver"')
    assert manager["status"] == "completed", lines(service, manager)
    items = service.get("/documents", manager_id=manager["id"])["items"]
    assert [item["title"] for item in items] == ["No 0", "No 1", "No 2"]
    ids = [job["job_id"] for job in jobs(service, manager)]
    assert [item["metadata"] for item in items] == [
        {"a": 1, "b": number, "c": [ids[number]]} for number in range(3)
    ]
    again = run(service, '[step.only]\ntype = "saver"\ncount = 4')
    assert len(service.get("/documents", source_type="test")["items"]) == 4
    assert len(service.get("/documents", manager_id=manager["id"])["items"]) == 3
    assert len(service.get("/documents", manager_id=again["id"])["items"]) == 4


def test_a_run_sees_its_own_documents_only_unless_it_asks_for_all(service: Service) -> None:
    toml = '[step.first]\ntype = "saver"\ncount = 5\n[step.only]\ntype = "reader"\ndepends = "first"\n'
    found = lines(service, run(service, toml))
    assert [line["message"] for line in found[:3]] == ["No 0", "No 2", "5 in all"]
    assert "text" in found[0]["data"]["keys"]
    alone = '[step.only]\ntype = "reader"\n'
    assert lines(service, run(service, alone))[0]["message"] == "0 in all"
    assert lines(service, run(service, alone + 'scope = "all"'))[-2]["message"] == "5 in all"


def test_params_reach_the_worker(service: Service) -> None:
    manager = run(service, '[params]\nradius = 5\n[step.only]\ntype = "reader"', radius="7")
    assert lines(service, manager)[-1]["message"] == "params {'radius': 7}"
    assert manager["params"] == {"radius": 7}


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("local", "TypeError: spawn(wrong.<locals>.local): only a module-level function can be found again"),
        ("lambda", "TypeError: spawn(wrong.<locals>.<lambda>): only a module-level function"),
        ("too few", "TypeError: spawn(square): missing a required argument: 'by'"),
        ("unknown keyword", "TypeError: spawn(square): missing a required argument: 'by'"),
        ("not json", "TypeError: spawn(square): its arguments are not JSON: Object of type set"),
        ("no identity", "ValueError: save: a document needs source_type, a text that is not empty"),
        ("unknown key", 'ValueError: save: unknown key "titel", did you mean "title"?'),
        ("wrong type", "ValueError: save: tags is a list of texts, not 'x'"),
        ("no document", "KeyError: 'nosuch'"),
    ],
)
def test_mistakes_are_told_where_they_are_made(service: Service, what: str, message: str) -> None:
    manager = run(service, f'[step.only]\ntype = "wrong"\nwhat = "{what}"')
    assert manager["status"] == "failed"
    assert manager["steps"][0]["reason"].startswith(message)
    last = lines(service, manager)[-1]
    assert last["originator"] == "step"
    assert "api.py" in last["message"]


def test_a_mistake_in_a_log_call_is_shown_and_fails_nothing(service: Service) -> None:
    manager = run(service, '[step.only]\ntype = "wrong"\nwhat = "format"')
    assert manager["status"] == "completed"
    assert [line["message"] for line in lines(service, manager)] == ["%d and %d (1,)"]


def test_any_line_is_kept_within_its_bounds(service: Service) -> None:
    manager = run(service, '[step.only]\ntype = "lines"')
    assert manager["status"] == "completed"
    found = lines(service, manager)
    assert found[0]["data"]["exception"] == {"class": "KeyError", "text": "'inner'"}
    assert found[0]["message"].startswith("it went wrong\nTraceback (most recent call last):\n")
    assert found[1]["message"] == "plain % sign"
    assert "unencodable" in found[2]["data"]
    assert found[3]["data"] == {"value": "<class 'object'>"}
    assert (found[4]["message"], found[4]["truncated"]) == ("x" * 16_384, 70_000)
    assert found[5]["message"] == "é" * len(found[5]["message"])
    assert found[5]["truncated"] == 40_000
    assert found[6]["message"] == "\x00" * len(found[6]["message"])
    assert found[6]["truncated"] == 16_000
    assert found[7]["message"] == "\ud800 alone"
    assert found[8]["data"] == {"truncated": 40_004}
    assert found[9]["data"] == {"exception": {"class": "Long" * 250, "text": "y" * 1000}}
    assert [set(line["data"]) for line in found[10:13]] == [{"truncated"}, {"truncated"}, {"exception"}]
    for line in found[13:]:
        assert set(line["message"]) == {"\U0001f600"}
        assert line.get("truncated", 0) in (0, 4 * 4_100) or len(line["message"]) < line["truncated"] / 4
    with sqlite3.connect(service.db) as db:
        rows = db.execute("SELECT data FROM log WHERE manager_id = ?", (manager["id"],)).fetchall()
    assert all(len(data) <= 32 * 1024 and data.isascii() and "\n" not in data for (data,) in rows)
    assert max(len(data) for (data,) in rows) > 31 * 1024


# -- the folder


def test_a_broken_file_hurts_no_other_and_its_error_is_shown(make_service: Callable[..., Service]) -> None:
    service = make_service()
    service.add_workers("greetings", GREET)
    service.add_workers("broken", "import nosuchmodule\n")
    service.add_workers("typo", "def f(:\n")
    service.add_workers("stops", "raise SystemExit('no')\n")
    service.add_workers("_hidden", "raise RuntimeError('is only for import')\n")
    service.define("uses", '[step.only]\ntype = "gret"\n')
    service.define("works", '[step.only]\ntype = "greet"\nnames = ["x"]\n')
    service.start()
    (error,) = service.get("/definitions/uses")["errors"]
    assert error["where"] == "uses.toml step.only.type"
    assert 'unknown worker type "gret", did you mean "greet"?' in error["message"]
    assert "broken.py: ModuleNotFoundError: No module named 'nosuchmodule' (line 1)" in error["message"]
    assert "typo.py: SyntaxError: invalid syntax (line 1)" in error["message"]
    assert "stops.py: SystemExit: no (line 1)" in error["message"]
    assert "_hidden" not in error["message"]
    assert service.run_to_end("works")["status"] == "completed"


def test_files_may_import_each_other_and_replace_shipped_types(make_service: Callable[..., Service]) -> None:
    service = make_service()
    service.add_workers("_words", 'WORD = "imported"\n')
    service.add_workers(
        "mine",
        """
        from _words import WORD
        from jobs import Job, worker

        @worker("agent")
        async def agent(step: Job) -> None:
            step.log.info(WORD)
        """,
    )
    service.define("job", '[step.only]\ntype = "agent"\n')
    service.start()
    assert [line["message"] for line in lines(service, service.run_to_end("job"))] == ["imported"]
