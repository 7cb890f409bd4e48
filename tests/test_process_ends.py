"""Promise: a process of a worker function that ends badly fails its own job only, at once, and says why."""

import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.processes import alive, linux, pids, wait_for, with_workers
from tests.service_process import Service

TIMED_OUT = "timed out after 0.3 s"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = with_workers(Service(tmp_path_factory.mktemp("ends"))).start()
    yield service
    assert service.stop() == 0


def first_job(service: Service, manager_id: str) -> dict[str, Any]:
    job: dict[str, Any] = service.get(f"/managers/{manager_id}/jobs")["items"][0]
    return job


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("exits_hard", "its process ended with status 3 before the function returned"),
        ("crashes", "its process was killed by signal 11 (SIGSEGV)"),
        ("crashes_async", "its process was killed by signal 11 (SIGSEGV)"),
        (
            "kills_itself",
            "its process was killed by signal 9 (SIGKILL; the kernel does that when memory runs out)",
        ),
        ("terminates_itself", "its process was killed by signal 15 (SIGTERM)"),
        ("exits", "SystemExit: 4"),
        ("takes_memory", "MemoryError: "),
        ("too_slow", TIMED_OUT),
        ("too_slow_async", TIMED_OUT),
        ("too_slow_on_the_loop", TIMED_OUT),
        ("too_slow_in_a_thread", TIMED_OUT),
        ("no_json", "the result of no_json is not JSON: Object of type set is not JSON serializable"),
        ("garbles", "its process sent no JSON: b'garbage\\n'"),
        ("writes_no_level", "its process sent what is no message: 'line'"),
    ],
)
def test_only_its_job_fails_and_says_why(service: Service, how: str, reason: str) -> None:
    manager = service.run_to_end("job", how=how)
    assert manager["status"] == "completed_with_warnings"
    job, bystander = service.get(f"/managers/{manager['id']}/jobs")["items"]
    assert (job["status"], job["reason"]) == ("failed", reason)
    assert (bystander["status"], bystander["result"]) == ("completed", "goes on")
    assert job["duration"] < (2 if reason == TIMED_OUT else 5)
    before, last = service.rows(manager["id"], events="job_log", step="only")
    assert before["message"] == "just before"
    assert last["level"] == "error"
    assert last["job_id"] == job["job_id"]
    text = last["message"].splitlines()[-1]
    assert text.lower() == reason.removesuffix(": ").lower()


def test_a_call_within_its_time_completes(service: Service) -> None:
    manager = service.run_to_end("job", how="quick_enough")
    assert first_job(service, manager["id"])["result"] == 1


@linux
def test_a_cancel_kills_the_whole_group(service: Service) -> None:
    identity = service.run("job", how="endless")
    process, grandchild, _ = pids(service, identity)
    assert alive(process)
    assert alive(grandchild)
    assert service.post(f"/managers/{identity}/cancel").status_code == 202
    manager = service.finish(identity)
    assert manager["status"] == "cancelled"
    assert manager["steps"][0]["duration"] < 5
    assert first_job(service, identity)["status"] == "cancelled"
    wait_for(lambda: not alive(process) and not alive(grandchild))


@linux
def test_a_cancelled_function_may_say_goodbye(make_service: Callable[..., Service]) -> None:
    service = with_workers(make_service())
    # The promise is not how long the grace is: a busy machine must not end it early.
    service.add_workers("patience", "import jobs.process.call as call; call.GRACE_SECONDS = 10")
    service.start()
    identity = service.run("job", how="polite")
    (process,) = pids(service, identity)
    service.post(f"/managers/{identity}/cancel")
    assert service.finish(identity)["status"] == "cancelled"
    lines = service.rows(identity, events="job_log", step="only")
    assert [line["message"] for line in lines] == ["pids", "said goodbye"]
    wait_for(lambda: not alive(process))


@linux
def test_what_a_function_leaves_behind_is_killed(service: Service) -> None:
    manager = service.run_to_end("job", how="leaves_a_grandchild")
    assert manager["status"] == "completed"
    (grandchild,) = pids(service, manager["id"])
    wait_for(lambda: not alive(grandchild))


@linux
def test_the_end_of_the_fork_server_fails_its_jobs_only_and_the_next_one_has_another(
    service: Service,
) -> None:
    identity = service.run("job", how="endless")
    process, grandchild, server = pids(service, identity)
    os.kill(server, signal.SIGKILL)
    assert service.finish(identity)["status"] == "completed_with_warnings"
    reason = "its process was killed, because the one that starts them had ended"
    assert first_job(service, identity)["reason"] == reason
    wait_for(lambda: not alive(process) and not alive(grandchild) and not alive(server))
    again = service.run_to_end("job", how="own_pid")
    assert first_job(service, again["id"])["result"]["parent"] != server


def test_the_traceback_of_a_memory_error_is_whole(service: Service) -> None:
    """Its making takes memory too, so the limit does not hold for it."""
    manager = service.run_to_end("job", how="takes_memory")
    last = service.rows(manager["id"], events="job_log", step="only")[-1]
    assert "kept.append(bytes(1_000_000))" in last["message"]
