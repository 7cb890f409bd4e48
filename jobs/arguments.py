"""What is passed from job to job? Arguments by name, and results, as JSON."""

import inspect
import json
from collections.abc import Callable
from functools import cache
from typing import Any

from jobs.exception import describe

# Made once: that is half of what it costs to encode a small value.
EXACT = json.JSONEncoder(separators=(",", ":"), allow_nan=False)


@cache
def _signature(function: Callable[..., Any]) -> inspect.Signature:
    return inspect.signature(function)


def arguments_of(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> dict[str, Any]:
    """The arguments of ``function(job, *args, **kwargs)`` by name.

    :raises TypeError: the function cannot be found again by its name, or they do not fit its signature
    """
    name = getattr(function, "__qualname__", repr(function))
    if not inspect.isfunction(function) or name != function.__name__ or name == "<lambda>":
        raise TypeError(f"spawn({name}): only a module-level function can be found again after a restart")
    try:
        bound = _signature(function).bind(None, *args, **kwargs)
    except TypeError as error:
        raise TypeError(f"spawn({name}): {error}") from None
    return dict(list(bound.arguments.items())[1:])


def exact_json(value: Any, what: str) -> str:
    """A value as JSON, exactly: so that it is the same when it is read back.

    :raises TypeError: it is not
    """
    try:
        return EXACT.encode(value)
    except Exception as error:  # a mapping of one's own may raise anything
        raise TypeError(f"{what} not JSON: {describe(error)[1]['text']}") from None
