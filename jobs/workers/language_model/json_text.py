"""Which JSON does a model's text hold? Bare, in a fence, or after words and thoughts."""

import json
import re
from typing import Any

_FENCE = re.compile(r"```[a-zA-Z]*[ \t]*\n(.*?)```", re.DOTALL)
_THOUGHTS = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)


def json_in(text: str) -> Any:
    """The JSON value of a text: the whole of it, else that of its last fence, else its last object.

    :raises ValueError: it holds none
    """
    text = _THOUGHTS.sub("", text).strip()
    for candidate in (text, *reversed(_FENCE.findall(text))):
        try:
            return _loads(candidate)
        except ValueError:
            continue
    found = _last_object(text)
    if found is None:
        raise ValueError("no JSON in it" if text else "it is empty")
    return found


def _last_object(text: str) -> dict[str, Any] | None:
    """The last object of a text that is in no other; None if there is none."""
    decoder = json.JSONDecoder(parse_constant=_refuse)
    found, position, tries = None, text.find("{"), 0
    while position >= 0 and tries < 100:  # each may read to the end of the text
        end = position + 1
        try:
            value, end = decoder.raw_decode(text, position)
            found = value
        except (ValueError, RecursionError):
            tries += 1
        position = text.find("{", end)
    return found


def _loads(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")
