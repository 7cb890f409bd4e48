"""Promise: a program's lines are in the log as it prints them; its status decides; nothing of it is left."""

import json
import shlex
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.processes import MARKER, alive, linux, marked, wait_for
from tests.service_process import Service

SECRET = "swordfish-9"


def python(code: str) -> list[str]:
    """The command line of a program in Python."""
    return [sys.executable, "-u", "-c", code]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("command"), {"SECRET": SECRET}).start()
    yield service
    assert service.stop() == 0


def start(service: Service, argv: list[str], **keys: Any) -> str:
    """A run of a command; its id."""
    service.define("job", _toml(argv, keys))
    return service.run("job")


def _toml(argv: list[str], keys: dict[str, Any]) -> str:
    own = "".join(f"{name} = {_value(value)}\n" for name, value in {"argv": argv, **keys}.items())
    return f'[step.only]\ntype = "command"\n{own}'


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_value(item)}" for key, item in value.items()) + " }"
    return json.dumps(value)


def end(service: Service, manager_id: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The worker job of a run, once that has ended, and its lines but the first, which names the program."""
    service.finish(manager_id)
    (job,) = service.get(f"/managers/{manager_id}/jobs")["items"]
    lines = service.rows(manager_id, events="job_log", step="only")
    assert lines[0]["message"].startswith("running ")
    return job, lines[1:]


def run(service: Service, argv: list[str], **keys: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    return end(service, start(service, argv, **keys))


def messages(lines: list[dict[str, Any]]) -> list[str]:
    return [line["message"] for line in lines]


def test_both_outputs_are_lines_and_the_result_has_the_status(service: Service) -> None:
    job, lines = run(service, python("import sys; print('out'); print('err', file=sys.stderr)"))
    assert job["status"] == "completed"
    assert job["result"] == {"exit_status": 0, "lines": 2}
    found = {line["message"]: (line["level"], line["data"]["stream"]) for line in lines}
    assert found == {"out": ("info", "stdout"), "err": ("warning", "stderr")}
    _, lines = run(service, ["sh", "-c", "echo err >&2"], stderr_level="info")
    assert lines[0]["level"] == "info"


def test_a_line_is_there_while_the_program_goes_on(service: Service, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    manager_id = start(
        service,
        ["sh", "-c", f"echo first; while [ ! -e {gate} ]; do sleep 0.02; done; printf second"],
    )
    with service.stream(manager_id, events="job_log") as events:
        for event in events:
            if event.is_row and event.json["message"] == "first":
                gate.touch()
    _, lines = end(service, manager_id)
    assert messages(lines) == ["first", "second"]


@pytest.mark.parametrize(
    ("script", "accepted", "status", "reason"),
    [
        ("exit 3", None, "failed", "sh ended with status 3"),
        ("exit 3", [0, 3], "completed", None),
        ("exit 0", [3], "failed", "sh ended with status 0"),
        ("kill -TERM $$", None, "failed", "sh was killed by signal 15 (SIGTERM)"),
        ("kill -KILL $$", [0], "failed", "sh was killed by signal 9 (SIGKILL; the kernel does that when"),
    ],
)
def test_the_exit_status_decides(
    service: Service, script: str, accepted: list[int] | None, status: str, reason: str | None
) -> None:
    keys = {} if accepted is None else {"accepted_statuses": accepted}
    job, lines = run(service, ["sh", "-c", script], **keys)
    assert (job["status"], (job["reason"] or "")[: len(reason or "")] or None) == (status, reason)
    if reason:
        assert lines[-1]["message"] == job["reason"]
        assert lines[-1]["level"] == "error"


def test_there_is_no_shell(service: Service) -> None:
    words = ["$HOME", "*", "a b", "; exit 1", "`id`", "ü", ""]
    _, lines = run(service, python(f"import sys; print({words!r} == sys.argv[1:])") + words)
    assert messages(lines) == ["True"]


def test_its_input_is_empty(service: Service) -> None:
    job, lines = run(service, ["cat"])
    assert (job["status"], lines) == ("completed", [])


def test_the_environment_is_what_is_written_and_secrets_are_not_shown(service: Service) -> None:
    job, lines = run(
        service,
        python("import os; [print(k, v) for k, v in sorted(os.environ.items())]"),
        environment={"TOKEN": "{env.SECRET}", "LANG": "C.utf8", "OWN": "x y"},
    )
    shown = dict(message.partition(" ")[::2] for message in messages(lines))
    shown.pop("LC_CTYPE", None)  # which Python sets by itself
    assert shown.keys() == {"PATH", "LANG", "HOME", "TOKEN", "OWN"}
    assert (shown["TOKEN"], shown["LANG"], shown["OWN"]) == ("***", "C.utf8", "x y")
    assert SECRET not in json.dumps(job)
    _, lines = run(service, ["sh", "-c", f"[ $TOKEN = {SECRET} ]"], environment={"TOKEN": "{env.SECRET}"})
    assert lines == []


def test_the_folder_is_relative_to_the_definition(service: Service) -> None:
    (service.definitions / "inner").mkdir(exist_ok=True)
    script = service.definitions / "inner" / "hello"
    script.write_text("#!/bin/sh\npwd\n")
    script.chmod(0o755)
    _, lines = run(service, ["./hello"], folder="inner")
    assert messages(lines) == [str(service.definitions / "inner")]
    _, lines = run(service, ["pwd"])
    assert messages(lines) == [str(service.definitions)]


@pytest.mark.parametrize(
    ("argv", "keys", "reason"),
    [
        (["no-such-program"], {}, "argv: there is no program no-such-program in PATH, /usr/local/sbin:"),
        (["./nothing"], {}, "argv: there is no program ./nothing (looked for from "),
        (["/etc/passwd"], {}, "argv: /etc/passwd is not executable"),
        ([], {}, "argv is empty, expected a program and its arguments, as in "),
        (["a\0b"], {}, "argv[0] has a NUL character"),
        (["true"], {"folder": "nowhere"}, 'folder is "nowhere": there is no such folder ('),
        (["true"], {"time_limit": "soon"}, 'time_limit: expected a duration such as "30s"'),
        (["true"], {"accepted_statuses": [256]}, "accepted_statuses has 256, expected numbers from 0 to 255"),
        (["true"], {"max_lines": 0}, "max_lines is 0, expected 1 or more"),
        (["true"], {"environment": {'"A=B"': "x"}}, 'environment has "A=B", which cannot be the name'),
    ],
)
def test_what_cannot_be_run_is_told(
    service: Service, argv: list[str], keys: dict[str, Any], reason: str
) -> None:
    manager_id = start(service, argv, **keys)
    manager = service.finish(manager_id)
    assert manager["status"] == "failed"
    lines = service.rows(manager_id, events="job_log", step="only")
    assert lines[-1]["message"].startswith(reason)
    assert lines[-1]["level"] == "error"


def test_a_wrong_key_is_told_when_the_file_is_read(service: Service) -> None:
    service.define("wrong", '[step.only]\ntype = "command"\nargv = "ls -l"\ntimelimit = 3\n')
    errors = service.get("/definitions/wrong")["errors"]
    assert [error["message"] for error in errors] == [
        'expected a list of strings, integers or numbers, got a string "ls -l"',
        'unknown key "timelimit", did you mean "time_limit"?',
    ]


def test_of_a_flood_the_first_and_the_last_lines_are_kept(service: Service) -> None:
    job, lines = run(service, ["sh", "-c", "seq 1 500; exit 4"], max_lines=10)
    assert job["reason"] == "sh ended with status 4"
    shown = messages(lines)
    assert shown[:10] == [str(number) for number in range(1, 11)]
    assert shown[10] == "more than 10 lines (max_lines): of the others, the last 20 are kept"
    assert shown[11] == "470 lines left out"
    assert shown[12:-1] == [str(number) for number in range(481, 501)]


def test_bytes_that_are_no_text(service: Service) -> None:
    job, lines = run(
        service, ["sh", "-c", r"printf 'a\377b\0c\n'; head -c 300000 /dev/zero; echo; printf end"]
    )
    assert job["status"] == "completed"
    shown = messages(lines)
    assert shown[0] == "a\ufffdb\0c"
    assert set(shown[1]) == {"\0"}
    assert lines[1]["truncated"] == 64 * 1024
    assert shown[2:] == ["end", "1 lines were longer than 64 KiB: their ends are left out"]


def test_a_retry_runs_it_again(service: Service, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    manager_id = start(service, ["sh", "-c", f"[ -e {mark} ] || {{ touch {mark}; exit 1; }}; echo well"])
    assert service.finish(manager_id)["status"] == "failed"
    assert service.post(f"/managers/{manager_id}/retry").status_code == 202
    job, lines = end(service, manager_id)
    assert (job["status"], job["attempt"], lines[-1]["message"]) == ("completed", 2, "well")


# -- its end, and that of its children

FAMILY = "sleep 600 & echo $! $$; trap 'echo told; exit 0' TERM; sleep 600 & wait"


def family(service: Service, manager_id: str) -> list[int]:
    """The pids that a family has printed, as soon as it has."""
    with service.stream(manager_id, events="job_log") as events:
        for event in events:
            if event.is_row and event.json["message"].replace(" ", "").isdigit():
                return [int(pid) for pid in event.json["message"].split()]
    raise AssertionError("it printed no pids")


@linux
def test_a_cancelled_program_ends_with_its_children_and_its_last_lines_are_kept(service: Service) -> None:
    manager_id = start(service, ["sh", "-c", FAMILY])
    pids = family(service, manager_id)
    assert all(map(alive, pids))
    assert service.post(f"/managers/{manager_id}/cancel").status_code == 202
    job, lines = end(service, manager_id)
    assert job["status"] == "cancelled"
    wait_for(lambda: not any(map(alive, pids)))
    assert "told" in messages(lines)


@linux
@pytest.mark.parametrize("script", [FAMILY, FAMILY.replace("echo told; exit 0", "")])
def test_one_that_takes_too_long_ends_with_its_children(service: Service, script: str) -> None:
    manager_id = start(service, ["sh", "-c", script], time_limit="300ms")
    pids = family(service, manager_id)
    job, lines = end(service, manager_id)
    assert (job["status"], job["reason"]) == ("failed", "timed out after 0.3 s")
    assert ("told" in messages(lines)) == ("told" in script)
    wait_for(lambda: not any(map(alive, pids)))


@linux
def test_what_it_leaves_behind_is_ended_and_not_waited_for(service: Service) -> None:
    started = time.monotonic()
    manager_id = start(service, ["sh", "-c", "sleep 600 & echo $!"])
    job, lines = end(service, manager_id)
    assert job["status"] == "completed"
    assert time.monotonic() - started < 300
    wait_for(lambda: not alive(int(lines[0]["message"])))


@linux
@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_end_of_the_service_is_theirs(
    make_service: Callable[..., Service], tmp_path: Path, number: int
) -> None:
    service = make_service({MARKER: tmp_path.name}).start()
    script = f"export {MARKER}={shlex.quote(tmp_path.name)}; trap '' TERM; sleep 600 & echo $! $$; sleep 600"
    pids = family(service, start(service, ["sh", "-c", script]))
    assert all(map(alive, pids))
    service.stop(number)
    wait_for(lambda: not marked(tmp_path.name) and not any(map(alive, pids)))


@linux
@pytest.mark.slow
def test_a_flood_takes_no_memory_of_the_service(service: Service) -> None:
    """The program waits while the log does not keep up, and a line without end is cut as it comes."""
    before = memory_kib(service.process.pid)
    script = "head -c 50000000 /dev/zero | tr '\\0' x; echo; yes abcdefghij | head -n 50000"
    job, lines = run(service, ["sh", "-c", script], max_lines=5000)
    assert job["result"] == {"exit_status": 0, "lines": 50001}
    assert len(lines) < 5100
    assert memory_kib(service.process.pid) - before < 100_000


def memory_kib(pid: int) -> int:
    """The resident memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])
