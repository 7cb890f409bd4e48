"""Promise: ``check`` finds what the service would, and names the line where it stands."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.cli.key_position import position
from tests.command import command
from tests.service_process import ROOT

SHIPPED = ROOT / "jobs" / "definitions"
BAD = '''
name = "x"
description = """
[step.one]
okk = 1
"""
[params]
okk = 1

[step.one]
type = "test_job_generator"
  okk = 2
"töö" = { a = 1 }

[step."a b"]
depends = "one"
'''


def test_the_shipped_definitions_are_good() -> None:
    done = command("check", str(SHIPPED))
    assert done.returncode == 0
    assert sorted(done.stdout.splitlines()) == sorted(f"{path}: ok" for path in SHIPPED.glob("*.toml"))


def test_errors_have_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(BAD)
    done = command("check", str(path))
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert f'{path}:12:3: error: step.one.okk: unknown key "okk"' in [
        line.partition(",")[0] for line in lines
    ]
    assert any(line.startswith(f'{path}:13:2: error: step.one."töö": ') for line in lines)
    assert any(line.startswith(f'{path}:15:8: error: step."a b".type: ') for line in lines)
    found = json.loads(command("check", "--json", str(path)).stdout)
    assert (found["file"], len(found["errors"])) == (str(path), len(lines))
    assert found["errors"][0].keys() == {"key", "line", "column", "message"}


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        (b"a = [1,\nb", ":2:1: error: invalid TOML: "),
        (b'name = "\xff"', ":1:9: error: not UTF-8: byte 0xff"),
        (b"", ": error: step: no steps"),
    ],
)
def test_what_cannot_be_read(tmp_path: Path, toml: bytes, said: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_bytes(toml)
    done = command("check", str(path))
    assert done.returncode == 1
    assert done.stdout.startswith(f"{path}{said}")


def test_a_folder_with_one_id_twice(tmp_path: Path) -> None:
    for name in ("a", "b"):
        step = '[step.x]\ntype = "test_job_generator"\nworker_count = 1\n'
        (tmp_path / f"{name}.toml").write_text(f'id = "same"\n{step}')
    done = command("check", str(tmp_path))
    assert done.returncode == 1
    assert f'{tmp_path / "a.toml"}:1:1: error: id: the id "same" is also that of b.toml' in done.stdout


def test_own_workers_are_known(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(
        "from jobs import Job, worker\n@worker('own')\ndef own(step: Job, size: int) -> None: ..."
    )
    path = tmp_path / "own.toml"
    path.write_text('[step.a]\ntype = "own"\nsise = 1\n')
    done = command("check", str(path), "--workers", str(tmp_path))
    assert f'{path}:3:1: error: step.a.sise: unknown key "sise", did you mean "size"?' in done.stdout
    alone = command("check", str(path))
    assert 'unknown worker type "own"' in alone.stdout
    assert (
        "stepstream: no worker functions of your own were read: --workers or STEPSTREAM_WORKERS"
        in alone.stderr
    )
    assert "of your own" not in done.stderr + command("check", str(SHIPPED)).stderr
    missing = command("check", str(tmp_path / "owm.toml"))
    assert missing.returncode == 2
    assert 'did you mean "own.toml"?' in missing.stderr


@given(st.lists(st.sampled_from(["a", "b", "a.b"]), unique=True, min_size=1), st.data())
def test_a_key_is_found_in_its_own_table(tables: list[str], data: st.DataObject) -> None:
    tables = [name for name in tables if not (name == "a.b" and "b" in tables)]
    lines = [
        line for table in tables for line in (f"[x.{table}]", 'text = """', "key = 0", '"""', " key = 1")
    ]
    if not tables:
        return
    chosen = data.draw(st.sampled_from(tables))
    line = lines.index(f"[x.{chosen}]") + 5
    assert position("\n".join(lines), f"x.{chosen}.key") == (line, 2)
