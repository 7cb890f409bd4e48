"""What do the routes answer? The exact shape of everything, lists that go on, and what a run leaves."""

import csv
import io
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from tests.service_process import Service
from tests.wire import ask, check_problem

STATUSES = "pending running completed completed_with_warnings failed cancelled skipped interrupted".split()
WORKER_STATUSES = "pending running completed failed cancelled interrupted".split()
TIMES = {"created_at", "started_at", "finished_at", "duration"}
JOB_COUNTS = {"total_jobs", *(f"{status}_jobs" for status in WORKER_STATUSES)}
MANAGER = {
    *("id", "manager_id", "definition", "name", "status", "attempt", "params", "reason", "total_steps"),
    *TIMES,
    *(f"{status}_steps" for status in STATUSES),
    *JOB_COUNTS,
}
WHOLE_MANAGER = MANAGER | {"last_seq", "log_counts", "error_groups", "toml", "steps"}
STEP = {
    *("step_id", "name", "description", "type", "depends", "status", "reason", "attempt", "started_at"),
    *("finished_at", "duration", "lines", "log_counts", "eta_seconds"),
    *JOB_COUNTS,
}
JOB = {
    *("job_id", "parent_id", "step_id", "step_name", "name", "arguments", "status", "attempt", "reason"),
    *("result", "progress"),
    *TIMES,
}
DOCUMENT = {
    *("id", "source_type", "source_id", "title", "url", "tags", "metadata", "created_at", "updated_at"),
}
HIT = {"manager_id", "step_name", "seq", "line_number", "level", "snippet"}
LOG_COUNTS = {"debug", "info", "warning", "error"}
SHAPES = """
max_running = 20
description = "Every kind of step"
tags = ["a", "b"]

[params]
count = 3
rate = 1.5
loud = false
word = "hello"
items = [1]
table = {a = 1}

[step.work]
type = "shapes"
description = "Works"
count = "{params.count}"
tag = "{params.word}"

[step.after]
type = "nothing"
depends = "work"
"""
WORKERS = """
from jobs import Job, worker

@worker("shapes")
async def shapes(step: Job, count: int, tag: str) -> None:
    step.log.debug("a debug line")
    step.log.warning("a warning: %s", tag)
    for number in range(count):
        step.spawn(save, number, tag)
    if count > 1:
        step.spawn(fail)

async def save(job: Job, number: int, tag: str) -> dict[str, int]:
    job.progress(number, 3)
    text = f"Text of number {number}, Crème brûlée"
    job.save({"source_type": f"kind{number % 2}", "source_id": f"{number}", "title": f"=Number {number}",
              "text": text, "tags": [tag, f"n{number}"], "metadata": {"number": number}})
    return {"number": number}

def fail(job: Job) -> None:
    raise ValueError("as asked")

@worker("nothing")
def nothing(step: Job) -> None:
    pass

@worker("speak")
def speak(step: Job, lines: list[str]) -> None:
    for line in lines:
        step.log.info(line)
    step.log.error("only this one is an error: zebra")
"""
SPOKEN = [
    "C++ is a word, and so is c",
    "an a-b stands here",
    'she said "quoted" twice',
    "Crème brûlée for dessert",
    "чай с лимоном",
    "한국어 문장",
    "resume is not rest",
    "many " * 100 + "needle" + " hay" * 100,
    "Größe " * 100 + "Été" + " x" * 200,
    "mộtly một \U0001f979stuck half",
]
LONG = '[step.one]\ntype = "test_job_generator"\nworker_count = 1\nlog_count = 1\nlog_delay_ms = 6e5\n'


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with worker functions of its own."""
    service = Service(tmp_path_factory.mktemp("service"))
    service.add_workers("shapes", WORKERS)
    service.define("shapes", SHAPES)
    service.define("long", f"max_running = 20\n{LONG}")
    service.define("speak", f'[step.say]\ntype = "speak"\nlines = {json.dumps(SPOKEN, ensure_ascii=False)}\n')
    yield service.start()
    service.kill()


@pytest.fixture(scope="module")
def first(served: Service) -> dict[str, Any]:
    """A run with 3 documents, one failed worker job and three steps' worth of lines."""
    return served.run_to_end("shapes")


@pytest.fixture(scope="module")
def spoken(served: Service) -> str:
    """The id of a run whose lines are ``SPOKEN`` and one error."""
    identity: str = served.run_to_end("speak")["id"]
    return identity


def fetch(service: Service, target: str) -> Any:
    """The JSON at a path with its query as it is."""
    found = ask(service, "GET", target)
    assert found.status == 200, found.body
    return found.json


def follow(service: Service, path: str) -> list[list[dict[str, Any]]]:
    """The pages of a list, ``next`` followed as it is until it is null."""
    pages = []
    following: str | None = path
    while following:
        answer = fetch(service, following)
        assert answer.keys() == {"items", "next"}
        pages.append(answer["items"])
        following = answer["next"]
        assert len(pages) < 100
    return pages


# -- shapes


def test_a_manager_has_exactly_these_keys(served: Service, first: dict[str, Any]) -> None:
    (listed,) = (each for each in served.get("/managers")["items"] if each["id"] == first["id"])
    assert listed.keys() == MANAGER
    assert first.keys() == WHOLE_MANAGER
    assert {key: first[key] for key in MANAGER} == listed
    assert first["manager_id"] == first["id"]
    assert first["name"] == first["definition"] == "shapes"
    assert first["params"] == {
        **{"count": 3, "rate": 1.5, "loud": False, "word": "hello", "items": [1], "table": {"a": 1}}
    }
    assert first["status"] == "completed_with_warnings"
    assert (first["total_steps"], first["completed_steps"], first["completed_with_warnings_steps"]) == (
        2,
        1,
        1,
    )
    assert (first["total_jobs"], first["completed_jobs"], first["failed_jobs"]) == (4, 3, 1)
    assert sum(first[f"{status}_steps"] for status in STATUSES) == 2
    assert first["toml"] == (served.definitions / "shapes.toml").read_text(encoding="utf-8")
    assert first["log_counts"].keys() == LOG_COUNTS
    assert first["log_counts"]["debug"] == first["log_counts"]["warning"] == 1
    assert first["error_groups"] == [
        {"message": "ValueError: as asked", "count": 1, "first_seq": first["error_groups"][0]["first_seq"]}
    ]
    assert first["error_groups"][0].keys() == {"message", "count", "first_seq"}
    assert served.get("/managers/latest") == served.get(
        f"/managers/{served.get('/managers')['items'][0]['id']}"
    )


def test_a_step_has_exactly_these_keys(first: dict[str, Any]) -> None:
    work, after = first["steps"]
    assert work.keys() == after.keys() == STEP
    assert [work["name"], after["name"]] == ["work", "after"]
    assert (work["description"], work["type"], work["depends"]) == ("Works", "shapes", [])
    assert (after["depends"], after["status"], after["lines"]) == (["work"], "completed", 0)
    assert work["status"] == "completed_with_warnings"
    assert work["lines"] == first["log_counts"]["debug"] + 1 + first["log_counts"]["error"]
    assert work["total_jobs"] == 4
    assert work["started_at"] <= work["finished_at"] <= after["finished_at"]


def test_steps_are_there_from_the_start(served: Service) -> None:
    response = served.post("/definitions/long/runs")
    assert response.status_code == 201
    manager = response.json()
    assert response.headers["location"] == f"/managers/{manager['id']}"
    assert manager.keys() == WHOLE_MANAGER
    assert [(step["name"], step.keys() == STEP) for step in manager["steps"]] == [("one", True)]
    assert (manager["finished_at"], manager["duration"], manager["reason"]) == (None, None, None)
    cancelled = served.post(response.headers["location"] + "/cancel", {"reason": "enough"})
    assert cancelled.status_code == 202
    assert cancelled.json().keys() == WHOLE_MANAGER
    ended = served.finish(manager["id"])
    assert ended["status"] == "cancelled"
    assert "enough" in ended["reason"]


def test_a_second_cancel_while_it_goes_on_is_202_and_then_409(served: Service) -> None:
    identity = served.run("long")
    answers = [served.post(f"/managers/{identity}/cancel").status_code for _ in range(2)]
    assert answers[0] == 202
    assert answers[1] in (202, 409)
    served.finish(identity)
    check_problem(ask(served, "POST", f"/managers/{identity}/cancel"), 409)


def test_a_worker_job_has_exactly_these_keys(served: Service, first: dict[str, Any]) -> None:
    jobs = served.get(f"/managers/{first['id']}/jobs")["items"]
    assert [job["name"] for job in jobs] == ["save", "save", "save", "fail"]
    for job in jobs:
        assert job.keys() == JOB
        assert job["step_id"] == job["parent_id"] == first["steps"][0]["step_id"]
        assert (job["step_name"], job["attempt"]) == ("work", 1)
        assert job["created_at"] <= job["started_at"] <= job["finished_at"]
        assert job["duration"] >= 0
    assert jobs[1]["arguments"] == {"number": 1, "tag": "hello"}
    assert jobs[1]["result"] == {"number": 1}
    assert jobs[1]["progress"] == {"done": 1, "total": 3}
    assert (jobs[1]["status"], jobs[1]["reason"]) == ("completed", None)
    assert (jobs[3]["status"], jobs[3]["result"], jobs[3]["progress"]) == ("failed", None, None)
    assert jobs[3]["reason"] == "ValueError: as asked"


def test_a_document_has_exactly_these_keys(served: Service, first: dict[str, Any]) -> None:
    documents = served.get("/documents", manager_id=first["id"])["items"]
    assert sorted(document["source_id"] for document in documents) == ["0", "1", "2"]
    for document in documents:
        assert document.keys() == DOCUMENT
        whole = served.get(f"/documents/{document['id']}")
        assert whole.keys() == DOCUMENT | {"text"}
        assert {key: whole[key] for key in DOCUMENT} == document
        number = int(document["source_id"])
        assert whole["text"] == f"Text of number {number}, Crème brûlée"
        assert document["metadata"] == {"number": number}
        assert document["tags"] == ["hello", f"n{number}"]
        assert document["url"] is None


def test_a_health_answer_has_exactly_these_keys(served: Service) -> None:
    health = served.get("/healthz")
    assert health.keys() == {
        *("status", "version", "started_at", "writer", "runner", "database", "sqlite_version", "synchronous")
    }
    assert health["status"] == "ok"
    assert health["sqlite_version"] == sqlite3.sqlite_version
    assert health["synchronous"] == "FULL"


def test_health_is_503_when_the_database_file_is_gone(make_service: Callable[..., Service]) -> None:
    service = make_service().start()
    assert service.client.get("/healthz").status_code == 200
    service.db.unlink()
    response = service.client.get("/healthz")
    assert response.status_code == 503
    assert response.json()["database"] != "ok"


def test_the_panel_is_a_page_that_may_change(served: Service) -> None:
    found = ask(served, "GET", "/")
    assert found.headers["content-type"].startswith("text/html")
    assert found.headers["cache-control"] == "no-cache"
    assert b"<!doctype html>" in found.body.lower()
    module = ask(served, "GET", "/static/main.js")
    assert "javascript" in module.headers["content-type"]


# -- definitions


def test_definitions_are_listed_and_shown(served: Service) -> None:
    listed = served.get("/definitions")
    assert listed.keys() == {"items", "next"}
    names = [each["id"] for each in listed["items"]]
    assert {"shapes", "long", "speak", "nearby-restaurants", "load-test"} <= set(names)
    (shapes,) = (each for each in listed["items"] if each["id"] == "shapes")
    whole = served.get("/definitions/shapes")
    assert whole == {**shapes, "toml": (served.definitions / "shapes.toml").read_text(encoding="utf-8")}
    assert [step["name"] for step in whole["steps"]] == ["work", "after"]
    assert (whole["errors"], whole["tags"], whole["max_running"]) == ([], ["a", "b"], 20)
    assert whole["description"] == "Every kind of step"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {}),
        ({"count": 0}, {"count": 0}),
        ({"count": "0"}, {"count": 0}),
        ({"count": 0, "rate": 2}, {"count": 0, "rate": 2.0}),
        ({"count": 0, "rate": "2.5e1"}, {"count": 0, "rate": 25.0}),
        ({"count": 0, "loud": "true"}, {"count": 0, "loud": True}),
        ({"count": 0, "word": "true"}, {"count": 0, "word": "true"}),
        ({"count": 0, "items": "[2, 3]"}, {"count": 0, "items": [2, 3]}),
        ({"count": 0, "table": '{"b": 2}'}, {"count": 0, "table": {"b": 2}}),
    ],
)
def test_params_override_defaults_and_texts_are_read_as_their_type(
    served: Service, given: dict[str, Any], expected: dict[str, Any]
) -> None:
    defaults = served.get("/definitions/shapes")["params"]
    manager = served.run_to_end("shapes", **given)
    assert manager["params"] == {**defaults, **expected}
    assert [type(value) for value in manager["params"].values()] == [int, float, bool, str, list, dict]
    assert manager["total_jobs"] == (0 if "count" in given else 4)


# -- starting and following in one request


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("?follow=true", {}),
        ("", {"Accept": "text/event-stream"}),
        ("?follow=false", {"Accept": "text/event-stream"}),
        ("", {"Accept": "application/json;q=0.5, text/event-stream"}),
    ],
)
def test_a_run_can_be_started_and_followed_at_once(
    served: Service, query: str, headers: dict[str, str]
) -> None:
    found = ask(served, "POST", f"/definitions/shapes/runs{query}", headers)
    assert found.status == 200
    assert found.headers["content-type"].startswith("text/event-stream")
    manager = served.get(found.headers["location"])
    text = found.body.decode()
    assert text.startswith("retry: 1000\n\nid: 1\n")
    assert text.count("\nid: ") == manager["last_seq"] + 1
    assert f"id: {manager['last_seq']}-end\nevent: end\n" in text


@pytest.mark.parametrize("accept", ["*/*", "application/json", "text/event-stream;q=0", "text/*"])
def test_without_asking_for_the_stream_it_is_json(served: Service, accept: str) -> None:
    found = ask(served, "POST", "/definitions/shapes/runs?follow=false", {"Accept": accept})
    assert found.status == 201
    assert found.json.keys() == WHOLE_MANAGER
    served.finish(found.json["id"])


def test_hanging_up_does_not_stop_the_run(served: Service) -> None:
    served.define(
        "short",
        '[step.one]\ntype = "test_job_generator"\nworker_count = 1\nlog_count = 10\nlog_delay_ms = 20\n',
    )
    found = ask(served, "POST", "/definitions/short/runs?follow=true", only_head=True)
    manager = served.get(found.headers["location"])
    assert manager["status"] in ("pending", "running")
    assert served.finish(manager["id"])["status"] == "completed"


# -- lists


def test_managers_come_newest_first_and_go_on(served: Service, first: dict[str, Any]) -> None:
    for _ in range(4):
        served.run_to_end("shapes", count=0)
    everyone = served.get("/managers", limit=1000)["items"]
    created = [each["created_at"] for each in everyone]
    assert created == sorted(created, reverse=True)
    pages = follow(served, "/managers?limit=2")
    assert [each for page in pages for each in page] == everyone
    assert {len(page) for page in pages[:-1]} == {2}
    assert first["id"] in [each["id"] for each in everyone]
    older = served.get("/managers", before=everyone[1]["id"], limit=1000)
    assert older == {"items": everyone[2:], "next": None}


def test_a_list_goes_on_when_its_last_manager_was_deleted(served: Service) -> None:
    made = [served.run_to_end("shapes", count=0)["id"] for _ in range(3)]
    page = served.get("/managers", limit=1)
    assert [each["id"] for each in page["items"]] == [made[2]]
    assert served.client.delete(f"/managers/{made[2]}").status_code == 204
    assert [each["id"] for each in fetch(served, page["next"])["items"]] == [made[1]]


def test_managers_are_filtered_by_status_and_definition(served: Service, spoken: str) -> None:
    running = served.run("long")
    everyone = served.get("/managers", limit=1000)["items"]

    def ids(**wanted: Any) -> list[str]:
        return [each["id"] for page in follow(served, f"/managers?{_query(wanted)}") for each in page]

    assert ids(definition="speak") == [spoken]
    assert running in ids(status="running,pending")
    assert ids(status="completed_with_warnings,completed", limit=1) == [
        each["id"] for each in everyone if each["status"].startswith("completed")
    ]
    assert ids(status="failed") == []
    assert ids(definition="nosuch") == []
    assert ids(definition="long", status="running") == [running]
    served.post(f"/managers/{running}/cancel")
    served.finish(running)


def _query(wanted: dict[str, Any]) -> str:
    return "&".join(f"{name}={value}" for name, value in wanted.items())


def test_worker_jobs_are_filtered_and_go_on(served: Service, first: dict[str, Any]) -> None:
    path = f"/managers/{first['id']}/jobs"
    everyone = served.get(path)["items"]
    pages = follow(served, f"{path}?limit=3")
    assert [len(page) for page in pages] == [3, 1]
    assert [job for page in pages for job in page] == everyone
    assert served.get(path, status="failed")["items"] == everyone[3:]
    assert served.get(path, status="failed,completed", step="work,after")["items"] == everyone
    assert served.get(path, step="after")["items"] == []
    assert [len(page) for page in follow(served, f"{path}?status=completed&limit=1")] == [1, 1, 1]


def test_a_page_of_latest_goes_on_with_the_same_manager(served: Service) -> None:
    manager_id = served.run_to_end("shapes")["id"]
    pages = [
        fetch(served, f"{path}&limit=1")
        for path in (
            "/managers/latest/jobs?status=completed",
            "/documents?manager_id=latest",
            "/managers/latest/log?format=json",
            "/search?manager_id=latest&q=a",
        )
    ]
    served.run_to_end("shapes", count=0)
    jobs, documents, lines, hits = (fetch(served, page["next"])["items"] for page in pages)
    assert documents
    assert lines[0]["manager_id"] == hits[0]["manager_id"] == manager_id
    assert served.get(f"/managers/{manager_id}/jobs")["items"][1] == jobs[0]


def test_documents_are_filtered_and_go_on(served: Service, first: dict[str, Any]) -> None:
    def ids(path: str) -> list[str]:
        return [each["source_id"] for page in follow(served, path) for each in page]

    run = f"/documents?manager_id={first['id']}"
    everyone = ids(run)
    assert sorted(everyone) == ["0", "1", "2"]
    assert ids(f"{run}&limit=1") == everyone
    assert ids("/documents?source_type=kind1") == ["1"]
    assert sorted(ids("/documents?source_type=kind0&limit=1")) == ["0", "2"]
    assert ids("/documents?tag=n2") == ["2"]
    assert ids("/documents?tag=hello,n1") == ["1"]
    assert ids("/documents?tag=hell") == []
    assert ids("/documents?q=number+NUMBER+1,") == ["1"]
    assert sorted(ids("/documents?q=creme+BR%C3%9BL%C3%89E")) == ["0", "1", "2"]
    assert ids("/documents?q=nosuchword") == []
    assert ids(f"{run}&tag=n0&q=brulee&source_type=kind0") == ["0"]


def test_documents_of_the_latest_run_are_those_that_it_saved(served: Service, first: dict[str, Any]) -> None:
    served.run_to_end("shapes", count=1, word="other")
    (document,) = served.get("/documents", manager_id="latest")["items"]
    assert (document["source_id"], document["tags"]) == ("0", ["other", "n0"])
    assert document["created_at"] < document["updated_at"]
    old = served.get("/documents", manager_id=first["id"])["items"]
    assert document in old
    assert len(old) == 3
    served.run_to_end("shapes", count=0)
    assert served.get("/documents", manager_id="latest")["items"] == []
    served.run_to_end("shapes", count=3)  # as it was


def test_documents_come_as_csv_too(served: Service, first: dict[str, Any]) -> None:
    found = ask(served, "GET", f"/documents?format=csv&manager_id={first['id']}")
    assert found.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(found.body.decode(), newline="")))
    items = served.get("/documents", manager_id=first["id"])["items"]
    assert len(rows) == len(items) == 3
    for row, item in zip(rows, items, strict=True):
        assert row.keys() == DOCUMENT
        assert row["id"] == item["id"]
        assert json.loads(row["tags"]) == item["tags"]
        assert json.loads(row["metadata"]) == item["metadata"]
        assert row["title"] == f"'{item['title']}"  # it begins like a formula
        assert row["url"] == ""
    limited = ask(served, "GET", "/documents?format=csv&limit=1").body.decode()
    assert len(limited.splitlines()) == 2


# -- search


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("c++", [0]),
        ("C++", [0]),
        ("c", [0]),
        ("a-b", [1]),
        ("b-a", []),
        ('"quoted"', [2]),
        ('"', [2]),
        ("quoted she", [2]),
        ("quoted he", []),
        ("creme", [3]),
        ("CRÈME brulee", [3]),
        ("cre\u0300me", [3]),
        ("чай", [4]),
        ("ЧАЙ", [4]),
        ("한국어", [5]),
        ("rest", [6]),
        ("res", []),
        ("re*", []),
        ("resume OR nosuch", []),
        ("NOT quoted", []),
        ("NEAR(she quoted)", []),
        ("message:quoted", []),
        ("(", []),
        ("'; DROP TABLE log; --", []),
        ("needle", [7]),
        ("ete", [8]),
        ("grosse", []),
        ("größe", [8]),
        ("mot", [9]),
        ("stuck", [9]),
        ("\U0001f979", [9]),
        ("half", [9]),
    ],
)
def test_search_finds_words_and_knows_no_syntax(
    served: Service, spoken: str, query: str, found: list[int]
) -> None:
    answer = ask(served, "GET", f"/search?manager_id={spoken}&q={_quote(query)}")
    hits = answer.json["items"]
    assert [hit["line_number"] - 1 for hit in hits] == found
    for hit in hits:
        assert hit.keys() == HIT
        assert (hit["manager_id"], hit["step_name"], hit["level"]) == (spoken, "say", "info")
        (row,) = served.get(f"/managers/{spoken}/log", format="json", after=hit["seq"] - 1, limit=1)["items"]
        assert row["line_number"] == hit["line_number"]
        assert hit["snippet"].strip("…") in row["message"]
        assert len(hit["snippet"]) <= 202


def _quote(text: str) -> str:
    return "".join(f"%{byte:02x}" for byte in text.encode())


@pytest.mark.parametrize(("query", "word"), [("needle", "needle"), ("ete", "Été")])
def test_a_snippet_shows_the_word(served: Service, spoken: str, query: str, word: str) -> None:
    (hit,) = served.get("/search", manager_id=spoken, q=query)["items"]
    assert word in hit["snippet"]
    assert hit["snippet"][0] == hit["snippet"][-1] == "…"


def test_search_is_filtered_and_goes_on(served: Service, spoken: str) -> None:
    everywhere = [hit for page in follow(served, "/search?q=a&limit=1") for hit in page]
    assert everywhere == served.get("/search", q="a", limit=1000)["items"]
    assert len({hit["manager_id"] for hit in everywhere}) > 1
    here = served.get("/search", q="zebra")["items"]
    assert [hit["level"] for hit in here] == ["error"]
    assert served.get("/search", q="zebra", level="error", manager_id="latest")["items"] in ([], here)
    assert served.get("/search", q="dessert", level="info")["items"]
    assert not served.get("/search", q="dessert", level="warning")["items"]
    (page,) = follow(served, f"/search?q=%22&manager_id={spoken}&limit=5")
    assert len(page) == 1


# -- deleting


def test_a_deleted_run_is_gone_and_its_documents_stay(served: Service) -> None:
    doomed = served.run_to_end("shapes", word="doomed")["id"]
    kept = served.run_to_end("shapes", word="kept")["id"]
    documents = served.get("/documents", source_type="kind0")["items"]
    jobs = [job["job_id"] for job in served.get(f"/managers/{doomed}/jobs")["items"]]
    (hit,) = served.get("/search", q="doomed", level="warning")["items"]
    assert hit["manager_id"] == doomed
    assert len(jobs) == 4

    found = ask(served, "DELETE", f"/managers/{doomed}")
    assert (found.status, found.body) == (204, b"")
    for method, path in [
        ("DELETE", ""),
        ("GET", ""),
        ("GET", "/jobs"),
        ("GET", "/log"),
        ("GET", "/events"),
        ("POST", "/cancel"),
    ]:
        check_problem(ask(served, method, f"/managers/{doomed}{path}"), 404)
    assert doomed not in [each["id"] for each in served.get("/managers", limit=1000)["items"]]
    check_problem(ask(served, "GET", f"/documents?manager_id={doomed}"), 404)
    assert served.get("/search", q="doomed")["items"] == []
    assert served.get("/documents", source_type="kind0")["items"] == documents

    with closing(sqlite3.connect(f"file:{served.db}?mode=ro", uri=True)) as db:
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            columns = [column[1] for column in db.execute(f"PRAGMA table_info({table})")]
            for column in columns:
                for identity in (doomed, *jobs):
                    query = f"SELECT count(*) FROM {table} WHERE {column} = ?"  # noqa: S608
                    if not table.startswith("log_words"):
                        assert db.execute(query, (identity,)).fetchone() == (0,), (table, column)
        assert db.execute("SELECT count(*) FROM log WHERE manager_id = ?", (kept,)).fetchone()[0] > 10
        words = "SELECT count(*) FROM log_words WHERE log_words MATCH '{}'"
        assert db.execute(words.format("doomed")).fetchone() == (0,)
        assert db.execute(words.format("kept")).fetchone()[0] > 0


def test_latest_can_be_deleted(served: Service) -> None:
    made = [served.run_to_end("shapes", count=0)["id"] for _ in range(2)]
    assert ask(served, "DELETE", "/managers/latest").status == 204
    assert served.get("/managers/latest")["id"] == made[0]
