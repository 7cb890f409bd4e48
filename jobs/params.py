"""With which parameters does this run start? The defaults of ``[params]``, overridden by what was given."""

import copy
import json
import re
from collections.abc import Mapping
from typing import Any

from jobs.nearest import unknown
from jobs.problem import Problem
from jobs.signature import misfits, not_json

_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")
_NUMBER = re.compile(r"[+-]?[0-9]{1,400}(\.[0-9]{1,400})?([eE][+-]?[0-9]{1,4})?")


class BadParams(ValueError):
    """Parameters that a definition does not have, or of the wrong type: all of them, in ``problems``."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = problems


def with_defaults(defaults: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The defaults, in their order, each overridden by the given value of its name.

    Raises BadParams for unknown names and for values that ``convert`` refuses.
    """
    params = copy.deepcopy(dict(defaults))
    problems: list[Problem] = []
    for name, value in given.items():
        where = f"params.{name}"
        if name not in defaults:
            problems.append(Problem(where, unknown("parameter", name, defaults)))
            continue
        try:
            params[name] = convert(value, defaults[name])
        except ValueError as error:
            problems.append(Problem(where, str(error)))
    if problems:
        raise BadParams(problems)
    return params


def convert(value: Any, default: Any) -> Any:
    """A JSON value as the type of a default. A string is read as that type; an integer is good for a float.

    Of lists and tables only the outside is compared. Raises ValueError where the value does not fit.
    """
    kind = type(default)
    if isinstance(value, str) and kind is not str:
        value = _read(value, kind)
    wrong = not_json(value, "") or misfits(kind, value, "")
    if wrong:
        raise ValueError(wrong[0].message)
    return float(value) if kind is float else copy.deepcopy(value)


def _read(text: str, kind: type) -> Any:
    """What a text stands for as a value of a type; the text itself where it stands for none."""
    if kind is bool:
        return {"true": True, "false": False}.get(text, text)
    if kind is int and _INTEGER.fullmatch(text):
        return int(text)
    if kind is float and _NUMBER.fullmatch(text):
        return float(text)
    if kind in (list, dict):
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return text
        return value if isinstance(value, kind) else text
    return text
