"""What is in a body? JSON, a text or a stream, as an answer has it with its headers, or JSON of a request."""

from jobs.web.openapi.events import stream
from jobs.web.openapi.json_schema import TEXT, Schema, ref

JSON = "application/json"


def answer(description: str, schema: Schema | None = None, **headers: str) -> Schema:
    """An answer in JSON, or one without a body."""
    found: Schema = {"description": description}
    if schema is not None:
        found["content"] = {JSON: {"schema": schema}}
    if headers:
        found["headers"] = {
            name.replace("_", "-"): {"description": text, "schema": TEXT} for name, text in headers.items()
        }
    return found


def texts(description: str, *media_types: str) -> Schema:
    """An answer that is no JSON."""
    return {"description": description, "content": {each: {"schema": TEXT} for each in media_types}}


def body(description: str, **properties: Schema) -> Schema:
    """A JSON body."""
    schema = {
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "required": [name for name in properties if name == "token"],
    }
    return {
        "description": description,
        "required": bool(schema["required"]),
        "content": {JSON: {"schema": schema}},
    }


LOCATION = "the manager's path"
EVENTS_OF_RUN = {"description": "the run, from the position to its end", "content": stream()}
WITH_STEPS = ref("ManagerWithSteps")
