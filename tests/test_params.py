"""With which parameters does a run start, and which are refused?"""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.definition import Definition, params_for
from jobs.definition_file import parse
from jobs.params import BadParams

TOML = """
[step.a]
type = "fetch"

[params]
radius = 2000
rating = 3.5
open = true
town = "Salzburg"
tags = ["a"]
headers = { accept = "x" }
"""
DEFAULTS = {
    "radius": 2000,
    "rating": 3.5,
    "open": True,
    "town": "Salzburg",
    "tags": ["a"],
    "headers": {"accept": "x"},
}


async def fetch(step: object) -> None: ...


def definition(toml: str = TOML) -> Definition:
    read = parse(toml, Path("one.toml"), {"fetch": fetch}, {})
    assert read.errors == ()
    return read


def test_the_defaults() -> None:
    assert params_for(definition(), {}) == DEFAULTS


@pytest.mark.parametrize(
    ("name", "value", "becomes"),
    [
        ("radius", 5, 5),
        ("radius", "5", 5),
        ("radius", "-5", -5),
        ("radius", -(2**63), -(2**63)),
        ("rating", 4.5, 4.5),
        ("rating", 4, 4.0),
        ("rating", "4.5", 4.5),
        ("rating", "4", 4.0),
        ("rating", "-1e3", -1000.0),
        ("open", False, False),
        ("open", "false", False),
        ("open", "true", True),
        ("town", "2000", "2000"),
        ("town", "", ""),
        ("tags", [1, "b"], [1, "b"]),
        ("tags", '["b", 2]', ["b", 2]),
        ("headers", {}, {}),
        ("headers", '{"a": [1]}', {"a": [1]}),
    ],
)
def test_given_values_override(name: str, value: Any, becomes: Any) -> None:
    params = params_for(definition(), {name: value})
    assert params == {**DEFAULTS, name: becomes}
    assert type(params[name]) is type(becomes)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("raduis", 1, 'unknown parameter "raduis", did you mean "radius"?'),
        (
            "zzz",
            1,
            'unknown parameter "zzz", expected "headers", "open", "radius", "rating", "tags" or "town"',
        ),
        ("radius", "two", 'expected an integer, got a string "two"'),
        ("radius", "1.5", 'expected an integer, got a string "1.5"'),
        ("radius", " 5", 'expected an integer, got a string " 5"'),
        ("radius", "٥", 'expected an integer, got a string "٥"'),
        ("radius", 1.0, "expected an integer, got a number 1.0"),
        ("radius", True, "expected an integer, got true"),
        ("radius", None, "expected an integer, got null"),
        ("radius", 2**63, "expected an integer of at most 64 bits"),
        ("radius", "9223372036854775808", "expected an integer of at most 64 bits"),
        ("radius", "9" * 5000, f'expected an integer, got a string "{"9" * 64}…"'),
        ("rating", "1e999", "expected a finite number"),
        ("rating", "nan", 'expected a number, got a string "nan"'),
        ("rating", float("nan"), "expected a finite number"),
        ("rating", [1], "expected a number, got a list"),
        ("open", 1, "expected true or false, got an integer 1"),
        ("open", "yes", 'expected true or false, got a string "yes"'),
        ("town", 5, "expected a string, got an integer 5"),
        ("tags", "a", 'expected a list, got a string "a"'),
        ("tags", "{}", 'expected a list, got a string "{}"'),
        ("tags", {"a": 1}, "expected a list, got a table"),
        ("tags", "[" * 5000, f'expected a list, got a string "{"[" * 64}…"'),
        ("headers", [], "expected a table, got a list"),
        ("headers", {"a": float("inf")}, "expected a finite number"),
    ],
)
def test_refused(name: str, value: Any, message: str) -> None:
    with pytest.raises(BadParams) as refused:
        params_for(definition(), {name: value})
    assert [(each.where, each.message) for each in refused.value.problems] == [(f"params.{name}", message)]
    assert str(refused.value) == f"params.{name}: {message}"


def test_all_that_is_wrong_is_refused_at_once() -> None:
    with pytest.raises(BadParams) as refused:
        params_for(definition(), {"radius": "two", "opne": True, "town": "Wien"})
    assert [each.where for each in refused.value.problems] == ["params.radius", "params.opne"]


def test_a_definition_without_parameters_takes_none() -> None:
    bare = definition('[step.a]\ntype = "fetch"\n')
    assert params_for(bare, {}) == {}
    with pytest.raises(BadParams, match=r'^params\.radius: unknown parameter "radius"$'):
        params_for(bare, {"radius": 1})


def test_a_run_cannot_change_the_defaults() -> None:
    one = definition()
    given = {"headers": {"a": [1]}}
    params = params_for(one, given)
    params["tags"].append("b")
    params["headers"]["a"].append(2)
    assert params_for(one, {}) == DEFAULTS
    assert given == {"headers": {"a": [1]}}


INTEGERS = st.integers(-(2**63), 2**63 - 1)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.fixed_dictionaries(
    {},
    optional={
        "radius": INTEGERS,
        "rating": NUMBERS,
        "open": st.booleans(),
        "town": st.text(),
        "tags": st.lists(st.text() | INTEGERS | st.none()),
        "headers": st.dictionaries(st.text(), st.text() | NUMBERS),
    },
)


@given(VALUES)
def test_values_of_the_right_type_come_back_unchanged(values: dict[str, Any]) -> None:
    assert params_for(definition(), values) == {**DEFAULTS, **values}


@given(VALUES)
def test_values_written_as_text_are_read_as_the_same_values(values: dict[str, Any]) -> None:
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in values.items()}
    assert params_for(definition(), texts) == {**DEFAULTS, **values}


@given(
    st.dictionaries(
        st.sampled_from([*DEFAULTS, "other"]), st.text() | INTEGERS | st.none() | st.lists(st.none())
    )
)
def test_whatever_is_given_is_refused_by_name_or_has_the_type_of_the_default(values: dict[str, Any]) -> None:
    refused: set[str] = set()
    for name, value in values.items():
        try:
            params = params_for(definition(), {name: value})
        except BadParams as error:
            refused |= {each.where for each in error.problems}
        else:
            assert type(params[name]) is type(DEFAULTS[name])
    wrong = {f"params.{name}" for name, value in values.items() if value is None or name == "other"}
    assert wrong <= refused
