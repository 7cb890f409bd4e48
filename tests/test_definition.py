"""What does a right definition file mean? Defaults, durations, dependencies, placeholders."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.definition import Definition, params_for
from jobs.definition_file import parse
from jobs.step_definition import Configured, StepDefinition, configure

FULL = """
id = "nearby-restaurants"
name = "Nearby restaurants and their keywords"
description = "Finds places, then their keywords."
timeout = "5m"
enabled = false
schedule = "*/15 * * * *"
timezone = "Europe/Vienna"
max_running = 2
on_restart = "resume"
tags = ["places", "example"]

[params]
radius = 2000
town = "Salzburg"

[error_tolerance]
max_child_failures = 0

[step.search]
type = "search"
description = "Looks for places"
on_error = "fatal"
timeout = 60
radius = "{params.radius}"
query = "near {params.town}"

[step.extract]
type = "search"
depends = "search, first"
always_run = true
concurrency = 8
retries = 2
retry_delay = "500ms"
radius = 1.5

[step.first]
type = "search"
radius = 1
"""


async def search(
    step: object,
    radius: float,
    query: str = "",
    mode: Literal["near", "far"] = "near",
    tags: list[str] | None = None,
    options: dict[str, Any] | None = None,
) -> None: ...


async def anything(step: object, **keywords: Any) -> None: ...


async def conditional(step: object, condition: str = "") -> None: ...


TYPES: dict[str, Callable[..., Any]] = {"search": search, "anything": anything, "conditional": conditional}


def read(toml: str, name: str = "one.toml", **environ: str) -> Definition:
    return parse(toml, Path(name), TYPES, environ)


def good(toml: str, **environ: str) -> Definition:
    definition = read(toml, **environ)
    assert definition.errors == ()
    return definition


def configured(values: str, params: str = "", **environ: str) -> Configured:
    definition = good(f'[step.a]\ntype = "anything"\n{values}\n[params]\n{params}', **environ)
    return configure(definition.steps[0], params_for(definition, {}), environ)


def test_every_key() -> None:
    definition = good(FULL)
    assert definition == Definition(
        id="nearby-restaurants",
        name="Nearby restaurants and their keywords",
        description="Finds places, then their keywords.",
        path=Path("one.toml"),
        toml=FULL,
        enabled=False,
        timeout=300.0,
        max_running=2,
        schedule="*/15 * * * *",
        timezone="Europe/Vienna",
        on_restart="resume",
        tags=("places", "example"),
        params={"radius": 2000, "town": "Salzburg"},
        max_child_failures=0,
        steps=(
            StepDefinition(
                name="search",
                type="search",
                description="Looks for places",
                depends=(),
                on_error="fatal",
                timeout=60.0,
                concurrency=4,
                always_run=False,
                retries=0,
                retry_delay=1.0,
                config={"radius": "{params.radius}", "query": "near {params.town}"},
            ),
            StepDefinition(
                name="extract",
                type="search",
                description="",
                depends=("search", "first"),
                on_error="continue",
                timeout=None,
                concurrency=8,
                always_run=True,
                retries=2,
                retry_delay=0.5,
                config={"radius": 1.5},
            ),
            StepDefinition(
                name="first",
                type="search",
                description="",
                depends=(),
                on_error="continue",
                timeout=None,
                concurrency=4,
                always_run=False,
                retries=0,
                retry_delay=1.0,
                config={"radius": 1},
            ),
        ),
        warnings=(),
    )


def test_defaults() -> None:
    toml = '[step.a]\ntype = "anything"\n'
    definition = good(toml)
    step = definition.steps[0]
    assert definition == Definition(
        id="one",
        name="one",
        description="",
        path=Path("one.toml"),
        toml=toml,
        enabled=True,
        timeout=None,
        max_running=1,
        schedule="",
        timezone="UTC",
        on_restart="interrupt",
        tags=(),
        params={},
        max_child_failures=None,
        steps=(step,),
        errors=(),
        warnings=(),
    )
    assert (step.depends, step.on_error, step.timeout, step.concurrency) == ((), "continue", None, 4)
    assert (step.always_run, step.retries, step.retry_delay, step.config) == (False, 0, 1.0, {})


@pytest.mark.parametrize("id", ["a", "0", "nearby-restaurants", "codebase_assess", "a" * 64])
def test_ids(id: str) -> None:
    assert good(f'id = "{id}"\n[step.a]\ntype = "anything"\n').id == id


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ('"30s"', 30.0),
        ('"5m"', 300.0),
        ('"1h"', 3600.0),
        ('"1.5s"', 1.5),
        ('"500ms"', 0.5),
        ('"2h30m"', 9000.0),
        ("30", 30.0),
        ("0.25", 0.25),
        ('""', None),
    ],
)
def test_durations(written: str, seconds: float | None) -> None:
    definition = good(f'timeout = {written}\n[step.a]\ntype = "anything"\ntimeout = {written}\n')
    assert (definition.timeout, definition.steps[0].timeout) == (seconds, seconds)


@pytest.mark.parametrize(
    ("written", "depends"),
    [
        ('"b"', ("b",)),
        ('"b, c"', ("b", "c")),
        ('"c,b,c,"', ("c", "b")),
        ('["b", "c"]', ("b", "c")),
        ('""', ()),
        ("[]", ()),
    ],
)
def test_depends(written: str, depends: tuple[str, ...]) -> None:
    others = "".join(f'[step.{name}]\ntype = "anything"\n' for name in "bc")
    assert good(f'[step.a]\ntype = "anything"\ndepends = {written}\n{others}').steps[0].depends == depends


def test_on_error_retry_means_three_retries_where_unset() -> None:
    retry = '[step.a]\ntype = "anything"\non_error = "retry"\n'
    assert good(retry).steps[0].retries == 3
    assert good(retry + "retries = 1\n").steps[0].retries == 1


def test_a_worker_type_may_have_a_parameter_that_quaero_has_as_a_key() -> None:
    definition = good('[step.a]\ntype = "conditional"\ncondition = "x"\n')
    assert definition.steps[0].config == {"condition": "x"}
    assert definition.warnings == ()


def test_files_written_for_quaero_load_unchanged() -> None:
    definition = good("""
id = "places"
name = "Places"
type = "places"
job_type = "user"
description = "d"
schedule = ""
timeout = "5m"
enabled = true
auto_start = true
authentication = ""
tags = ["a"]

[config]
radius = 2000

[step.search]
type = "search"
on_error = "fail"
operation_type = "scan"
condition = ""
radius = "{config.radius}"
query = "{google_api_key}"

[error_tolerance]
max_child_failures = 50
failure_action = "continue"
""")
    assert definition.params == {"radius": 2000}
    assert definition.max_child_failures == 50
    assert configure(definition.steps[0], {"radius": 5}, {}).config == {
        "radius": 5,
        "query": "{google_api_key}",
    }
    assert [each.where.removeprefix("one.toml ") for each in definition.warnings] == [
        "type",
        "job_type",
        "auto_start",
        "authentication",
        "error_tolerance.failure_action",
        "step.search.query",
        "step.search.operation_type",
        "step.search.condition",
    ]


PARAMS = 'radius = 2000\nrating = 3.5\nopen = true\ntown = "Süd"\ntags = ["a", 1]\nheaders = { a = "b" }\n'


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ('"{params.radius}"', 2000),
        ('"{params.rating}"', 3.5),
        ('"{params.open}"', True),
        ('"{params.town}"', "Süd"),
        ('"{params.tags}"', ["a", 1]),
        ('"{params.headers}"', {"a": "b"}),
        ('"{config.radius}"', 2000),
        ('"{env.SHORT}"', "42"),
        ('" {params.radius}"', " 2000"),
        ('"{params.radius}{params.rating}"', "20003.5"),
        ('"{params.town}: {params.open}, {params.tags} {params.headers}"', 'Süd: true, ["a", 1] {"a": "b"}'),
        ('"Bearer {env.SHORT}"', "Bearer 42"),
        ('"{{params.radius}}"', "{2000}"),
        ('["{params.radius}", ["x{params.radius}"], 1]', [2000, ["x2000"], 1]),
        ('{ deep = { er = ["{params.open}"] } }', {"deep": {"er": [True]}}),
        ('"{x} {} { params.radius } {params} {params.} {PARAMS.radius} ${env}"', None),
        ('"{\\"json\\": 1}"', None),
    ],
)
def test_placeholders(written: str, value: Any) -> None:
    found = configured(f"x = {written}", PARAMS, SHORT="42").config["x"]
    if value is None:  # Stays as it is.
        value = written[1:-1].replace('\\"', '"')
    assert found == value
    assert type(found) is type(value)


def test_what_is_put_in_is_not_looked_at_again() -> None:
    definition = good('[step.a]\ntype = "anything"\nx = "{params.x}"\ny = "-{params.x}"\n[params]\nx = ""\n')
    params = params_for(definition, {"x": "{env.TOKEN}{params.x}"})
    assert configure(definition.steps[0], params, {"TOKEN": "secret"}) == Configured(
        {"x": "{env.TOKEN}{params.x}", "y": "-{env.TOKEN}{params.x}"}, {}
    )


def test_secrets_are_the_values_of_the_environment_of_six_characters_and_more() -> None:
    environ = {"FIVE": "12345", "SIX": "123456", "LONG": "a-long-token", "UNUSED": "not-in-the-file"}
    found = configured('x = ["Bearer {env.LONG}"]\ny = "{env.SIX}"\nz = "{env.FIVE}"', **environ)
    assert found.config == {"x": ["Bearer a-long-token"], "y": "123456", "z": "12345"}
    assert found.secrets == {"SIX": "123456", "LONG": "a-long-token"}


def test_no_message_and_no_definition_holds_a_value_of_the_environment() -> None:
    definition = read(
        '[step.a]\ntype = "search"\nradius = "{env.TOKEN}"\nmode = "x{env.TOKEN}"\ntags = "{env.TOKEN}"\n',
        TOKEN="s3cr3t-value",
    )
    assert [each.where for each in definition.errors] == ["one.toml step.a.radius", "one.toml step.a.tags"]
    assert "s3cr3t" not in repr(definition)


def test_text_of_the_environment_may_be_any_of_several_words() -> None:
    definition = good('[step.a]\ntype = "search"\nradius = 1\nmode = "{env.MODE}"\n', MODE="near")
    assert configure(definition.steps[0], {}, {"MODE": "far"}).config["mode"] == "far"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{env.GONE}", "{env.GONE}: the environment variable GONE is not set"),
        ("{params.gnoe}", '{params.gnoe}: unknown parameter "gnoe", did you mean "gone"?'),
    ],
)
def test_a_placeholder_that_stands_for_nothing_cannot_be_configured(text: str, message: str) -> None:
    step = read(f'[step.a]\ntype = "anything"\nx = "{text}"\n').steps[0]
    with pytest.raises(ValueError, match=re.escape(message)):
        configure(step, {"gone": 1}, {})


def test_a_run_cannot_change_the_definition() -> None:
    definition = good('[step.a]\ntype = "anything"\nx = "{params.tags}"\ny = ["b"]\n[params]\ntags = ["a"]\n')
    for _ in range(2):
        config = configure(definition.steps[0], definition.params, {}).config
        assert config == {"x": ["a"], "y": ["b"]}
        config["x"].append("more")
        config["y"].append("more")


def test_a_definition_with_errors_keeps_what_is_right() -> None:
    definition = read(FULL.replace('"fatal"', '"fatl"').replace("timeout = 60", "timeout = 0"))
    assert len(definition.errors) == 2
    assert (definition.id, definition.name) == ("nearby-restaurants", "Nearby restaurants and their keywords")
    assert [step.name for step in definition.steps] == ["search", "extract", "first"]
    assert (definition.steps[0].on_error, definition.steps[0].timeout) == ("continue", None)


WORDS = re.findall(r"\S+|\n", FULL)
ODD = ["[[step]]", "[step", '"', "{env.HOME}", "{params.x}", "=", "nan", "2026-01-01", "\0"]
# Pieces of TOML, right and wrong, so that much of what is generated is read far into.
TEXTS = (
    st.text()
    | st.lists(st.sampled_from(WORDS + ODD), max_size=40).map(" ".join)
    | st.lists(st.sampled_from(FULL.splitlines())).map("\n".join)
)


@given(TEXTS)
def test_any_text_has_errors_or_steps(toml: str) -> None:
    definition = read(toml)
    assert definition.errors or definition.steps
    assert definition.toml == toml
    assert all(each.where.startswith("one.toml") and each.message for each in definition.errors)
    assert all("\n" not in str(each) for each in definition.errors + definition.warnings)


@given(st.text(st.characters(exclude_characters="{}", exclude_categories=["Cs"])))
def test_text_without_placeholders_is_unchanged(text: str) -> None:
    step = StepDefinition(
        "a", "anything", "", (), "continue", None, 4, False, 0, 1.0, {"x": text, "y": [text]}
    )
    assert configure(step, {"params": 1}, os.environ) == Configured({"x": text, "y": [text]}, {})


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_parameter_is_put_in_as_it_is(text: str) -> None:
    values = {"x": "{params.p}", "y": "<{params.p}>"}
    step = StepDefinition("a", "anything", "", (), "continue", None, 4, False, 0, 1.0, values)
    assert configure(step, {"p": text}, {}).config == {"x": text, "y": f"<{text}>"}
