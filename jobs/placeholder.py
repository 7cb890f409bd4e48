"""What do ``{params.x}`` and ``{env.X}`` stand for? Placeholders in the strings of a step's values."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from jobs.signature import ANYTHING, Deferred

# [config] is another word for [params], so {config.x} is one for {params.x}.
_PLACEHOLDER = re.compile(r"\{(params|config|env)\.([^{}\n]+)\}")
# Quaero fills {name} from its key-value store. ${name} is the shell's.
_STORED_KEY = re.compile(r"(?<!\$)\{(?!(?:params|config|env)\.)([A-Za-z_][A-Za-z0-9_.-]*)\}")


class Placeholder(NamedTuple):
    """One placeholder: whether it reads the environment or a parameter, the name in it, and its text."""

    is_env: bool
    name: str
    text: str


def placeholders(value: Any) -> Iterator[Placeholder]:
    """All placeholders in a value, in lists and tables too, from left to right."""
    for text in _texts(value):
        yield from map(_placeholder, _PLACEHOLDER.finditer(text))


def stored_keys(value: Any) -> list[str]:
    """The ``{key}`` of Quaero's key-value store in a value, each once, with braces."""
    return list(dict.fromkeys(found[0] for text in _texts(value) for found in _STORED_KEY.finditer(text)))


def sole(value: Any) -> Placeholder | None:
    """The placeholder that a string consists of, if it is exactly one."""
    match = _PLACEHOLDER.fullmatch(value) if isinstance(value, str) else None
    return _placeholder(match) if match else None


def fill(value: Any, look_up: Callable[[Placeholder], Any]) -> Any:
    """The value with its placeholders replaced, in one pass: what is put in is not looked at again.

    A string that is exactly one placeholder becomes what that stands for, of whatever type; inside a
    longer string stands its text. The text of a list or table is JSON, so is that of true and false.
    """
    if isinstance(value, list):
        return [fill(item, look_up) for item in value]
    if isinstance(value, dict):
        return {key: fill(item, look_up) for key, item in value.items()}
    if not isinstance(value, str):
        return value
    only = sole(value)
    if only:
        return look_up(only)
    found = [look_up(each) for each in placeholders(value)]
    if any(each is ANYTHING or isinstance(each, Deferred) for each in found):
        return Deferred(value)
    texts = iter(found)
    return _PLACEHOLDER.sub(lambda _: _text(next(texts)), value)


def _placeholder(match: re.Match[str]) -> Placeholder:
    return Placeholder(match[1] == "env", match[2], match[0])


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)):
        for item in value if isinstance(value, list) else value.values():
            yield from _texts(item)
