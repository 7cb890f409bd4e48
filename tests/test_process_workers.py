"""Promise: a worker function in a process of its own has the same ``Job``, and its lines stream."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.processes import with_workers
from tests.service_process import Service

SECRET = "s3cr3t-of-the-environment"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = with_workers(Service(tmp_path_factory.mktemp("process"), {"SECRET_KEY": SECRET})).start()
    yield service
    assert service.stop() == 0


def run(service: Service, how: str, count: int = 1) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The first worker job, and the lines of the step."""
    manager = service.run_to_end("job", how=how, count=count)
    jobs = service.get(f"/managers/{manager['id']}/jobs")["items"]
    lines = service.rows(manager["id"], events="job_log", step="only")
    assert jobs[-1]["result"] == "goes on"
    return jobs[0], lines


def test_each_call_has_a_process_a_group_and_a_session_of_its_own(service: Service) -> None:
    found = [run(service, "own_pid")[0]["result"] for _ in range(2)]
    assert found[0]["pid"] != found[1]["pid"]
    assert service.process.pid not in (found[0]["parent"], found[1]["parent"])
    for each in found:
        assert each["pid"] == each["group"] == each["session"]
        assert each["parent"] == found[0]["parent"]
        assert each["oom"] >= 500


def test_the_job_is_the_same(service: Service) -> None:
    job, _ = run(service, "sees")
    assert job["result"] == {
        "manager_id": job["job_id"].partition(".")[0],
        "id": job["job_id"],
        "step_name": "only",
        "name": "sees",
        "attempt": 1,
        "params": {"how": "sees", "count": 1},
        "file": "job.toml",
        "module": "stepstream_workers.processes",
        "is_file": True,
        "in": "",
    }
    assert job["progress"] == {"done": 3, "total": 3}


def test_documents_are_saved_and_read_in_order(service: Service) -> None:
    job, lines = run(service, "documents")
    assert job["result"] == [["No 1", 300_000], "No 2"]
    assert [line["message"] for line in lines] == ["no 'nosuch'"]
    saved = service.get("/documents", manager_id=job["job_id"].partition(".")[0])["items"]
    assert [document["title"] for document in saved] == ["No 0", "No 1", "No 2"]


def test_lines_come_from_every_library_and_thread(service: Service) -> None:
    _, lines = run(service, "from_everywhere")
    assert [line["message"] for line in lines[:-1]] == [
        "first",
        "of a library",
        "of a thread",
        "of a thread of C",
    ]
    assert [line["level"] for line in lines[:2]] == ["debug", "warning"]
    assert lines[0]["data"] == {"set": "{1}"}
    assert lines[-1]["message"].startswith("\ud800 xxx")
    assert lines[-1]["truncated"] == 20_004


def test_an_async_step_in_a_process_spawns_and_awaits(service: Service) -> None:
    service.define(
        "whole",
        """
        [step.only]
        type = "whole_step"
        numbers = [1, 2, 203]
        secret = "{env.SECRET_KEY}"
        concurrency = 1
        """,
    )
    manager = service.run_to_end("whole")
    assert manager["status"] == "completed_with_warnings"
    jobs = service.get(f"/managers/{manager['id']}/jobs")["items"]
    assert sorted((job["arguments"].get("number"), job["result"]) for job in jobs[:-1]) == [
        (1, 2),
        (2, 4),
        (3, 6),
        (103, 6),
        (203, 6),
    ]
    lines = service.rows(manager["id"], events="job_log", step="only")
    assert lines[0]["message"] == "sum 12"
    traceback = lines[-2]["message"].splitlines()
    assert traceback[0] == "Traceback (most recent call last):"
    assert "processes.py" in traceback[1]
    assert traceback[-1] == "ValueError: no ***"
    assert lines[-1]["message"].startswith(f"caught raises ({jobs[-1]['job_id']}) ended failed: ValueError")


def test_a_plain_function_awaits_in_an_event_loop_of_its_own(service: Service) -> None:
    identity = service.run_to_end("job", how="awaits_in_its_own_loop")["id"]
    jobs = service.get(f"/managers/{identity}/jobs")["items"]
    assert [job["result"] for job in jobs if job["name"] != "bystander"] == [[2, 4], 2, 4, 4]


def test_secrets_are_removed_from_what_a_process_sends(service: Service) -> None:
    service.define("secret", '[step.only]\ntype = "whole_step"\nnumbers = []\nsecret = "{env.SECRET_KEY}"')
    manager = service.run_to_end("secret")
    assert any("line ***" in row.get("message", "") for row in service.rows(manager["id"]))
    for file in service.folder.glob("stepstream.db*"):
        assert SECRET.encode() not in file.read_bytes()


def test_lines_stream_before_the_function_ends(service: Service) -> None:
    identity = service.run("job", how="waits_for_file")
    with service.stream(identity, events="job_log", step="only") as events:
        assert next(event for event in events if event.is_row).json["message"] == "live"
        assert service.get(f"/managers/{identity}")["status"] == "running"
        (service.definitions / "go").touch()
    assert service.finish(identity)["status"] == "completed"


def test_no_line_of_a_flood_is_lost_also_before_a_sudden_end(service: Service) -> None:
    _, lines = run(service, "floods")
    texts = [line["message"] for line in lines]
    assert texts[:-1] == [f"line {number}" for number in range(20_000)]
    assert texts[-1] == "Its process ended with status 3 before the function returned"


def test_it_inherits_no_descriptor_of_the_service(service: Service) -> None:
    job, _ = run(service, "own_descriptors")
    # Standard input, output and error; the connection.
    assert len(job["result"]) == 4
    assert job["result"][0] == "/dev/null"
    assert [name for name in job["result"] if name.startswith("socket:")] == job["result"][-1:]


def test_processes_that_the_function_forks_have_no_job(service: Service) -> None:
    job, lines = run(service, "forks")
    assert job["result"] == [[0, 0], [1, 0], [2, 0], [3, 0]]
    assert lines == []
    assert "in the pool" in service.errors()
    assert "a process that a worker function forks has no job" in service.errors()


def test_many_complete(service: Service) -> None:
    manager = service.run_to_end("job", how="own_pid", count=200)
    assert manager["status"] == "completed"
    assert manager["completed_jobs"] == 201
    assert service.rows(manager["id"], events="job_log", step="only") == []
