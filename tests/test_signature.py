"""Which values fit which parameters of a worker function, and what is said about those that do not?"""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal, Optional, Union

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.nearest import nearest, unknown
from jobs.signature import ANYTHING, Deferred, check, misfits

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def says(annotation: Any, value: Any) -> str:
    """What is said of a value under the name ``x``, empty where it fits."""
    return "; ".join(map(str, misfits(annotation, value, "x")))


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (bool, True),
        (int, 2),
        (float, 2.5),
        (float, 2),
        (str, "two"),
        (list, [1, "two"]),
        (list[str], []),
        (list[float], [1, 2.5]),
        (list[list[int]], [[1], []]),
        (Sequence[str], ["a"]),
        (dict, {"a": 1}),
        (dict[str, int], {"a": 1}),
        (Mapping[str, list[str]], {"a": ["b"]}),
        (str | None, "two"),
        (str | None, None),
        (Optional[int], 2),  # noqa: UP045
        (Union[int, str], "two"),  # noqa: UP007
        (str | list[str], ["a"]),
        (Literal["near", "far"], "far"),
        (Literal[1, 2], 2),
        (Literal["near"] | None, "near"),
        (Annotated[int, "metres"], 2),
        (Any, {"a": [1]}),
        (object, "two"),
        (bytes, "not compared"),
        (int, ANYTHING),
        (list[int], [ANYTHING]),
        (Literal["near"], Deferred("{env.X}")),
        (str, Deferred("{env.X}")),
    ],
)
def test_fits(annotation: Any, value: Any) -> None:
    assert says(annotation, value) == ""


@pytest.mark.parametrize(
    ("annotation", "value", "message"),
    [
        (float, "two", 'x: expected a number, got a string "two"'),
        (float, True, "x: expected a number, got true"),
        (int, False, "x: expected an integer, got false"),
        (int, 2.0, "x: expected an integer, got a number 2.0"),
        (str, -(2**63), "x: expected a string, got an integer -9223372036854775808"),
        (str, 2**63, "x: expected a string, got an integer of more than 64 bits"),
        (bool, 1, "x: expected true or false, got an integer 1"),
        (str, 2, "x: expected a string, got an integer 2"),
        (str, None, "x: expected a string, got null"),
        (str, {}, "x: expected a string, got a table"),
        (list, "a", 'x: expected a list, got a string "a"'),
        (list[Any], 1, "x: expected a list, got an integer 1"),
        (list[str], "a", 'x: expected a list of strings, got a string "a"'),
        (list[str | int], True, "x: expected a list of strings or integers, got true"),
        (list[Literal["a"]], 1, "x: expected a list, got an integer 1"),
        (list[str], ["a", 1, 2], "x[1]: expected a string, got an integer 1"),
        (list[list[int]], [[1], [2, "b"]], 'x[1][1]: expected an integer, got a string "b"'),
        (Sequence[int], "ab", 'x: expected a list of integers, got a string "ab"'),
        (dict, [], "x: expected a table, got a list"),
        (dict[str, Any], 1, "x: expected a table, got an integer 1"),
        (dict[str, list[str]], 1, "x: expected a table of lists of strings, got an integer 1"),
        (dict[str, float], {"a": 1, "b c": "d"}, 'x."b c": expected a number, got a string "d"'),
        (str | None, 2, "x: expected a string, got an integer 2"),
        (int | str, 2.5, "x: expected an integer or a string, got a number 2.5"),
        (int | float, "a", 'x: expected an integer or a number, got a string "a"'),
        (str | list[str], [1], "x[0]: expected a string, got an integer 1"),
        (list[str] | list[int], ["a", 1], "x: expected a list of strings or a list of integers, got a list"),
        (
            Literal["near", "far"],
            "nea",
            'x: expected "near" or "far", got a string "nea", did you mean "near"?',
        ),
        (Literal["near", "far"], "zzz", 'x: expected "near" or "far", got a string "zzz"'),
        (
            Literal["near", 1] | None,
            "NEAR",
            'x: expected "near" or 1, got a string "NEAR", did you mean "near"?',
        ),
        (Literal["a", "b", "c"], 1, 'x: expected "a", "b" or "c", got an integer 1'),
        (Literal[1], True, "x: expected 1, got true"),
        (Literal[1], Deferred("{env.X}"), 'x: expected 1, got a string "{env.X}"'),
        (int, Deferred("{env.X}"), 'x: expected an integer, got a string "{env.X}"'),
        (Annotated[int, "metres"], "a", 'x: expected an integer, got a string "a"'),
        (Annotated[list[int], ""], ["a"], 'x[0]: expected an integer, got a string "a"'),
        (int, "a" * 80, f'x: expected an integer, got a string "{"a" * 64}…"'),
        (int, "a" * 64, f'x: expected an integer, got a string "{"a" * 64}"'),
        (int, 'a\n"', r'x: expected an integer, got a string "a\n\""'),
    ],
)
def test_does_not_fit(annotation: Any, value: Any, message: str) -> None:
    assert says(annotation, value) == message


async def greet(step: object, names: list[str], excited: bool = False, *, style: str = "plain") -> None: ...
def plain(step: object, anything, other=1) -> None: ...  # type: ignore[no-untyped-def]
async def open_ended(step: object, count: int, **keywords: str) -> None: ...
async def nothing(step: object) -> None: ...
async def without_job(*, count: int) -> None: ...
async def annotated_by_text(step: "Unknown", count: "int", odd: "Unknown" = None) -> None: ...  # type: ignore[name-defined]  # noqa: F821


@pytest.mark.parametrize(
    ("function", "values", "messages"),
    [
        (greet, {"names": ["Ada"]}, []),
        (greet, {"names": ["Ada"], "excited": True, "style": "loud"}, []),
        (greet, {}, ["names: missing, expected a list of strings"]),
        (
            greet,
            {"nmes": ["Ada"]},
            ['nmes: unknown key "nmes", did you mean "names"?', "names: missing, expected a list of strings"],
        ),
        (greet, {"names": [], "timout": 1}, ['timout: unknown key "timout", did you mean "timeout"?']),
        (greet, {"names": [], "step": 1}, ['step: unknown key "step", did you mean "style"?']),
        (
            greet,
            {"names": 1, "excited": 1},
            [
                "names: expected a list of strings, got an integer 1",
                "excited: expected true or false, got an integer 1",
            ],
        ),
        (plain, {"anything": [1]}, []),
        (plain, {}, ["anything: missing, expected a value"]),
        (open_ended, {"count": 1, "more": [1]}, []),
        (open_ended, {"count": "1"}, ['count: expected an integer, got a string "1"']),
        (open_ended, {"count": 1, "more": float("nan")}, ["more: expected a finite number"]),
        (nothing, {}, []),
        (without_job, {"count": 1}, []),
        (lambda: None, {}, []),
        (nothing, {"zzz": 1}, ['zzz: unknown key "zzz", expected "timeout"']),
        (annotated_by_text, {"count": "a", "odd": 1}, ['count: expected an integer, got a string "a"']),
    ],
)
def test_checks_a_worker_functions_keywords(
    function: Callable[..., Any], values: dict[str, Any], messages: list[str]
) -> None:
    assert [str(each) for each in check(function, values, also_known=["timeout"])] == messages


@given(JSON)
def test_every_json_value_fits_or_is_described(value: Any) -> None:
    for annotation in (bool, int, float, str, list[str], dict[str, int], str | None, Literal["a"], Any):
        for each in misfits(annotation, value, "x"):
            assert each.message.startswith("expected ")
            assert ", got " in each.message
            assert "\n" not in str(each)


@pytest.mark.parametrize(
    ("word", "known", "near"),
    [
        ("okk", ["ok", "other"], "ok"),
        ("OK", ["ok"], "ok"),
        ("depend", ["description", "depends"], "depends"),
        ("zzz", ["ok"], None),
        ("", ["ok"], None),
        ("ok", [], None),
        ("a" * 64, ["a" * 64], "a" * 64),
        ("a" * 65, ["a" * 65], None),
    ],
)
def test_nearest(word: str, known: list[str], near: str | None) -> None:
    assert nearest(word, known) == near


@pytest.mark.parametrize(
    ("known", "sentence"),
    [
        (["ok", "other"], 'unknown key "okk", did you mean "ok"?'),
        (["zebra", "apple", "mango"], 'unknown key "okk", expected "apple", "mango" or "zebra"'),
        ([], 'unknown key "okk"'),
        (
            [f"z{number}" for number in range(10)],
            'unknown key "okk", expected "z0", "z1", "z2", "z3", "z4", "z5", "z6", "z7", "z8" or "z9"',
        ),
        ([f"z{number}" for number in range(25)], 'unknown key "okk"'),
    ],
)
def test_unknown(known: list[str], sentence: str) -> None:
    assert unknown("key", "okk", known) == sentence


@given(st.text(), st.lists(st.text(max_size=20), max_size=8))
def test_the_nearest_word_is_one_of_the_known(word: str, known: list[str]) -> None:
    assert nearest(word, known) in {None, *known}
    assert "\n" not in unknown("key", word, known)
