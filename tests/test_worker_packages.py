"""Promise: an installed package brings worker types by the entry points ``stepstream.workers``."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.command import process
from tests.service_process import Service

MODULE = """
from jobs import Job, worker

@worker("greet")
async def greet(step: Job, names: list[str]) -> None:
    for name in names:
        step.spawn(hello, name)

@worker(process=True)
def hello(job: Job, name: str) -> str:
    job.log.info("hello %s from a package", name)
    return name
"""
FOLDER = """
from jobs import Job, worker

@worker("greet")
def greet(step: Job, names: list[str]) -> None:
    step.log.info("hello from the folder")
"""
DEFINITION = '[step.greet]\ntype = "greet"\nnames = ["Ada"]\n'


def installed(folder: Path, points: str) -> str:
    """A package as an installer leaves it; where it is."""
    folder.mkdir()
    (folder / "greetings").mkdir()
    (folder / "greetings" / "__init__.py").write_text("from greetings.polite import greet\n")
    (folder / "greetings" / "polite.py").write_text(MODULE)
    about = folder / "greetings-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: greetings\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[stepstream.workers]\n{points}\n")
    return str(folder)


@pytest.mark.slow
def test_types_of_a_package_and_a_folder_that_replaces_them(
    make_service: Callable[..., Service], tmp_path: Path
) -> None:
    site = installed(tmp_path / "site", "polite = greetings\nbad = greetings.nosuch")
    service = make_service({"PYTHONPATH": site})
    service.define("greet", DEFINITION)
    service.define("other", '[step.a]\ntype = "nosuch"')
    service.start()
    manager = service.run_to_end("greet")
    assert manager["status"] == "completed"
    assert "hello Ada from a package" in service.client.get(f"/managers/{manager['id']}/log").text
    broken = "entry point bad of greetings: ModuleNotFoundError: No module named 'greetings.nosuch'"
    assert broken in service.get("/definitions/other")["errors"][0]["message"]
    assert "entry point bad of greetings" in service.errors()
    service.stop()
    service.add_workers("greetings", FOLDER)
    service.start()
    manager = service.run_to_end("greet")
    assert "hello from the folder" in service.client.get(f"/managers/{manager['id']}/log").text


def test_keys_are_checked_against_a_function_that_a_package_names(tmp_path: Path) -> None:
    site = installed(tmp_path / "site", "greet = greetings.polite:greet")
    (tmp_path / "greet.toml").write_text('[step.greet]\ntype = "greet"\nname = ["Ada"]\n')
    done = process("check", "greet.toml", cwd=tmp_path, PYTHONPATH=site)
    assert done.returncode == 1
    assert 'greet.toml:3:1: error: step.greet.name: unknown key "name", did you mean "names"?' in done.stdout
