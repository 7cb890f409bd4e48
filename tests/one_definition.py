"""What does a definition file say, and what is wrong with it? A file ``one.toml`` in a folder of a test."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from jobs.definition import Definition
from jobs.definition_file import parse

Types = Mapping[str, Callable[..., Any]]
NONE: Mapping[str, str] = MappingProxyType({})
LIMIT = "31415926"  # in the environment; it must not be shown


def read(
    folder: Path, toml: str, types: Types, environ: Mapping[str, str] = NONE, broken: Mapping[str, str] = NONE
) -> Definition:
    """The definition, after its text was on the disk."""
    path = folder / "one.toml"
    path.write_text(toml, encoding="utf-8")
    return parse(path.read_text(encoding="utf-8"), path, types, environ, broken)


def check_errors(folder: Path, toml: str, types: Types, errors: list[str] | None) -> None:
    """Check that these are all errors of a file, in order.

    :param errors: None where it is another way to break the rule of the case before: there is one
    """
    definition = read(folder, toml, types, {"LIMIT": LIMIT})
    found = [str(each) for each in definition.errors]
    if errors is None:
        assert len(found) == 1
    else:
        assert found == errors
    assert not any(LIMIT in each for each in found)
    assert definition.toml == toml
