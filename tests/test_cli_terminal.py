"""Promise: in a terminal a run is followed with one line a step below its lines, and Ctrl-C cancels it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command import CONTROL, command, in_terminal, started
from tests.service_process import Service

GATED = """
    from pathlib import Path
    import anyio
    from jobs import Job, worker

    @worker("gated")
    async def gated(step: Job, file: str, count: int = 3) -> None:
        for number in range(count):
            step.spawn(wait, file, number)

    async def wait(job: Job, file: str, number: int) -> None:
        job.log.info("waiting %d", number)
        while not Path(file).exists():
            await anyio.sleep(0.02)

    @worker("stubborn")
    async def stubborn(step: Job, file: str) -> None:
        with anyio.CancelScope(shield=True):
            step.log.info("held")
            await wait(step, file, 0)
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with a definition that waits for a file."""
    service = Service(tmp_path_factory.mktemp("terminal"))
    service.add_workers("gated", GATED)
    service.define(
        "gated",
        """
        max_running = 9
        [params]
        file = ""
        [step.first]
        type = "gated"
        file = "{params.file}"
        [step.second]
        type = "gated"
        depends = "first"
        file = "{params.file}"
        """,
    )
    service.start()
    yield service
    service.kill()


def test_one_line_a_step_stays_below_the_lines(service: Service, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    with in_terminal("run", "gated", "--param", f"file={gate}", service=service) as terminal:
        terminal.read_until(lambda raw: raw.count("waiting") >= 3 and "0/3 jobs" in raw)
        shown = [line for line in terminal.screen if line]
        assert re.fullmatch(r"● first   running \d+\.\ds  ░{16}  0/3 jobs", shown[-2]), shown
        assert shown[-1] == "○ second  pending"
        gate.touch()
        assert terminal.wait() == 0
    shown = [line for line in terminal.screen if line]
    assert re.fullmatch(r"✓ first   completed after \d+\.\ds  3/3 jobs", shown[-3]), shown
    assert shown[-2].startswith("✓ second  completed after ")
    assert re.fullmatch(r"== completed in \d+\.\ds: 2 steps, 6 jobs, 7 of 7 lines", shown[-1])
    assert sum("›" in line for line in shown) == len(service.client.get(log_of(shown)).text.splitlines()) - 1
    assert "\x1b[32m" in terminal.raw


def log_of(shown: list[str]) -> str:
    """Where the log of the run is that a terminal has shown."""
    found = re.search(r"#(/managers/\w+)", "\n".join(shown))
    assert found
    return f"{found[1]}/log"


def test_lines_are_not_lost_or_shown_twice_by_the_steps_below(service: Service) -> None:
    params = ["--param", "worker_count=20", "--param", "log_delay_ms=0", "--param", "failure_rate=0"]
    with in_terminal("run", "load-test", *params, service=service, columns=60) as terminal:
        assert terminal.wait() == 0
    log = service.client.get(log_of(terminal.screen)).text
    assert [line for line in terminal.screen if " › " in line] == log.splitlines()[:-1]


def test_ctrl_c_cancels_and_waits_for_the_end(service: Service, tmp_path: Path) -> None:
    with in_terminal("run", "gated", "--param", f"file={tmp_path / 'never'}", service=service) as terminal:
        terminal.read_until(lambda raw: "waiting" in raw)
        terminal.type("\x03")
        assert terminal.wait() == 130
    assert "manager › cancelled" in terminal.raw
    assert "cancelled by a user: stopped in a terminal" in terminal.raw
    assert any(line.startswith("== cancelled in ") for line in terminal.screen)
    assert service.get("/managers/latest")["status"] == "cancelled"


def test_a_second_ctrl_c_leaves_at_once(service: Service, tmp_path: Path) -> None:
    service.define("stubborn", STUBBORN)
    gate = tmp_path / "gate"
    with in_terminal("run", "stubborn", "--param", f"file={gate}", service=service) as terminal:
        terminal.read_until(lambda raw: "held" in raw)
        terminal.type("\x03")
        terminal.read_until(lambda raw: "Ctrl-C again leaves at once" in raw)
        terminal.type("\x03")
        assert terminal.wait() == 130
    assert "== " not in CONTROL.sub("", terminal.raw)
    gate.touch()
    assert service.finish("latest")["status"] == "cancelled"


STUBBORN = """
    [params]
    file = ""
    [step.only]
    type = "stubborn"
    file = "{params.file}"
"""


@pytest.mark.slow
def test_ctrl_c_leaves_a_tail_and_the_run_goes_on(service: Service, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    manager_id = service.run("gated", file=str(gate))
    with in_terminal("tail", manager_id, service=service) as terminal:
        terminal.read_until(lambda raw: "0/3 jobs" in raw)
        terminal.type("\x03")
        assert terminal.wait() == 130
    assert service.get(f"/managers/{manager_id}")["status"] == "running"
    gate.touch()
    assert service.finish(manager_id)["status"] == "completed"


@pytest.mark.slow
@pytest.mark.parametrize(("color", "term"), [("1", "xterm"), ("", "dumb")])
def test_plain_where_that_is_wanted(service: Service, color: str, term: str) -> None:
    with in_terminal("run", "nearby-restaurants", service=service, NO_COLOR=color, TERM=term) as terminal:
        assert terminal.wait() == 0
    assert "\x1b" not in terminal.raw
    assert "== completed in" in terminal.raw


@pytest.mark.slow
def test_plain_where_there_is_no_terminal(service: Service) -> None:
    done = command("run", "nearby-restaurants", service=service)
    assert "\x1b" not in done.stdout + done.stderr
    manager_id = done.stderr.split()[1]
    assert done.stdout == service.client.get(f"/managers/{manager_id}/log").text


@pytest.mark.slow
@pytest.mark.parametrize("columns", [20, 7])
def test_a_narrow_terminal_cuts_the_lines_of_steps(service: Service, tmp_path: Path, columns: int) -> None:
    gate = tmp_path / "gate"
    with in_terminal("run", "gated", "--param", f"file={gate}", service=service, columns=columns) as terminal:
        terminal.read_until(lambda raw: "waiting 2" in raw)
        gate.touch()
        assert terminal.wait() == 0
    assert all(len(line) < columns for line in terminal.screen if line[:1] in "●○✓")


@pytest.mark.slow
def test_more_steps_than_lines(service: Service) -> None:
    steps = "\n".join(f'[step.s{n}]\ntype = "test_job_generator"\nworker_count = 1' for n in range(30))
    service.define("many", steps)
    with in_terminal("run", "many", service=service) as terminal:
        assert terminal.wait() == 0
    assert re.search(r"and \d+ more steps: ", terminal.screen[-3])


@pytest.mark.slow
def test_sigterm_cancels_too(service: Service, tmp_path: Path) -> None:
    with started("run", "gated", "--param", f"file={tmp_path / 'never'}", service=service) as process:
        assert process.stdout is not None
        while "waiting" not in process.stdout.readline():
            pass
        process.terminate()
        rest = process.stdout.read()
        assert process.wait(20) == 143
    assert rest.splitlines()[-1].startswith("== cancelled in ")
