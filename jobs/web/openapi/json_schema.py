"""How is a value described? In JSON Schema: objects, lists and choices, and the simple values in them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from jobs.row import LEVELS
from jobs.status import STATUSES, WORKER_STATUSES

Schema = dict[str, Any]
NOTHING: Mapping[str, Schema] = MappingProxyType({})


def record(
    description: str, required: Mapping[str, Schema], optional: Mapping[str, Schema] = NOTHING
) -> Schema:
    """An object with these members."""
    return {
        "type": "object",
        "description": description,
        "properties": {**required, **optional},
        "required": list(required),
    }


def ref(name: str) -> Schema:
    """A schema by its name."""
    return {"$ref": f"#/components/schemas/{name}"}


def or_null(schema: Schema) -> Schema:
    """The same, or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def listing(item: Schema) -> Schema:
    """A list of which more may follow."""
    following = {**or_null(TEXT), "description": "where the list goes on; followed as it is"}
    return record("A part of a list.", {"items": array(item), "next": following})


def array(item: Schema) -> Schema:
    """An array."""
    return {"type": "array", "items": item}


def one_of(*words: str) -> Schema:
    """One of some words."""
    return {"type": "string", "enum": list(words)}


TEXT: Schema = {"type": "string"}
FLAG: Schema = {"type": "boolean"}
COUNT: Schema = {"type": "integer", "minimum": 0}
NUMBER: Schema = {"type": "integer", "minimum": 1}
SECONDS: Schema = {"type": "number", "minimum": 0, "description": "seconds"}
TIME: Schema = {
    "type": "string",
    "format": "date-time",
    "pattern": "^[0-9]{4}(-[0-9]{2}){2}T[0-9]{2}(:[0-9]{2}){2}\\.[0-9]{6}Z$",
    "description": "UTC",
}
ANY_TIME: Schema = {"type": "string", "format": "date-time", "description": "UTC"}
STATUS = one_of(*STATUSES)
WORKER_STATUS = one_of(*WORKER_STATUSES)
LEVEL = one_of(*LEVELS)
ID: Schema = {"type": "string", "minLength": 1}
