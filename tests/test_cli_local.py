"""Promise: ``run --local`` needs no service, leaves nothing behind, and can keep its run where one says."""

import json
import sqlite3
from pathlib import Path

import pytest

from tests.command import in_terminal, process, started
from tests.test_cli import FLAKY
from tests.test_cli_terminal import GATED


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with definitions and workers."""
    for name in ("definitions", "workers", "temporary"):
        (tmp_path / name).mkdir()
    (tmp_path / "workers" / "flaky.py").write_text(FLAKY.replace("\n    ", "\n"))
    (tmp_path / "workers" / "gated.py").write_text(GATED.replace("\n    ", "\n"))
    (tmp_path / "definitions" / "flaky.toml").write_text('[step.try]\ntype = "flaky"\nfail = 1')
    (tmp_path / "definitions" / "gated.toml").write_text('[step.wait]\ntype = "gated"\nfile = "/nosuch"')
    return tmp_path


FOLDERS = ("--definitions", "definitions", "--workers", "workers")


def test_a_run_without_a_service(folder: Path) -> None:
    of_a_server = {"STEPSTREAM_HOST": "0.0.0.0", "STEPSTREAM_PORT": "none", "STEPSTREAM_TOKEN": "short"}
    environ = {"TMPDIR": str(folder / "temporary"), **of_a_server}
    done = process("run", "flaky", "--local", "--json", *FOLDERS, cwd=folder, **environ)
    assert (done.returncode, done.stderr) == (3, "")
    *rows, end = map(json.loads, done.stdout.splitlines())
    assert [row["seq"] for row in rows] == list(range(1, end["last_seq"] + 1))
    assert end["status"] == "completed_with_warnings"
    assert list((folder / "temporary").iterdir()) == []
    assert not list(folder.glob("*.db*"))


def test_ctrl_c_without_a_service(folder: Path) -> None:
    with in_terminal("run", "gated", "--local", *FOLDERS, "--db", "kept.db", cwd=folder) as terminal:
        terminal.read_until(lambda raw: "waiting" in raw)
        terminal.type("\x03")
        assert terminal.wait() == 130
    with sqlite3.connect(folder / "kept.db") as database:
        assert database.execute("SELECT status FROM managers").fetchall() == [("cancelled",)]
    database.close()
    assert (folder / "kept.db.lock").read_text() == "", "it was closed in order"


@pytest.mark.slow
def test_a_second_ctrl_c_without_a_service(folder: Path) -> None:
    (folder / "definitions" / "stubborn.toml").write_text('[step.a]\ntype = "stubborn"\nfile = "/nosuch"')
    flags = ("run", "stubborn", "--local", *FOLDERS)
    with in_terminal(*flags, cwd=folder, TMPDIR=str(folder / "temporary")) as terminal:
        terminal.read_until(lambda raw: "held" in raw)
        terminal.type("\x03")
        terminal.read_until(lambda raw: "Ctrl-C again" in raw)
        terminal.type("\x03")
        assert terminal.wait() == 130
    assert list((folder / "temporary").iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nosuch"], 'unknown definition "nosuch"'),
        (["flaky", "--param", "a=1"], 'params.a: unknown parameter "a"'),
        (["flaky", "--db", "definitions"], "definitions: "),
        (["flaky", "--workers", "nosuch"], "nosuch: there is no such folder of worker functions"),
    ],
    ids=["definition", "param", "database", "workers"],
)
def test_wrong_use_without_a_service(folder: Path, words: list[str], message: str) -> None:
    done = process("run", *FOLDERS, *words, "--local", cwd=folder)
    assert done.returncode == 2
    assert done.stderr.startswith(f"stepstream: {message}")
    assert done.stderr.count("\n") == 1


@pytest.mark.slow
def test_a_database_that_is_in_use(folder: Path) -> None:
    with started("run", "gated", "--local", *FOLDERS, "--db", "one.db", cwd=folder) as first:
        assert first.stdout is not None
        while "waiting" not in first.stdout.readline():
            pass
        second = process("run", "gated", "--local", *FOLDERS, "--db", "one.db", cwd=folder)
        assert (second.returncode, f"process {first.pid}" in second.stderr) == (2, True)
        first.terminate()
        assert first.wait(20) == 143
