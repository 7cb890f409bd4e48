"""Promise: what a retry must read back comes back as it was, and no secret of it is ever stored or shown."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.redact import Redactor, shown, unseal

ENVIRON = {"TOKEN": 'se"cré\nt/1', "NUMBER": "654321", "OTHER»NAME": "another-one"}
SECRETS = st.sampled_from(sorted(ENVIRON.values()))
TEXTS = st.text() | SECRETS | st.lists(st.text() | SECRETS).map("".join)
NUMBERS = st.integers() | st.sampled_from([654321, 16543212, -654321, 654321.5, 6543210.0])
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
    max_leaves=20,
)


def sealer() -> Redactor:
    redactor = Redactor()
    redactor.add(ENVIRON)
    return redactor


@given(VALUES)
def test_what_is_sealed_comes_back_and_shows_no_secret(value: Any) -> None:
    sealed = sealer().seal(json.dumps(value, separators=(",", ":")))
    assert json.loads(unseal(sealed, ENVIRON)) == value
    for text in (sealed, shown(sealed)):
        for secret in ENVIRON.values():
            assert secret not in text
            assert json.dumps(secret)[1:-1] not in text
    json.loads(shown(sealed))


@pytest.mark.parametrize(
    ("value", "seen"),
    [
        ("x 654321 y", "x *** y"),
        (654321, "***"),
        (16543212, "***"),
        ({"654321": [1, "another-one"]}, {"***": [1, "***"]}),
        ("«1:TOKEN»", "«1:TOKEN»"),
    ],
)
def test_a_secret_is_shown_as_stars(value: Any, seen: Any) -> None:
    assert json.loads(shown(sealer().seal(json.dumps(value)))) == seen


def test_a_variable_that_changed_gives_its_present_value() -> None:
    sealed = sealer().seal('{"key":"another-one"}')
    assert json.loads(unseal(sealed, {"OTHER»NAME": "rotated"})) == {"key": "rotated"}
    with pytest.raises(KeyError):
        unseal(sealed, {})


def test_a_value_that_another_definition_knows_as_a_secret_comes_back_after_a_restart() -> None:
    """What seals has learnt of more variables than the run's own; what unseals reads the environment."""
    sealed = sealer().seal('"the production of another-one"')
    assert json.loads(unseal(sealed, ENVIRON)) == "the production of another-one"
