"""What does the data of each event of a stream look like? JSON Schemas by the events' names."""

from jobs.row import EVENTS
from jobs.status import STATUSES, WORKER_STATUSES
from jobs.web.openapi.json_schema import (
    COUNT,
    ID,
    LEVEL,
    NUMBER,
    SECONDS,
    STATUS,
    TEXT,
    TIME,
    Schema,
    array,
    one_of,
    or_null,
    record,
    ref,
)
from jobs.web.openapi.objects import JOB_COUNTS, PROGRESS, STEP_COUNTS
from jobs.web.stream import BATCH

OF_STEP = {"step_id": ID, "step_name": TEXT}
OF_JOB = {"job_id": ID, "parent_id": ID, "attempt": NUMBER}


def _row(event: str, description: str, required: dict[str, Schema], optional: dict[str, Schema]) -> Schema:
    """A row of the log: what every row has, and what this event adds."""
    every = {"seq": NUMBER, "event": {"const": event}, "manager_id": ID, "created_at": TIME}
    return record(description, {**every, **required}, optional)


def _last_seq(description: str) -> Schema:
    return record(description, {"last_seq": COUNT})


DATA: dict[str, Schema] = {
    "job_log": _row(
        "job_log",
        "A line.",
        {
            "originator": one_of("manager", "step", "worker", "system"),
            "level": LEVEL,
            "line_number": NUMBER,
            "message": TEXT,
        },
        {
            **OF_STEP,
            **OF_JOB,
            "data": {"description": "any JSON"},
            "truncated": {**NUMBER, "description": "bytes of the whole message"},
        },
    ),
    "job_status": _row(
        "job_status",
        "A manager, step or worker job has another status.",
        {
            "job_type": one_of("manager", "step", "worker"),
            "name": TEXT,
            "attempt": NUMBER,
            "status": STATUS,
            "previous": or_null(STATUS),
        },
        {**OF_STEP, **OF_JOB, "reason": TEXT, "duration": SECONDS},
    ),
    "step_progress": _row(
        "step_progress",
        "How far a step is.",
        {**OF_STEP, "status": STATUS, **JOB_COUNTS, "progress_text": TEXT},
        {"eta_seconds": SECONDS, "progress": {"type": "object", "additionalProperties": PROGRESS}},
    ),
    "manager_progress": _row(
        "manager_progress", "How far a run is.", {"status": STATUS, **STEP_COUNTS, **JOB_COUNTS}, {}
    ),
    BATCH: {
        **array({"anyOf": [ref(f"event.{name}") for name in EVENTS]}),
        "description": "Rows, many at a time.",
    },
    "snapshot": ref("ManagerWithSteps"),
    "ping": record("A sign of life.", {"last_seq": COUNT, "now": TIME}),
    "gap": record("Rows that are not kept any more.", {"from": NUMBER, "to": NUMBER}),
    "reset": _last_seq("The position is beyond the log: begin anew."),
    "bye": _last_seq("The service is stopping: come again."),
    "busy": record("There are too many streams: come later.", {"retry_seconds": SECONDS}),
    "end": record(
        "The run has ended and every row was sent.",
        {
            "status": STATUS,
            "last_seq": COUNT,
            "lines": {
                "type": "object",
                "additionalProperties": COUNT,
                "description": "by step; those of the manager itself by the empty name",
            },
            "total_lines": COUNT,
            "sent_lines": COUNT,
        },
    ),
    "stats": record(
        "How many there are of each status.",
        {
            "managers": record("All runs.", dict.fromkeys(STATUSES, COUNT)),
            "jobs": record("All worker jobs.", dict.fromkeys(WORKER_STATUSES, COUNT)),
        },
    ),
    "manager": ref("Manager"),
}
OF_PANELS = ("stats", "manager")
SCHEMAS = {f"event.{name}": schema for name, schema in DATA.items()}


def _event(name: str) -> Schema:
    """An event with this name, as OpenAPI describes one: its data is a text that holds JSON."""
    data = {"type": "string", "contentMediaType": "application/json", "contentSchema": ref(f"event.{name}")}
    return {
        "type": "object",
        "properties": {"event": {"const": name}, "id": TEXT, "data": data},
        "required": ["event", "data"],
    }


def stream(*, panel: bool = False) -> Schema:
    """The content of an answer that is a stream: which events may come, each as one of the schema.

    :param panel: also those about all managers
    """
    names = [name for name in DATA if panel or name not in OF_PANELS]
    return {"text/event-stream": {"schema": {"anyOf": [_event(name) for name in names]}}}
