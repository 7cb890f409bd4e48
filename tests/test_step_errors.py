"""What does the writer of a definition read when a step is wrong? Every rule, message by message."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest

from tests.one_definition import check_errors, read


async def fetch(
    step: object,
    url: str,
    limit: int = 10,
    rating: float = 0.0,
    deep: bool = False,
    tags: list[str] | None = None,
    headers: dict[str, str] | None = None,
    mode: Literal["near", "far"] = "near",
) -> None: ...


async def anything(step: object, **keywords: Any) -> None: ...


TYPES: dict[str, Callable[..., Any]] = {"fetch": fetch, "anything": anything}
STEP = '[step.a]\ntype = "fetch"\nurl = "u"\n'


STEPS = [
    pytest.param(
        '[step.a]\nurl = "u"\n',
        ["one.toml step.a.type: missing, expected the name of a worker type"],
        id="type missing",
    ),
    pytest.param(
        '[step.a]\ntyp = "fetch"\n',
        ['one.toml step.a.type: missing, expected the name of a worker type, did you mean it by "typ"?'],
        id="type misspelt",
    ),
    pytest.param(
        "[step.a]\ntype = 5\n",
        ["one.toml step.a.type: expected a string, got an integer 5"],
        id="type no string",
    ),
    pytest.param(
        '[step.a]\ntype = "fetsh"\n',
        ['one.toml step.a.type: unknown worker type "fetsh", did you mean "fetch"?'],
        id="type near",
    ),
    pytest.param(
        '[step.a]\ntype = "greet"\n',
        ['one.toml step.a.type: unknown worker type "greet", expected "anything" or "fetch"'],
        id="type far",
    ),
    pytest.param(
        STEP + "descripton = 1\n",
        ['one.toml step.a.descripton: unknown key "descripton", did you mean "description"?'],
        id="key of steps",
    ),
    pytest.param(
        STEP + "limt = 1\n",
        ['one.toml step.a.limt: unknown key "limt", did you mean "limit"?'],
        id="key of the worker type",
    ),
    pytest.param(
        STEP + "description = 1\n",
        ["one.toml step.a.description: expected a string, got an integer 1"],
        id="description type",
    ),
    pytest.param(
        STEP + 'on_error = "fial"\n',
        ['one.toml step.a.on_error: unknown value "fial", did you mean "fail"?'],
        id="on_error value",
    ),
    pytest.param(
        STEP + 'on_error = "xxx"\n',
        ['one.toml step.a.on_error: unknown value "xxx", expected "continue", "fail", "fatal" or "retry"'],
        id="on_error far value",
    ),
    pytest.param(
        STEP + "timeout = '1d'\n",
        ['one.toml step.a.timeout: expected a duration such as "30s", "5m" or "1h", got a string "1d"'],
        id="timeout form",
    ),
    pytest.param(
        STEP + "concurrency = 0\n",
        ["one.toml step.a.concurrency: expected an integer of at least 1, got an integer 0"],
        id="concurrency 0",
    ),
    pytest.param(
        STEP + "concurrency = 1.0\n",
        ["one.toml step.a.concurrency: expected an integer, got a number 1.0"],
        id="concurrency type",
    ),
    pytest.param(
        STEP + "retries = -1\n",
        ["one.toml step.a.retries: expected an integer of at least 0, got an integer -1"],
        id="retries negative",
    ),
    pytest.param(
        STEP + "retry_delay = 0\n",
        ["one.toml step.a.retry_delay: expected a duration longer than zero, got an integer 0"],
        id="retry_delay 0",
    ),
    pytest.param(
        STEP + "retry_delay = ''\n",
        ['one.toml step.a.retry_delay: expected a duration such as "30s", "5m" or "1h", got a string ""'],
        id="retry_delay empty",
    ),
    pytest.param(
        STEP + "always_run = 'no'\n",
        ['one.toml step.a.always_run: expected true or false, got a string "no"'],
        id="always_run type",
    ),
    pytest.param(
        STEP + "depends = 5\n",
        ["one.toml step.a.depends: expected a string or a list of strings, got an integer 5"],
        id="depends type",
    ),
    pytest.param(
        STEP + "depends = [5]\n",
        ["one.toml step.a.depends[0]: expected a string, got an integer 5"],
        id="depends item",
    ),
    pytest.param(
        STEP + STEP.replace(".a]", ".search]") + STEP.replace(".a]", ".third]") + "depends = 'serch'\n",
        ['one.toml step.third.depends: unknown step "serch", did you mean "search"?'],
        id="depends near",
    ),
    pytest.param(
        STEP + "depends = 'a'\n",
        ['one.toml step.a.depends: step "a" depends on itself'],
        id="depends on itself",
    ),
    pytest.param(
        STEP
        + "depends = 'c'\n"
        + STEP.replace(".a]", ".b]")
        + "depends = 'a'\n"
        + STEP.replace(".a]", ".c]")
        + "depends = 'b'\n",
        ["one.toml step.a.depends: circular dependency, each waits for the next: a → c → b → a"],
        id="circle",
    ),
    pytest.param(
        '[step."a,b"]\ntype = "anything"\n',
        ['one.toml step."a,b": a step\'s name has 1 to 200 characters, and no comma, slash or line break'],
        id="comma in a name",
    ),
    pytest.param('[step."a/b"]\ntype = "anything"\n', None, id="slash in a name"),
    pytest.param('[step."a\\nb"]\ntype = "anything"\n', None, id="line break in a name"),
    pytest.param('[step." a"]\ntype = "anything"\n', None, id="blank before a name"),
    pytest.param('[step.""]\ntype = "anything"\n', None, id="empty name"),
    pytest.param(f"[step.{'n' * 201}]\ntype = 'anything'\n", None, id="long name"),
    pytest.param(
        '[step.a]\ntype = "fetch"\n', ["one.toml step.a.url: missing, expected a string"], id="required key"
    ),
    pytest.param(
        STEP + "limit = 'two'\n",
        ['one.toml step.a.limit: expected an integer, got a string "two"'],
        id="type of a worker key",
    ),
    pytest.param(
        STEP + "tags = ['x', 1]\n",
        ["one.toml step.a.tags[1]: expected a string, got an integer 1"],
        id="item of a worker key",
    ),
    pytest.param(
        STEP + 'headers = { accept = "x", "two words" = 1 }\n',
        ['one.toml step.a.headers."two words": expected a string, got an integer 1'],
        id="entry of a worker key",
    ),
    pytest.param(
        STEP + "mode = 'nearby'\n",
        ['one.toml step.a.mode: expected "near" or "far", got a string "nearby", did you mean "near"?'],
        id="one of several words",
    ),
    pytest.param(
        '[step.a]\ntype = "anything"\nx = 2026-01-31\n',
        ["one.toml step.a.x: expected a string, got a date (write it in quotes)"],
        id="date for a worker that takes anything",
    ),
    pytest.param(
        '[step.a]\ntype = "nope"\nx = nan\n',
        [
            'one.toml step.a.type: unknown worker type "nope", expected "anything" or "fetch"',
            "one.toml step.a.x: expected a finite number",
        ],
        id="nan for an unknown worker",
    ),
    pytest.param(
        '[step.a]\ntype = "anything"\nx' + ".x" * 400 + " = 1\n",
        ["one.toml step.a.x" + ".x" * 32 + ": nested deeper than 32 levels"],
        id="deep table",
    ),
]

PLACEHOLDERS = [
    pytest.param(
        STEP.replace('"u"', '"{params.raduis}"') + "[params]\nradius = 1\n",
        ['one.toml step.a.url: {params.raduis}: unknown parameter "raduis", did you mean "radius"?'],
        id="unknown parameter",
    ),
    pytest.param(
        STEP.replace('"u"', '"{config.radius}"'),
        ['one.toml step.a.url: {config.radius}: unknown parameter "radius"'],
        id="no parameters",
    ),
    pytest.param(
        STEP + "tags = ['x', 'http://{params.hots}/']\n[params]\nhost = 'h'\n",
        ['one.toml step.a.tags: {params.hots}: unknown parameter "hots", did you mean "host"?'],
        id="unknown parameter inside a string of a list",
    ),
    pytest.param(
        STEP.replace('"u"', '"{params.radius}"') + "[params]\nradius = 1\n",
        ["one.toml step.a.url: expected a string, got an integer 1 from {params.radius}"],
        id="type of the default",
    ),
    pytest.param(
        STEP + 'limit = "{params.radius} m"\n[params]\nradius = 1\n',
        ['one.toml step.a.limit: expected an integer, got a string "1 m"'],
        id="inside a longer string it is text",
    ),
    pytest.param(
        STEP + 'mode = "{params.mode}"\n[params]\nmode = "fra"\n',
        [
            'one.toml step.a.mode: expected "near" or "far", got a string "fra" from {params.mode},'
            ' did you mean "far"?'
        ],
        id="value of the default",
    ),
    pytest.param(
        STEP + 'limit = "{params.at}"\n[params]\nat = 2026-01-31\n',
        ["one.toml params.at: expected a string, got a date (write it in quotes)"],
        id="a wrong default is reported once",
    ),
    pytest.param(
        STEP + 'limti = "{params.radius}"\n[params]\nradius = 1\n',
        ['one.toml step.a.limti: unknown key "limti", did you mean "limit"?'],
        id="unknown key with a placeholder",
    ),
    pytest.param(
        STEP.replace('"u"', '"{env.NO_URL}"'),
        ["one.toml step.a.url: {env.NO_URL}: the environment variable NO_URL is not set"],
        id="variable not set",
    ),
    pytest.param(
        STEP + 'limit = "{env.LIMIT}"\n',
        ['one.toml step.a.limit: expected an integer, got a string "{env.LIMIT}"'],
        id="a variable is text, its value not shown",
    ),
    pytest.param(
        STEP + 'limit = "at {env.LIMIT}"\n',
        ['one.toml step.a.limit: expected an integer, got a string "at {env.LIMIT}"'],
        id="a variable in a longer text is not shown",
    ),
]


@pytest.mark.parametrize(("toml", "errors"), [*STEPS, *PLACEHOLDERS])
def test_error_names_file_step_key_and_expectation(
    tmp_path: Path, toml: str, errors: list[str] | None
) -> None:
    check_errors(tmp_path, toml, TYPES, errors)


def test_every_circle_is_named_once(tmp_path: Path) -> None:
    depends = {"a": "b", "b": "a", "c": "a, d", "d": "e", "e": "f", "f": "d", "g": "c"}
    toml = "".join(f'[step.{name}]\ntype = "anything"\ndepends = "{on}"\n' for name, on in depends.items())
    assert [str(each) for each in read(tmp_path, toml, TYPES).errors] == [
        "one.toml step.a.depends: circular dependency, each waits for the next: a → b → a",
        "one.toml step.d.depends: circular dependency, each waits for the next: d → e → f → d",
    ]


def test_of_circles_that_overlap_one_is_named(tmp_path: Path) -> None:
    depends = {"a": "b", "b": "a, c", "c": "b, d", "d": "c"}
    toml = "".join(f'[step.{name}]\ntype = "anything"\ndepends = "{on}"\n' for name, on in depends.items())
    assert [str(each) for each in read(tmp_path, toml, TYPES).errors] == [
        "one.toml step.a.depends: circular dependency, each waits for the next: a → b → a",
        "one.toml step.c.depends: circular dependency, each waits for the next: c → d → c",
    ]


def test_a_million_million_ways_through_the_steps_are_looked_at_once(tmp_path: Path) -> None:
    toml = "".join(
        f'[step.{side}{layer}]\ntype = "anything"\ndepends = "left{layer + 1}, right{layer + 1}"\n'
        for layer in range(40)
        for side in ("left", "right")
    )
    last = '[step.left40]\ntype = "anything"\n[step.right40]\ntype = "anything"\n'
    assert read(tmp_path, toml + last, TYPES).errors == ()


def test_a_long_chain_of_steps_is_no_circle(tmp_path: Path) -> None:
    names = [f"s{number}" for number in range(3000)]
    toml = "".join(
        f'[step.{name}]\ntype = "anything"\ndepends = "{following}"\n'
        for name, following in zip(names, [*names[1:], ""], strict=True)
    )
    assert read(tmp_path, toml, TYPES).errors == ()


def test_an_unknown_type_mentions_worker_files_that_did_not_load(tmp_path: Path) -> None:
    broken = {"greet.py": "SyntaxError: invalid syntax (line 3)", "other.py": "ImportError: no module x"}
    definition = read(tmp_path, '[step.a]\ntype = "greet"\n', TYPES, {}, broken)
    assert [str(each) for each in definition.errors] == [
        'one.toml step.a.type: unknown worker type "greet", expected "anything" or "fetch" (worker files that'
        " did not load: greet.py: SyntaxError: invalid syntax (line 3); other.py: ImportError: no module x)"
    ]
    assert read(tmp_path, STEP, TYPES, {}, broken).errors == ()
