"""Does a JSON value fit a schema? The few words of JSON Schema that the agents' answers need.

They are ``type, properties, required, additionalProperties, items, enum, minimum, maximum`` and
``minLength``, as in https://json-schema.org/draft/2020-12/json-schema-validation.
"""

import math
from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]

_KINDS: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
}
_NAMES = {bool: "boolean", dict: "object", list: "array", str: "string", int: "number", float: "number"}
# What servers that promise answers of a schema take; the rest is checked here.
_STRUCTURE = ("type", "properties", "required", "additionalProperties", "items", "enum")


def misfits(value: Any, schema: Schema, place: str = "answer") -> Iterator[str]:
    """What is wrong with a value, each with its place: ``answer.keywords[2]: expected string``."""
    if "enum" in schema and value not in schema["enum"]:
        yield f"{place}: expected one of {', '.join(map(str, schema['enum']))}, got {_shown(value)}"
        return
    kind = schema.get("type")
    if kind and (not isinstance(value, _KINDS[kind]) or (isinstance(value, bool) and kind != "boolean")):
        yield f"{place}: expected {kind}, got {_shown(value)}"
    elif isinstance(value, dict):
        yield from _object_misfits(value, schema, place)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from misfits(item, schema.get("items", {}), f"{place}[{index}]")
    elif isinstance(value, str):
        if len(value.strip()) < schema.get("minLength", 0):
            yield f"{place}: expected a text that is not empty"
    elif isinstance(value, int | float):
        least, most = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
        if not least <= value <= most:
            yield f"{place}: expected {least:g} to {most:g}, got {value:g}"


def structure(schema: Schema, *, closed: bool = True) -> Schema:
    """The part of a schema that servers take, without bounds.

    :param closed: with ``additionalProperties``
    """
    kept = {key: schema[key] for key in _STRUCTURE if key in schema and (closed or key[:3] != "add")}
    if "properties" in kept:
        inside = kept["properties"].items()
        kept["properties"] = {name: structure(part, closed=closed) for name, part in inside}
    if "items" in kept:
        kept["items"] = structure(kept["items"], closed=closed)
    return kept


def _object_misfits(value: dict[str, Any], schema: Schema, place: str) -> Iterator[str]:
    properties = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{place}.{name}: missing"
    for name, item in value.items():
        if name in properties:
            yield from misfits(item, properties[name], f"{place}.{name}")
        elif schema.get("additionalProperties", True) is False:
            yield f"{place}.{name}: unknown"


def _shown(value: Any) -> str:
    if value is None:
        return "null"
    text = str(value)
    return f"{_NAMES.get(type(value), 'value')} {text[:40]}{'…' if len(text) > 40 else ''}"
