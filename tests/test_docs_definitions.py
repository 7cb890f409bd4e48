"""Is the reference of definitions true? Its examples are read, its tables and messages compared."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jobs import definition, step_definition
from jobs.definition import parse

PAGE = (Path(__file__).parent.parent / "docs" / "reference" / "definitions.md").read_text(encoding="utf-8")


def places_search(
    step: object,
    provider: str = "sample",
    path: str = "",
    search_query: str = "",
    search_type: str = "nearby_search",
    location_latitude: float | None = None,
    location_longitude: float | None = None,
    location_radius: float = 1000,
    filter_type: str = "",
    filter_min_rating: float | None = None,
    max_results: int | None = None,
    list_name: str = "",
) -> None: ...


def agent(
    step: object,
    agent_type: str,
    provider: str = "local",
    max_keywords: int = 10,
    filter_source_type: str | None = None,
    filter_tags: list[str] | None = None,
    filter_limit: int | None = None,
    filter_scope: str = "run",
) -> None: ...


def generate_jobs(
    step: object,
    worker_count: int = 1,
    log_count: int = 1,
    log_delay_ms: float = 0,
    recursion_depth: int = 0,
    child_count: int = 0,
    failure_rate: float = 0.0,
    seed: int = 1,
) -> None: ...


TYPES: dict[str, Callable[..., Any]] = {
    "places_search": places_search,
    "agent": agent,
    "test_job_generator": generate_jobs,
}


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def section(title: str) -> str:
    start = PAGE.index(f"# {title}\n")
    return PAGE[start : PAGE.find("\n#", start)]


def rows(title: str) -> list[list[str]]:
    """The cells of a section's table, without its head."""
    lines = [line for line in section(title).splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def messages(toml: str) -> str:
    read = parse(toml, Path("broken.toml"), TYPES, {})
    return "".join(f"{error}\n" for error in read.errors)


def test_there_are_examples() -> None:
    assert len(blocks("toml")) >= 5


@pytest.mark.parametrize("toml", blocks("toml"))
def test_every_example_has_no_errors(toml: str) -> None:
    assert messages(toml) == ""


@pytest.mark.parametrize(
    ("title", "keys"),
    [
        ("Keys of the file", definition.KEYS),
        ("Keys of a step", step_definition.KEYS),
        ("Keys of `[error_tolerance]`", ("max_child_failures",)),
    ],
)
def test_the_tables_name_every_key(title: str, keys: tuple[str, ...]) -> None:
    assert [cells[0].strip("` ") for cells in rows(title)] == list(keys)


def test_the_examples_in_the_tables_have_no_errors() -> None:
    step = "".join(f'[step.{name}]\ntype = "agent"\nagent_type = "x"\n' for name in ("search", "fetch"))
    for cells in rows("Keys of the file")[:-1]:
        assert messages(cells[-1].strip("` ") + "\n" + step) == ""
    for cells in rows("Keys of a step"):
        own = "" if cells[0] == "`type`" else 'type = "agent"\n'
        example = cells[-1].strip("` ")
        assert messages(f'{step}[step.third]\n{own}{example}\nagent_type = "x"\n') == ""


def test_the_defaults_in_the_tables_are_those_of_an_empty_file() -> None:
    empty = '[step.a]\ntype = "test_job_generator"\n'
    step = '[step.a]\ntype = "test_job_generator"\n'
    read = parse(empty, Path("one.toml"), TYPES, {})
    for cells in rows("Keys of the file"):
        default = re.fullmatch(r"`(.+)`|([0-9]+)", cells[2])
        if default:
            written = f"{cells[0].strip('`')} = {default[1] or default[2]}\n"
            again = parse(written + step, Path("one.toml"), TYPES, {})
            assert (again.errors, again.warnings) == ((), ())
            assert again.__class__(**{**vars(again), "toml": empty}) == read
    for cells in rows("Keys of a step"):
        default = re.match(r"`([^`]+)`$|([0-9]+)", cells[2])
        if default:
            written = f"{cells[0].strip('`')} = {default[1] or default[2]}\n"
            assert parse(step + written, Path("one.toml"), TYPES, {}).steps == read.steps


def test_the_errors_are_those_of_the_file_shown() -> None:
    broken, found, syntax = blocks("text")
    assert messages(broken) == found
    assert messages('id = "a"\ntimeout = 5m\n') == syntax
