"""Which parameters may a request have? In its path, its query and one header."""

from typing import Any

from jobs.row import EVENTS, LEVELS
from jobs.web.openapi.json_schema import ID, TEXT, Schema, array, one_of
from jobs.web.request import DEFAULT_LIMIT, LARGEST, LIST_LIMIT


def query(name: str, description: str, schema: Schema = TEXT, **more: Any) -> Schema:
    """A query parameter."""
    return {"name": name, "in": "query", "description": description, "schema": schema, **more}


def words(name: str, description: str, *choices: str) -> Schema:
    """A query parameter of words with commas between them."""
    item = one_of(*choices) if choices else {"type": "string", "minLength": 1}
    return query(name, description, array(item), style="form", explode=False)


def path(name: str, description: str) -> Schema:
    """A part of the path."""
    return {"name": name, "in": "path", "required": True, "description": description, "schema": ID}


SEQ: Schema = {"type": "integer", "minimum": 0, "maximum": LARGEST}
TRUE_OR_FALSE = one_of("true", "false")
LINE: Schema = {"type": "integer", "minimum": 1, "maximum": LARGEST}
MOST: Schema = {"type": "integer", "minimum": 1, "maximum": LIST_LIMIT}
LIMIT = query("limit", "how many", {**MOST, "default": DEFAULT_LIMIT})
AFTER = query("after", "as next has it")
AFTER_NUMBER = query("after", "as next has it", SEQ)
NAME = path("name", "the id of a definition")
MANAGER = path("id", "the id of a manager, or latest")
OF_MANAGER = query("manager_id", "only of this run; may be latest")
STEPS = words("step", "only of these steps, by name")
JOBS = words("job", "only of these worker jobs, by id")
LEVEL = query("level", "lines of at least this level", one_of(*LEVELS))
POSITION: Schema = {"type": "string", "pattern": "^[0-9]{1,18}(-end)?$"}
POSITIONING = [
    query("after", "go on behind this position; of latest it is ID:SEQ too", POSITION),
    query("tail", "begin with a snapshot and the last so many rows that pass the filters", SEQ),
    STEPS,
    JOBS,
    words("events", "only rows of these events", *EVENTS),
    LEVEL,
    query("batch", "true: rows come many at a time, as events rows", TRUE_OR_FALSE),
    {
        "name": "Last-Event-ID",
        "in": "header",
        "description": "wins over after and tail",
        "schema": TEXT,
    },
]
