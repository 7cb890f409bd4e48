"""Is the reference of definitions true? Its examples are read, its tables and messages compared."""

import re
from pathlib import Path

import pytest

from jobs import definition_file, step_definition
from jobs.definition_file import parse
from jobs.workers import SHIPPED
from tests.pages import DOCS, blocks, reference, rows, section

PAGE = reference("definitions")
EXAMPLES = [block.text for block in blocks(DOCS / "reference" / "definitions.md", "text")]


def cells_of(title: str) -> list[list[str]]:
    """The cells of a section's table, without its head."""
    return rows(section(PAGE, title))


def messages(toml: str) -> str:
    read = parse(toml, Path("broken.toml"), SHIPPED, {})
    return "".join(f"{error}\n" for error in read.errors)


@pytest.mark.parametrize(
    ("title", "keys"),
    [
        ("Keys of the file", definition_file.KEYS),
        ("Keys of a step", step_definition.KEYS),
        ("Keys of `[error_tolerance]`", ("max_child_failures",)),
    ],
)
def test_the_tables_name_every_key(title: str, keys: tuple[str, ...]) -> None:
    assert [cells[0].strip("` ") for cells in cells_of(title)] == list(keys)


def test_the_examples_in_the_tables_have_no_errors() -> None:
    step = "".join(
        f'[step.{name}]\ntype = "agent"\nagent_type = "keyword_extractor"\n' for name in ("search", "fetch")
    )
    for cells in cells_of("Keys of the file")[:-1]:
        assert messages(cells[-1].strip("` ") + "\n" + step) == ""
    for cells in cells_of("Keys of a step"):
        own = "" if cells[0] == "`type`" else 'type = "agent"\n'
        example = cells[-1].strip("` ")
        assert messages(f'{step}[step.third]\n{own}{example}\nagent_type = "keyword_extractor"\n') == ""


def test_the_defaults_in_the_tables_are_those_of_an_empty_file() -> None:
    empty = '[step.a]\ntype = "test_job_generator"\n'
    step = '[step.a]\ntype = "test_job_generator"\n'
    read = parse(empty, Path("one.toml"), SHIPPED, {})
    for cells in cells_of("Keys of the file"):
        default = re.fullmatch(r"`(.+)`|([0-9]+)", cells[2])
        if default:
            written = f"{cells[0].strip('`')} = {default[1] or default[2]}\n"
            again = parse(written + step, Path("one.toml"), SHIPPED, {})
            assert (again.errors, again.warnings) == ((), ())
            assert again.__class__(**{**vars(again), "toml": empty}) == read
    for cells in cells_of("Keys of a step"):
        default = re.match(r"`([^`]+)`$|([0-9]+)", cells[2])
        if default:
            written = f"{cells[0].strip('`')} = {default[1] or default[2]}\n"
            assert parse(step + written, Path("one.toml"), SHIPPED, {}).steps == read.steps


def test_the_errors_are_those_of_the_file_shown() -> None:
    broken, found, syntax = EXAMPLES
    assert messages(broken) == found
    assert messages('id = "a"\ntimeout = 5m\n') == syntax
