"""What can be asked for? Every route with its parameters, bodies, answers and statuses."""

from typing import Any

from jobs.row import EVENTS, LEVELS
from jobs.status import STATUSES, WORKER_STATUSES
from jobs.web.openapi.events import stream
from jobs.web.openapi.schemas import ID, TEXT, Schema, array, listing, one_of, ref
from jobs.web.request import DEFAULT_LIMIT, LARGEST, LIST_LIMIT

Operation = dict[str, Any]
JSON = "application/json"
UNSAFE = ("POST", "DELETE")

# -- parameters


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

# -- answers


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


def operation(
    summary: str,
    answers: dict[int, Schema],
    parameters: list[Schema] | None = None,
    *,
    errors: tuple[int, ...] = (),
    takes: Schema | None = None,
    is_open: bool = False,
) -> Operation:
    """A route.

    :param errors: the statuses of refusals besides those that every route of its kind has
    :param is_open: it needs no token
    """
    return {
        "summary": summary,
        "parameters": parameters or [],
        "answers": answers,
        "errors": errors,
        "takes": takes,
        "is_open": is_open,
    }


OPERATIONS: dict[str, Operation] = {
    "GET /": operation("The panel.", {200: texts("the page", "text/html")}, is_open=True),
    "GET /static/{file}": operation(
        "The panel's files.",
        {
            200: texts("a file", "text/html", "text/css", "text/javascript", "image/svg+xml"),
            304: answer("it is the one that the client has"),
        },
        [path("file", "its name")],
        errors=(404,),
        is_open=True,
    ),
    "GET /definitions": operation(
        "All definitions, those with errors too.",
        {200: answer("definitions by id", listing(ref("Definition")))},
        [LIMIT, AFTER],
    ),
    "GET /definitions/{name}": operation(
        "One definition, with its source.",
        {200: answer("the definition", ref("DefinitionWithSource"))},
        [NAME],
        errors=(404,),
    ),
    "POST /definitions/{name}/runs": operation(
        "Starts a run.",
        {
            200: {**EVENTS_OF_RUN, **answer("with follow: its stream", Location=LOCATION)},
            201: answer("the new manager", WITH_STEPS, Location=LOCATION),
        },
        [NAME, query("follow", "true: answer with the run's stream", TRUE_OR_FALSE)],
        errors=(404, 409),
        takes=body("Values for the definition's parameters.", params={"type": "object"}),
    ),
    "GET /managers": operation(
        "Runs, newest first.",
        {200: answer("managers", listing(ref("Manager")))},
        [
            words("status", "only these statuses", *STATUSES),
            query("definition", "only runs of this definition"),
            LIMIT,
            query("before", "only managers created before this one"),
        ],
        errors=(404,),
    ),
    "GET /managers/{id}": operation(
        "A run with its steps.", {200: answer("the manager", WITH_STEPS)}, [MANAGER], errors=(404,)
    ),
    "DELETE /managers/{id}": operation(
        "Removes a run that has ended, with its rows.",
        {204: answer("it is gone")},
        [MANAGER],
        errors=(404, 409),
    ),
    "GET /managers/{id}/jobs": operation(
        "A run's worker jobs, in the order of spawning.",
        {200: answer("worker jobs", listing(ref("WorkerJob")))},
        [
            MANAGER,
            STEPS,
            words("status", "only these statuses", *WORKER_STATUSES),
            LIMIT,
            query("after", "only those spawned after this worker job"),
        ],
        errors=(404,),
    ),
    "GET /managers/{id}/events": operation(
        "A run's stream.",
        {200: EVENTS_OF_RUN, 204: answer("the client has all, its end too")},
        [MANAGER, *POSITIONING],
        errors=(404,),
    ),
    "GET /managers/{id}/log": operation(
        "A run's lines.",
        {
            200: {
                "description": "lines, in the form that format or Accept asks for",
                "content": {
                    **texts("", "text/plain", "application/x-ndjson")["content"],
                    JSON: {"schema": listing(ref("event.job_log"))},
                },
            }
        },
        [
            MANAGER,
            query("format", "wins over Accept", one_of("text", "ndjson", "json")),
            query("follow", "true: go on until the run ends; not with json", TRUE_OR_FALSE),
            query("after", "begin behind this seq", SEQ),
            query("before", "end before this seq; not with follow", SEQ),
            query("tail", "only the last so many lines", SEQ),
            query("line", "begin at this line number of the one step, or of the manager's own lines", LINE),
            query("limit", "at most so many lines", MOST),
            STEPS,
            JOBS,
            LEVEL,
            query("q", "only lines in which all these words occur"),
            query("color", "true: text with ANSI colours", TRUE_OR_FALSE),
        ],
        errors=(404,),
    ),
    "GET /managers/{id}/log/pages": operation(
        "How many lines of a step, or of the manager itself, are wanted, and where pages of them begin.",
        {200: answer("the pages", ref("Pages"))},
        [MANAGER, STEPS, JOBS, LEVEL],
        errors=(404,),
    ),
    "GET /managers/{id}/log/rate": operation(
        "How many lines were written when.", {200: answer("the rate", ref("Rate"))}, [MANAGER], errors=(404,)
    ),
    "POST /managers/{id}/cancel": operation(
        "Cancels a run, one step or one worker job of it.",
        {202: answer("the manager, once the rows about that are committed", WITH_STEPS)},
        [MANAGER],
        errors=(404, 409),
        takes=body("What, and why; all of it where nothing is named.", step=TEXT, job=TEXT, reason=TEXT),
    ),
    "POST /managers/{id}/retry": operation(
        "Runs again what did not complete.",
        {202: answer("the manager, pending again", WITH_STEPS)},
        [MANAGER],
        errors=(404, 409),
        takes=body("Only one step; all of them where none is named.", step=TEXT),
    ),
    "GET /events": operation(
        "What a panel shows: totals, managers, and the stream of one run.",
        {200: {"description": "it does not end by itself", "content": stream(panel=True)}},
        [query("manager_id", "the run whose rows come, too; may be latest", TEXT), *POSITIONING],
        errors=(404,),
    ),
    "GET /search": operation(
        "Lines in which all words occur.",
        {200: answer("lines, oldest first", listing(ref("Hit")))},
        [
            query(
                "q", "words; there is no query syntax", {"type": "string", "pattern": "\\S"}, required=True
            ),
            OF_MANAGER,
            STEPS,
            LEVEL,
            LIMIT,
            AFTER_NUMBER,
        ],
        errors=(404,),
    ),
    "GET /documents": operation(
        "What jobs found, in the order of first saving.",
        {
            200: {
                "description": "documents; as CSV all of them where no limit is given",
                "content": {JSON: {"schema": listing(ref("Document"))}, "text/csv": {"schema": TEXT}},
            }
        },
        [
            OF_MANAGER,
            query("source_type", "only of this type"),
            words("tag", "only those that have all these tags"),
            query("q", "only those in whose title or text all these words occur"),
            query("format", "json where absent", one_of("json", "csv")),
            LIMIT,
            AFTER_NUMBER,
        ],
        errors=(404,),
    ),
    "GET /documents/{id}": operation(
        "One document, with its text.",
        {200: answer("the document", ref("DocumentWithText"))},
        [path("id", "the id of a document")],
        errors=(404,),
    ),
    "GET /healthz": operation(
        "Whether the service is alive.",
        {200: answer("all is well", ref("Health")), 503: answer("something is not", ref("Health"))},
        is_open=True,
    ),
    "GET /metrics": operation("Figures for Prometheus.", {200: texts("the figures", "text/plain")}),
    "GET /openapi.json": operation("This document.", {200: answer("OpenAPI 3.1", {"type": "object"})}),
    "POST /login": operation(
        "Lets a browser in.",
        {204: answer("it is let in", Set_Cookie="HttpOnly, SameSite=Strict")},
        errors=(401, 409, 429),
        takes=body("The token.", token=TEXT),
        is_open=True,
    ),
}
