"""What can be asked for? Every route with its parameters, bodies, answers and statuses."""

from typing import Any

from jobs.status import STATUSES, WORKER_STATUSES
from jobs.web.openapi.content import EVENTS_OF_RUN, JSON, LOCATION, WITH_STEPS, answer, body, texts
from jobs.web.openapi.events import stream
from jobs.web.openapi.json_schema import TEXT, Schema, listing, one_of, ref
from jobs.web.openapi.parameters import (
    AFTER,
    AFTER_NUMBER,
    JOBS,
    LEVEL,
    LIMIT,
    LINE,
    MANAGER,
    MOST,
    NAME,
    OF_MANAGER,
    POSITIONING,
    SEQ,
    STEPS,
    TRUE_OR_FALSE,
    path,
    query,
    words,
)

Operation = dict[str, Any]
UNSAFE = ("POST", "DELETE")


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
