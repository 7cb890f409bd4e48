"""Is the reference of the worker types that ship complete? Compared with their signatures, both ways."""

import inspect
import json
import re

import pytest

from jobs.signature import expected, parameters
from jobs.workers import SHIPPED
from tests.pages import reference, rows, section

PAGE = reference("workers")


def test_every_shipped_worker_type_has_a_section() -> None:
    assert sorted(re.findall(r"^## `(\w+)`$", PAGE, re.MULTILINE)) == sorted(SHIPPED)


def table(worker_type: str) -> dict[str, list[str]]:
    """The type, default and meaning of each key."""
    return {cells[0].strip("`"): cells[1:] for cells in rows(section(PAGE, f"`{worker_type}`"))}


@pytest.mark.parametrize("worker_type", SHIPPED)
def test_the_keys_of_a_worker_type_are_its_parameters(worker_type: str) -> None:
    assert list(table(worker_type)) == list(parameters(SHIPPED[worker_type]).annotations)


@pytest.mark.parametrize("worker_type", SHIPPED)
def test_the_types_of_keys_are_those_that_are_checked(worker_type: str) -> None:
    annotations = parameters(SHIPPED[worker_type]).annotations
    for key, (kind, _, _) in table(worker_type).items():
        assert kind.replace("`", "") == re.sub("^an? ", "", expected(annotations[key])), key


@pytest.mark.parametrize("worker_type", SHIPPED)
def test_the_defaults_of_keys_are_those_of_the_function(worker_type: str) -> None:
    signature = inspect.signature(SHIPPED[worker_type]).parameters
    words = {inspect.Parameter.empty: "needed", None: "none", "": "empty"}
    for key, (_, shown, _) in table(worker_type).items():
        default = signature[key].default
        if default in words:
            assert shown.partition(":")[0] == words[default], key
        else:
            assert json.loads(shown.strip("`")) == default, key
