"""Which keys are accepted and do nothing? Each has a warning that says so."""

from pathlib import Path

import pytest

from tests.one_definition import read


async def fetch(step: object, url: str, tags: list[str] | None = None) -> None: ...


TYPES = {"fetch": fetch}
STEP = '[step.a]\ntype = "fetch"\nurl = "u"\n'
STAYS = "stays as it is: only {params.NAME} and {env.NAME} are replaced"


QUAERO = "has no effect: accepted so that files written for Quaero load unchanged"
WARNINGS = [
    *(
        pytest.param(f'{key} = "x"\n' + STEP, [f"one.toml {key}: {QUAERO}"], id=key)
        for key in ("type", "job_type", "auto_start", "authentication")
    ),
    *(
        pytest.param(STEP + f'{key} = "x"\n', [f"one.toml step.a.{key}: {QUAERO}"], id=f"step {key}")
        for key in ("operation_type", "condition")
    ),
    pytest.param(
        STEP + '[error_tolerance]\nmax_child_failures = 3\nfailure_action = "continue"\n',
        [f"one.toml error_tolerance.failure_action: {QUAERO}"],
        id="failure_action",
    ),
    pytest.param(
        STEP.replace('"u"', '"{google_key}"')
        + 'tags = ["${HOME} {google_key} {other-key}", "{ x }", "{}"]\n',
        [
            "one.toml step.a.url: {google_key} " + STAYS,
            "one.toml step.a.tags: {google_key} " + STAYS,
            "one.toml step.a.tags: {other-key} " + STAYS,
        ],
        id="keys of a store",
    ),
    pytest.param(
        STEP.replace('"u"', '"{config.u}"') + '[config]\nu = "x"\n', [], id="[config] means [params]"
    ),
    pytest.param(
        STEP + '[params]\nkey = "{env.LIMIT}"\n',
        ["one.toml params.key: a placeholder in a parameter is not replaced"],
        id="placeholder in a parameter",
    ),
    pytest.param(
        'schedule = "*/15 8-18 1,15 JAN mon"\n' + STEP,
        [],
        id="schedule",
    ),
    pytest.param('schedule = " "\n' + STEP, [], id="empty schedule"),
    pytest.param('on_restart = "resume"\n' + STEP, [], id="resume"),
    pytest.param(STEP + 'on_error = "retry"\nretries = 2\nretry_delay = "1s"\n', [], id="retries"),
]


@pytest.mark.parametrize(("toml", "warnings"), WARNINGS)
def test_what_has_no_effect_is_a_warning(tmp_path: Path, toml: str, warnings: list[str]) -> None:
    definition = read(tmp_path, toml, TYPES, {"LIMIT": "1"})
    assert [str(each) for each in definition.errors] == []
    assert [str(each) for each in definition.warnings] == warnings
