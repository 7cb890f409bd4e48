"""What does the writer of a definition read when something in it is wrong? Every rule, message by message."""

from pathlib import Path

import pytest

from jobs.definition_file import parse
from jobs.problem import line_of
from tests.one_definition import check_errors, read


async def fetch(step: object, url: str, limit: int = 10) -> None: ...


TYPES = {"fetch": fetch}
STEP = '[step.a]\ntype = "fetch"\nurl = "u"\n'
ID_RULE = "expected at most 64 of a-z, 0-9, _ and -, the first a letter or digit"


# Each case: the whole file, and all its errors, in order.
TOP_LEVEL = [
    pytest.param(
        "nme = 1\n" + STEP, ['one.toml nme: unknown key "nme", did you mean "name"?'], id="near key"
    ),
    pytest.param(
        "NAME = 1\n" + STEP, ['one.toml NAME: unknown key "NAME", did you mean "name"?'], id="capitals"
    ),
    pytest.param(
        "qqqq = 1\n" + STEP,
        [
            'one.toml qqqq: unknown key "qqqq", expected "description", "enabled", "error_tolerance", "id", '
            '"max_running", "name", "on_restart", "params", "schedule", "step", "tags", "timeout" '
            'or "timezone"'
        ],
        id="far key",
    ),
    pytest.param(
        'id = "A b"\n' + STEP,
        [
            f'one.toml id: {ID_RULE}, got a string "A b"',
        ],
        id="id of other characters",
    ),
    pytest.param(
        f'id = "{"a" * 65}"\n' + STEP,
        [
            f'one.toml id: {ID_RULE}, got a string "{"a" * 64}…"',
        ],
        id="id of 65 characters",
    ),
    pytest.param('id = "a\\n"\n' + STEP, None, id="id with a line break"),
    pytest.param('id = "-a"\n' + STEP, None, id="id that begins with -"),
    pytest.param('id = ""\n' + STEP, None, id="empty id"),
    pytest.param("id = 5\n" + STEP, ["one.toml id: expected a string, got an integer 5"], id="id type"),
    pytest.param("name = true\n" + STEP, ["one.toml name: expected a string, got true"], id="name type"),
    pytest.param(
        "description = []\n" + STEP,
        ["one.toml description: expected a string, got a list"],
        id="description type",
    ),
    pytest.param(
        'enabled = "yes"\n' + STEP,
        ['one.toml enabled: expected true or false, got a string "yes"'],
        id="enabled type",
    ),
    pytest.param(
        "enabled = 1\n" + STEP, ["one.toml enabled: expected true or false, got an integer 1"], id="enabled 1"
    ),
    pytest.param(
        'timeout = "5 minutes"\n' + STEP,
        ['one.toml timeout: expected a duration such as "30s", "5m" or "1h", got a string "5 minutes"'],
        id="timeout form",
    ),
    pytest.param(
        'timeout = "30"\n' + STEP,
        ['one.toml timeout: expected a duration such as "30s", "5m" or "1h", got a string "30"'],
        id="timeout without unit",
    ),
    pytest.param(
        "timeout = 0\n" + STEP,
        ["one.toml timeout: expected a duration longer than zero, got an integer 0"],
        id="timeout 0",
    ),
    pytest.param(
        'timeout = "0s"\n' + STEP,
        ['one.toml timeout: expected a duration longer than zero, got a string "0s"'],
        id="timeout 0s",
    ),
    pytest.param(
        "timeout = -1.5\n" + STEP,
        ["one.toml timeout: expected a duration longer than zero, got a number -1.5"],
        id="timeout negative",
    ),
    pytest.param(
        "timeout = inf\n" + STEP,
        ['one.toml timeout: expected a duration such as "30s", "5m" or "1h", got a number inf'],
        id="timeout inf",
    ),
    pytest.param(
        "timeout = 9223372036854775808\n" + STEP,
        [
            'one.toml timeout: expected a duration such as "30s", "5m" or "1h",'
            " got an integer of more than 64 bits"
        ],
        id="timeout beyond 64 bits",
    ),
    pytest.param(
        "timeout = true\n" + STEP,
        ['one.toml timeout: expected a duration such as "30s", "5m" or "1h", got true'],
        id="timeout true",
    ),
    pytest.param(
        'schedule = "* * * *"\n' + STEP,
        ['one.toml schedule: expected five cron fields, as in "*/15 * * * *", got a string "* * * *"'],
        id="four fields",
    ),
    pytest.param(
        'schedule = "* * * * =1"\n' + STEP,
        ['one.toml schedule: expected five cron fields, as in "*/15 * * * *", got a string "* * * * =1"'],
        id="field of other characters",
    ),
    pytest.param(
        'schedule = "0 25 * * *"\n' + STEP,
        [
            "one.toml schedule: the field for the hour: expected 0 to 23,"
            ' or a list ("1,3"), a range ("1-5") or steps ("*/2") of them, got "25"'
        ],
        id="schedule with a wrong hour",
    ),
    pytest.param(
        'schedule = "0 0 30 2 *"\n' + STEP,
        ['one.toml schedule: "0 0 30 2 *" never comes: no month has such a day'],
        id="schedule that never comes",
    ),
    pytest.param(
        'timezone = "Europe/Viena"\n' + STEP,
        ['one.toml timezone: unknown time zone "Europe/Viena", did you mean "Europe/Vienna"?'],
        id="near time zone",
    ),
    pytest.param(
        'timezone = "../etc/passwd"\n' + STEP,
        [
            'one.toml timezone: unknown time zone "../etc/passwd",'
            ' expected an IANA name, as in "Europe/Vienna"',
        ],
        id="time zone outside the database",
    ),
    pytest.param('timezone = "Europe"\n' + STEP, None, id="time zone that is a folder"),
    pytest.param('timezone = ""\n' + STEP, None, id="empty time zone"),
    pytest.param(
        "max_running = 0\n" + STEP,
        ["one.toml max_running: expected an integer of at least 1, got an integer 0"],
        id="max_running 0",
    ),
    pytest.param(
        f"max_running = 0x{'f' * 5000}\n" + STEP,
        ["one.toml max_running: expected an integer of at least 1, got an integer of more than 64 bits"],
        id="max_running beyond 64 bits",
    ),
    pytest.param(
        "max_running = true\n" + STEP,
        ["one.toml max_running: expected an integer, got true"],
        id="max_running true",
    ),
    pytest.param(
        'on_restart = "resum"\n' + STEP,
        ['one.toml on_restart: unknown value "resum", did you mean "resume"?'],
        id="on_restart value",
    ),
    pytest.param(
        'on_restart = "go"\n' + STEP,
        ['one.toml on_restart: unknown value "go", expected "interrupt" or "resume"'],
        id="on_restart far value",
    ),
    pytest.param(
        'tags = "places"\n' + STEP,
        ['one.toml tags: expected a list of strings, got a string "places"'],
        id="tags not a list",
    ),
    pytest.param(
        'tags = ["places", 2]\n' + STEP,
        ["one.toml tags[1]: expected a string, got an integer 2"],
        id="tag not a string",
    ),
    pytest.param(
        "params = 1\n" + STEP, ["one.toml params: expected a table, got an integer 1"], id="params type"
    ),
    pytest.param(
        STEP + "[params]\nsince = 2026-01-31\n",
        ["one.toml params.since: expected a string, got a date (write it in quotes)"],
        id="date in params",
    ),
    pytest.param(
        STEP + "[params]\nat = [2026-01-31T10:00:00Z]\n",
        ["one.toml params.at[0]: expected a string, got a date and time (write it in quotes)"],
        id="time in a list in params",
    ),
    pytest.param(
        STEP + "[params]\nratio = nan\n",
        ["one.toml params.ratio: expected a finite number"],
        id="nan in params",
    ),
    pytest.param(
        STEP + "[params]\nbig = 9223372036854775808\n",
        ["one.toml params.big: expected an integer of at most 64 bits"],
        id="large integer in params",
    ),
    pytest.param(
        STEP + "[params]\na = 1\n[config]\nb = 1\n",
        ["one.toml config: [config] is another word for [params]: put the keys of both into [params]"],
        id="both params and config",
    ),
    pytest.param(
        STEP + "[error_tolerance]\nmax_child_failure = 3\n",
        [
            'one.toml error_tolerance.max_child_failure: unknown key "max_child_failure",'
            ' did you mean "max_child_failures"?'
        ],
        id="key of error_tolerance",
    ),
    pytest.param(
        STEP + "[error_tolerance]\nmax_child_failures = -1\n",
        ["one.toml error_tolerance.max_child_failures: expected an integer of at least 0, got an integer -1"],
        id="negative max_child_failures",
    ),
    pytest.param(
        "error_tolerance = 5\n" + STEP,
        ["one.toml error_tolerance: expected a table, got an integer 5"],
        id="error_tolerance type",
    ),
]

FORM = 'a step is a table of its own, as in [step.fetch] with type = "places_search"'
FILES = [
    pytest.param("", [f"one.toml step: no steps: {FORM}"], id="empty file"),
    pytest.param("[step]\n", [f"one.toml step: no steps: {FORM}"], id="empty step table"),
    pytest.param(
        '[[step]]\nname = "a"\n', [f"one.toml step: [[step]] is not the form: {FORM}"], id="[[step]]"
    ),
    pytest.param(
        '[[steps]]\nname = "a"\naction = "b"\n[steps.config]\n',
        [f"one.toml steps: [[steps]] is not the form: {FORM}"],
        id="[[steps]]",
    ),
    pytest.param(
        '[steps.a]\ntype = "b"\n',
        [f"one.toml steps: [steps.NAME] is not the form: {FORM}"],
        id="[steps.NAME]",
    ),
    pytest.param("step = 1\n", [f"one.toml step: {FORM}, got an integer 1"], id="step is no table"),
    pytest.param(
        '[step]\ntype = "fetch"\n',
        [f'one.toml step.type: {FORM}, got a string "fetch"'],
        id="step without a name",
    ),
    pytest.param("a = 1\nb = \n", ["one.toml:2:5: invalid TOML: invalid value"], id="line and column"),
    pytest.param('a = 1\nb = "x', ["one.toml:2:7: invalid TOML: unterminated string"], id="end of document"),
    pytest.param(
        "a = 1\na = 2\n", ["one.toml:2:6: invalid TOML: cannot overwrite a value"], id="the same key twice"
    ),
    pytest.param("a = " + "[" * 5000, ["one.toml: invalid TOML: nested too deeply"], id="nested too deeply"),
    pytest.param("a = " + "9" * 5000, ["one.toml: invalid TOML: a number has too many digits"], id="digits"),
]


@pytest.mark.parametrize(("toml", "errors"), [*TOP_LEVEL, *FILES])
def test_error_names_file_place_and_expectation(tmp_path: Path, toml: str, errors: list[str] | None) -> None:
    check_errors(tmp_path, toml, TYPES, errors)


def test_all_errors_of_a_file_are_found_at_once(tmp_path: Path) -> None:
    toml = (
        'nme = 1\ntimeout = "x"\n[params]\nat = nan\n'
        '[step.a]\ntype = "fetch"\nlimit = "{env.NO}"\non_error = "x"\ndepends = "b, c"\n'
        '[step.b]\ntype = "fetsh"\nconcurrency = 0\ndepends = "a"\n'
    )
    places = [each.where for each in read(tmp_path, toml, TYPES).errors]
    assert sorted(places) == sorted(
        [
            "one.toml nme",
            "one.toml timeout",
            "one.toml params.at",
            "one.toml step.a.on_error",
            "one.toml step.a.limit",  # not set
            "one.toml step.a.limit",  # no integer
            "one.toml step.a.url",
            "one.toml step.b.type",
            "one.toml step.b.concurrency",
            "one.toml step.a.depends",  # unknown
            "one.toml step.a.depends",  # circular
        ]
    )


def test_a_stem_that_is_no_id_needs_an_id(tmp_path: Path) -> None:
    path = tmp_path / "My Job.toml"
    path.write_text(STEP)
    definition = parse(path.read_text(), path, TYPES, {})
    assert [str(each) for each in definition.errors] == [
        f'My Job.toml id: missing, and the file\'s stem "My Job" is no id: {ID_RULE}'
    ]
    assert (definition.id, definition.id_is_known) == ("My Job", False)


PLACES = """id = "x"
tags = [
  "a",
]
[params]
at = [1]

[step.a]
type = "agent"
limit = 3 # [step.b]
 [ step . "b.c" ]
"type" = "web"
a.b = 1
"""


@pytest.mark.parametrize(
    ("where", "line"),
    [
        ("x.toml:3:4", 3),
        ("x.toml id", 1),
        ("x.toml tags[0]", 2),
        ("x.toml params.at[0]", 6),
        ("x.toml step.a", 8),
        ("x.toml step.a.limit", 10),
        ("x.toml step.a.missing", 8),
        ('x.toml step."b.c".type', 12),
        ('x.toml step."b.c"', 11),
        ('x.toml step."b.c".a.b', 13),
    ],
)
def test_an_error_is_at_the_line_of_its_key_else_of_its_table(where: str, line: int) -> None:
    assert line_of(PLACES, where) == (line, PLACES.splitlines()[line - 1].strip())


@pytest.mark.parametrize("where", ["x.toml", "x.toml nothing", "x.toml:99:1", ""])
def test_an_error_that_is_about_no_line_has_none(where: str) -> None:
    assert line_of(PLACES, where) is None
