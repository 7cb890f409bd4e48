"""Promise: commands start, follow, list, cancel and retry runs; the exit status tells how it went."""

import json
from collections.abc import Callable, Iterator

import pytest

from jobs.cli import client
from tests.command import command, started
from tests.service_process import Service
from tests.test_cli_terminal import GATED

FLAKY = """
    from jobs import Job, worker

    @worker("flaky")
    async def flaky(step: Job, fail: int) -> None:
        for number in range(3):
            step.spawn(one, number < fail)

    async def one(job: Job, fails: bool) -> None:
        if fails and job.attempt == 1:
            raise ValueError("the first time never works")
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with a definition whose outcome can be chosen."""
    service = Service(tmp_path_factory.mktemp("cli"))
    service.add_workers("flaky", FLAKY)
    service.add_workers("gated", GATED)
    service.define("flaky", '[params]\nfail = 0\n[step.try]\ntype = "flaky"\nfail = "{params.fail}"')
    service.define("gated", 'max_running = 9\n[step.wait]\ntype = "gated"\nfile = "/nosuch"')
    service.define("broken", '[step.a]\ntype = "flaky"\nfial = 1')
    service.define("off", 'enabled = false\n[step.a]\ntype = "flaky"\nfail = 1')
    service.start()
    yield service
    service.kill()


@pytest.mark.parametrize(
    ("fail", "status", "how"), [(0, 0, "completed"), (1, 3, "completed_with_warnings"), (3, 1, "failed")]
)
def test_the_exit_status_tells_how_a_run_ended(service: Service, fail: int, status: int, how: str) -> None:
    done = command("run", "flaky", "--param", f"fail={fail}", service=service)
    assert done.returncode == status
    assert done.stdout.splitlines()[-1].startswith(f"== {how} in ")


def test_json_is_the_rows_and_how_it_ended(service: Service) -> None:
    done = command("run", "flaky", "--json", service=service)
    assert (done.returncode, done.stderr) == (0, "")
    *rows, end = map(json.loads, done.stdout.splitlines())
    assert [row["seq"] for row in rows] == list(range(1, end["last_seq"] + 1))
    assert (end["event"], end["status"]) == ("end", "completed")
    stored = service.rows(rows[0]["manager_id"])
    assert rows == stored


def test_a_run_that_somebody_else_cancels(service: Service) -> None:
    with started("run", "gated", "--json", service=service) as process:
        assert process.stdout is not None
        manager_id = json.loads(process.stdout.readline())["manager_id"]
        cancelled = command("cancel", manager_id, "--reason", "no more", "--json", service=service)
        assert json.loads(cancelled.stdout)["id"] == manager_id
        process.stdout.read()
        assert process.wait(20) == 1
    assert service.get(f"/managers/{manager_id}")["reason"] == "cancelled by a user: no more"
    again = command("cancel", manager_id, service=service)
    assert (again.returncode, again.stderr) == (2, f"stepstream: {manager_id} has ended: cancelled\n")


def test_detached_cancelled_by_step_and_retried(service: Service) -> None:
    manager_id = command("run", "gated", "--detach", service=service).stdout.strip()
    assert command("cancel", "latest", "--step", "wait", service=service).stdout == "wait: cancelling\n"
    assert service.finish(manager_id)["status"] == "cancelled"
    assert command("retry", "latest", service=service).stdout == f"{manager_id}: attempt 2\n"
    done = command("cancel", manager_id, service=service)
    assert done.stdout.startswith(f"{manager_id}: cancel")
    service.finish(manager_id)


@pytest.mark.slow
def test_retry_makes_good_what_failed(service: Service) -> None:
    assert command("run", "flaky", "--param", "fail=1", service=service).returncode == 3
    manager = json.loads(command("retry", "latest", "--json", service=service).stdout)
    assert command("tail", manager["id"], service=service).returncode == 0
    refused = command("retry", manager["id"], service=service)
    assert refused.returncode == 2
    assert refused.stderr.startswith("stepstream: ")


def test_tail_shows_the_last_lines_of_what_is_wanted(service: Service) -> None:
    manager_id = service.run_to_end("load-test", log_delay_ms=0)["id"]
    done = command("tail", manager_id, "--lines", "3", "--step", "flat", "--json", service=service)
    *rows, end = map(json.loads, done.stdout.splitlines())
    lines = [row for row in rows if row["event"] == "job_log"]
    wanted = service.client.get(f"/managers/{manager_id}/log?format=json&step=flat&tail=3").json()["items"]
    assert lines == wanted
    assert len(lines) == 3
    assert end["last_seq"] == service.get(f"/managers/{manager_id}")["last_seq"]
    warnings = command("tail", manager_id, "--lines", "all", "--level", "error", service=service)
    assert warnings.returncode == 3
    assert {line.split()[1] for line in warnings.stdout.splitlines() if "›" in line} == {"ERROR", "STATE"}


def test_lists(service: Service) -> None:
    manager_id = service.run_to_end("flaky")["id"]
    items = [json.loads(line) for line in command("list", "--json", service=service).stdout.splitlines()]
    assert items == service.get("/managers", limit=20)["items"]
    heads, first, *_ = command("list", "--definition", "flaky", service=service).stdout.splitlines()
    assert heads.split() == ["ID", "STATUS", "DEFINITION", "CREATED", "(UTC)", "TOOK", "JOBS"]
    assert first.split()[:3] == [manager_id, "completed", "flaky"]
    table = command("list", "definitions", service=service).stdout
    rows = {line.split()[0]: line for line in table.splitlines()}
    assert "2 errors" in rows["broken"]
    assert "disabled" in rows["off"]
    assert "ready" in rows["nearby-restaurants"]


@pytest.mark.parametrize("limit", [2, 3, 4, 100])
def test_a_list_goes_on_page_after_page(
    service: Service, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    known = [each["id"] for each in service.get("/definitions")["items"]]
    monkeypatch.setattr(client, "PAGE", 2)
    done = command("list", "definitions", "--limit", str(limit), "--json", service=service)
    assert [json.loads(line)["id"] for line in done.stdout.splitlines()] == known[:limit]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["srve"], 'unknown command "srve", did you mean "serve"?'),
        (["run"], "the following arguments are required: NAME (stepstream run --help tells more)"),
        (["run", "flaky", "--parm", "a=1"], 'unknown option "--parm", did you mean "--param"?'),
        (["run", "flaky", "more"], "one word too many: more"),
        (["run", "flaky", "--param", "fail"], "argument --param: expected NAME=VALUE, got fail"),
        (["run", "flaky", "--param", "fail=1", "--param", "fail=2"], "--param fail is given twice"),
        (["run", "flaky", "--db", "x.db"], "--db is for run --local; a service has its own"),
        (["run", "flaky", "--local", "--detach"], "--detach needs a service; --local has none"),
        (["run", "flakey"], 'unknown definition "flakey", did you mean "flaky"?'),
        (
            ["run", "flaky", "--param", "fial=1"],
            'params.fial: unknown parameter "fial", did you mean "fail"?',
        ),
        (["run", "flaky", "--param", "fail=x"], 'params.fail: expected an integer, got a string "x"'),
        (
            ["run", "broken"],
            'broken has errors and cannot be run: broken.toml step.a.fial: unknown key "fial"',
        ),
        (["run", "off"], "off is disabled (enabled = false)"),
        (["tail", "nosuch"], 'there is no manager "nosuch"'),
        (["tail", "latest", "--step", "tri"], 'unknown step "tri", did you mean "try"?'),
        (["tail", "latest", "--lines", "-1"], "argument --lines: expected"),
        (
            ["tail", "latest", "--level", "warn"],
            'argument --level: unknown level "warn", did you mean "warning"?',
        ),
        (["list", "run"], 'argument WHAT: unknown list "run", did you mean "runs"?'),
        (["list", "--status", "complete"], 'status: unknown value "complete", did you mean "completed"?'),
        (["list", "definitions", "--status", "failed"], "--status and --definition choose runs"),
        (["list", "--limit", "0"], "argument --limit: expected a number from 1 on, got 0"),
        (["cancel", "nosuch"], 'there is no manager "nosuch"'),
        (["list", "--url", "ftp://x"], "ftp://x: expected an address as http://127.0.0.1:8000"),
        (["list", "--url", "http://127.0.0.1:1"], "no answer from http://127.0.0.1:1 ("),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, list) else "",
)
def test_wrong_use_is_told_in_one_line(service: Service, words: list[str], message: str) -> None:
    if words[0] == "tail" and words[1] == "latest":
        service.run_to_end("flaky")
    done = command(*words, service=service)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(f"stepstream: {message}")
    assert done.stderr.count("\n") == 1


def test_a_reader_that_has_seen_enough(service: Service) -> None:
    manager_id = service.run_to_end("load-test", log_delay_ms=0)["id"]
    with started("tail", manager_id, "--lines", "all", service=service) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(20) in (0, 3, 141)  # the pipe may have had room for all


def test_a_token_is_sent_along(make_service: Callable[..., Service]) -> None:
    service = make_service({"STEPSTREAM_TOKEN": "open-sesame"}).start()
    done = command("run", "nearby-restaurants", service=service, STEPSTREAM_TOKEN="open-sesame")
    assert done.returncode == 0
    for token in ("", "another-one"):
        refused = command("list", service=service, STEPSTREAM_TOKEN=token)
        assert refused.returncode == 2
        assert refused.stderr == "stepstream: the service asks for a token: set STEPSTREAM_TOKEN to its own\n"
    assert "expected ASCII" in command("list", service=service, STEPSTREAM_TOKEN="süß").stderr
