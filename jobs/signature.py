"""Does this value fit that parameter? TOML and JSON values against the signature of a worker function."""

import inspect
import math
import types
import typing
from collections.abc import Callable, Collection, Iterable, Mapping, MutableMapping, MutableSequence, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from jobs.nearest import joined, nearest, quoted, unknown
from jobs.problem import dotted

ANYTHING: Final = object()
"""Stands for a value of unknown type; it fits every parameter."""

DEEPEST = 32  # Levels of lists and tables in a value; JSON writers recurse and give up somewhere above.

_UNIONS = {Union, types.UnionType}
_LISTS = {list, Sequence, MutableSequence, Collection, Iterable}
_TABLES = {dict, Mapping, MutableMapping}
_NAMES: dict[Any, tuple[str, str]] = {
    bool: ("true or false", "booleans"),
    int: ("an integer", "integers"),
    float: ("a number", "numbers"),
    str: ("a string", "strings"),
    types.NoneType: ("null", "nulls"),
}


class Deferred(str):
    """Text of which only the raw form is known yet, such as ``{env.NAME}``: a string of any content."""

    __slots__ = ()


@dataclass(frozen=True)
class Misfit:
    """What is wrong with the value of a parameter.

    :param place: that of an item inside it, as in ``[2]``
    :param meant: the word that the writer probably meant
    """

    parameter: str
    message: str
    place: str = ""
    meant: str | None = None

    @property
    def advice(self) -> str:
        """What follows the message."""
        return f", did you mean {quoted(self.meant)}?" if self.meant else ""

    def __str__(self) -> str:
        return f"{self.parameter}{self.place}: {self.message}{self.advice}"


@dataclass(frozen=True)
class Parameters:
    """The keyword parameters of a worker function: their annotations, and which of them must be given."""

    annotations: dict[str, Any]
    required: frozenset[str]
    any_other: bool  # The function takes ``**keywords``.


def parameters(function: Callable[..., Any]) -> Parameters:
    """What a worker function takes by keyword: everything after its first positional parameter, the job."""
    kinds = inspect.Parameter
    signature = list(inspect.signature(function).parameters.values())
    if signature and signature[0].kind in (kinds.POSITIONAL_ONLY, kinds.POSITIONAL_OR_KEYWORD):
        del signature[0]
    named = [each for each in signature if each.kind in (kinds.POSITIONAL_OR_KEYWORD, kinds.KEYWORD_ONLY)]
    names = getattr(inspect.unwrap(function), "__globals__", {})
    return Parameters(
        annotations={each.name: _annotation(each, names) for each in named},
        required=frozenset(each.name for each in named if each.default is kinds.empty),
        any_other=any(each.kind is kinds.VAR_KEYWORD for each in signature),
    )


def check(
    function: Callable[..., Any], values: Mapping[str, Any], also_known: Iterable[str] = ()
) -> list[Misfit]:
    """Everything that is wrong with ``values`` as keyword arguments of a worker function.

    ``also_known`` are names that mean something beside the parameters: a misspelt one is recognised too.
    """
    accepted = parameters(function)
    found: list[Misfit] = []
    for name, value in values.items():
        if name in accepted.annotations:
            found += not_json(value, name) or misfits(accepted.annotations[name], value, name)
        elif accepted.any_other:
            found += not_json(value, name)
        else:
            found.append(Misfit(name, unknown("key", name, {*accepted.annotations, *also_known})))
    for name, annotation in accepted.annotations.items():
        if name in accepted.required and name not in values:
            found.append(Misfit(name, f"missing, expected {expected(annotation)}"))
    return found


def misfits(annotation: Any, value: Any, name: str, place: str = "") -> list[Misfit]:
    """Where a value does not fit an annotation: at most one place of each table entry or list.

    An integer is good for a float, a boolean is not an integer. Annotations that say nothing about TOML
    and JSON values (other classes, no annotation) take anything.
    """
    if value is ANYTHING:
        return []
    kind, arguments = get_origin(annotation) or annotation, get_args(annotation)
    if kind is Annotated:
        return misfits(arguments[0], value, name, place)
    if kind in _UNIONS:
        return _union_misfits(annotation, value, name, place)
    if kind in _LISTS and isinstance(value, list):
        items = (misfits((*arguments, Any)[0], item, name, f"{place}[{i}]") for i, item in enumerate(value))
        return next((found for found in items if found), [])
    if kind in _TABLES and isinstance(value, dict):
        entry = arguments[1] if len(arguments) == 2 else Any
        return [each for key in value for each in misfits(entry, value[key], name, f"{place}.{dotted(key)}")]
    if _fits(kind, arguments, value):
        return []
    return [_misfit(annotation, value, name, place)]


def _misfit(annotation: Any, value: Any, name: str, place: str) -> Misfit:
    meant = nearest(value, _words(annotation)) if isinstance(value, str) else None
    return Misfit(name, f"expected {expected(annotation)}, got {given(value)}", place, meant)


def _words(annotation: Any) -> list[str]:
    """The words that an annotation names, ``X | None`` included."""
    arguments = get_args(annotation)
    if get_origin(annotation) is Literal:
        return [each for each in arguments if isinstance(each, str)]
    return [word for each in arguments for word in _words(each)] if get_origin(annotation) in _UNIONS else []


def not_json(value: Any, name: str, place: str = "", depth: int = 0) -> list[Misfit]:
    """What first keeps a TOML value from being written as JSON, the form in which values are kept."""
    if isinstance(value, (list, dict)):
        if depth == DEEPEST:
            return [Misfit(name, f"nested deeper than {DEEPEST} levels", place)]
        if isinstance(value, dict):
            parts = [(f".{dotted(key)}", item) for key, item in value.items()]
        else:
            parts = [(f"[{index}]", item) for index, item in enumerate(value)]
        checked = (not_json(item, name, place + part, depth + 1) for part, item in parts)
        return next((found for found in checked if found), [])
    if isinstance(value, float) and not math.isfinite(value):
        return [Misfit(name, "expected a finite number", place)]
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return [Misfit(name, "expected an integer of at most 64 bits", place)]
    if isinstance(value, (date, time)):
        return [Misfit(name, f"expected a string, got {given(value)} (write it in quotes)", place)]
    return []


def expected(annotation: Any, plural: bool = False) -> str:
    """How the values of an annotation are called: ``a list of strings``, ``"a" or "b"``, ``a number``."""
    kind, arguments = get_origin(annotation) or annotation, get_args(annotation)
    if kind is Annotated:
        return expected(arguments[0], plural)
    if kind in _UNIONS:
        # TOML has no null: the None of ``X | None`` is expressed by leaving the key out.
        kinds = [each for each in arguments if each is not types.NoneType]
        return joined(list(dict.fromkeys(expected(each, plural) for each in kinds)))
    if kind is Literal:
        return joined([quoted(each) if isinstance(each, str) else str(each) for each in arguments])
    if kind in _LISTS or kind in _TABLES:
        name, item = ("list", arguments[:1]) if kind in _LISTS else ("table", arguments[1:])
        outer = f"{name}s" if plural else f"a {name}"
        says = item and get_origin(item[0]) is not Literal and item[0] is not Any
        return f"{outer} of {expected(item[0], plural=True)}" if says else outer
    return _NAMES.get(kind, ("a value", "values"))[plural]


def given(value: Any) -> str:
    """How a value is called in a message: ``a string "two"``, ``an integer 2``, ``a list``."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"a string {quoted(value)}"
    if isinstance(value, int):
        return f"an integer {value}" if -(2**63) <= value < 2**63 else "an integer of more than 64 bits"
    if isinstance(value, float):
        return f"a number {value}"
    kinds = {dict: "a table", list: "a list", datetime: "a date and time", date: "a date", time: "a time"}
    return kinds.get(type(value), "null")


def _annotation(parameter: inspect.Parameter, names: dict[str, Any]) -> Any:
    """A parameter's annotation, resolved by itself: one that cannot be resolved spoils no other."""
    if parameter.annotation is parameter.empty:
        return Any
    holder = types.SimpleNamespace(__annotations__={parameter.name: parameter.annotation})
    try:
        hints = typing.get_type_hints(holder, globalns=names, include_extras=True)
    except Exception:
        # Text under ``from __future__ import annotations`` may name what is imported for type checkers only.
        return Any
    return hints[parameter.name]


def _fits(kind: Any, arguments: tuple[Any, ...], value: Any) -> bool:
    if kind is Literal:
        if isinstance(value, Deferred):
            return any(isinstance(each, str) for each in arguments)
        return any(type(each) is type(value) and each == value for each in arguments)
    if kind is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if kind in (bool, str, types.NoneType):
        return isinstance(value, kind)
    return kind not in _LISTS and kind not in _TABLES


def _union_misfits(annotation: Any, value: Any, name: str, place: str) -> list[Misfit]:
    found = [misfits(each, value, name, place) for each in get_args(annotation)]
    if not all(found):
        return []
    # A list where one alternative is a list: its wrong item says more than "got a list".
    inner = [each for each in found if each[0].place != place]
    if len(inner) == 1:
        return inner[0]
    return [_misfit(annotation, value, name, place)]
