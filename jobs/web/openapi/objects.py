"""What do the answers look like? JSON Schemas of managers, steps, worker jobs, documents and the rest."""

from jobs.row import LEVELS
from jobs.status import STATUSES, WORKER_STATUSES
from jobs.web.openapi.json_schema import (
    ANY_TIME,
    COUNT,
    FLAG,
    ID,
    LEVEL,
    NUMBER,
    SECONDS,
    STATUS,
    TEXT,
    TIME,
    WORKER_STATUS,
    Schema,
    array,
    one_of,
    or_null,
    record,
    ref,
)

PLACES = array(ref("Place"))

JOB_COUNTS = {"total_jobs": COUNT, **{f"{status}_jobs": COUNT for status in WORKER_STATUSES}}
STEP_COUNTS = {"total_steps": COUNT, **{f"{status}_steps": COUNT for status in STATUSES}}
LEVEL_COUNTS = record("Its lines by level.", dict.fromkeys(LEVELS, COUNT))
PROGRESS = record(
    "How far a worker job says it is.", {"done": {"type": "number"}, "total": or_null({"type": "number"})}
)
ATTEMPT = {
    "attempt": NUMBER,
    "reason": or_null(TEXT),
    "started_at": or_null(TIME),
    "finished_at": or_null(TIME),
    "duration": or_null(SECONDS),
}

MANAGER = {
    "id": ID,
    "manager_id": ID,
    "definition": TEXT,
    "name": TEXT,
    "status": STATUS,
    "params": {"type": "object"},
    "created_at": TIME,
    **ATTEMPT,
    **STEP_COUNTS,
    **JOB_COUNTS,
}
STEP = {
    "step_id": ID,
    "name": TEXT,
    "description": TEXT,
    "type": TEXT,
    "depends": array(TEXT),
    "status": STATUS,
    **ATTEMPT,
    **JOB_COUNTS,
    "lines": COUNT,
    "log_counts": LEVEL_COUNTS,
    "eta_seconds": or_null(SECONDS),
}
ERROR_GROUP = record(
    "Error lines with the same message.", {"message": TEXT, "count": NUMBER, "first_seq": NUMBER}
)
DOCUMENT = {
    "id": ID,
    "source_type": ID,
    "source_id": ID,
    "title": TEXT,
    "url": or_null(TEXT),
    "tags": array(TEXT),
    "metadata": {"type": "object"},
    "created_at": TIME,
    "updated_at": TIME,
}
DEFINED_STEP = record(
    "A step as its definition has it.",
    {
        "name": TEXT,
        "description": TEXT,
        "type": TEXT,
        "depends": array(TEXT),
        "on_error": one_of("continue", "fail", "fatal", "retry"),
        "always_run": FLAG,
        "concurrency": NUMBER,
        "timeout": or_null(SECONDS),
    },
)
DEFINITION = {
    "id": TEXT,
    "name": TEXT,
    "description": TEXT,
    "enabled": FLAG,
    "tags": array(TEXT),
    "schedule": TEXT,
    "timezone": TEXT,
    "timeout": or_null(SECONDS),
    "max_running": NUMBER,
    "params": {"type": "object"},
    "steps": array(DEFINED_STEP),
    "errors": PLACES,
    "error_lines": array(
        or_null(record("The line that an error is about.", {"line": NUMBER, "text": TEXT})),
    ),
    "warnings": PLACES,
    "file": TEXT,
    "shipped": FLAG,
    "next_run_at": or_null(ANY_TIME),
    "last_skipped": or_null(record("A due time that was skipped.", {"due_at": ANY_TIME, "reason": TEXT})),
}
STATE: Schema = {"type": "string", "description": "ok, or what is wrong"}

OBJECTS: dict[str, Schema] = {
    "Place": record("A mistake, and where it is.", {"where": TEXT, "message": TEXT}),
    "Problem": record(
        "Why a request was refused (RFC 9457).",
        {
            "type": {"const": "about:blank"},
            "title": TEXT,
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "detail": {"type": "string", "description": "one sentence for a person"},
        },
        {"errors": PLACES, "manager_id": {**ID, "description": "of 409: a run that is in the way"}},
    ),
    "Manager": record("A run of a definition.", MANAGER),
    "ManagerWithSteps": record(
        "A run of a definition, with its steps in file order.",
        {
            **MANAGER,
            "last_seq": COUNT,
            "log_counts": LEVEL_COUNTS,
            "error_groups": array(ERROR_GROUP),
            "toml": {"type": "string", "description": "the definition as it was when the run started"},
            "steps": array(ref("Step")),
        },
    ),
    "Step": record("A step of a run.", STEP),
    "WorkerJob": record(
        "A call of a worker function.",
        {
            "job_id": ID,
            "parent_id": ID,
            "step_id": ID,
            "step_name": TEXT,
            "name": {"type": "string", "description": "the function's"},
            "arguments": {"type": "object"},
            "status": WORKER_STATUS,
            **ATTEMPT,
            "result": {"description": "any JSON"},
            "progress": or_null(PROGRESS),
            "created_at": TIME,
        },
    ),
    "Pages": record(
        "The lines that are wanted.",
        {
            "total": COUNT,
            "pages": {
                **array(record("Where a page begins.", {"line": NUMBER, "before": COUNT})),
                "description": "of each page the line number of a line it begins with or after, and how many"
                " of the wanted lines are before it",
            },
            "last_seq": COUNT,
        },
    ),
    "Rate": record(
        "How many lines were written in each of some equal parts of the time that a log spans.",
        {"seconds": {"type": "number", "description": "how long a part is"}, "lines": array(COUNT)},
    ),
    "Document": record("What jobs found.", DOCUMENT),
    "DocumentWithText": record("What jobs found, with its text.", {**DOCUMENT, "text": TEXT}),
    "Definition": record("A job of several steps.", DEFINITION),
    "DefinitionWithSource": record(
        "A job of several steps, with its TOML text.", {**DEFINITION, "toml": TEXT}
    ),
    "Hit": record(
        "A line that holds the words.",
        {
            "manager_id": ID,
            "step_name": or_null(TEXT),
            "seq": NUMBER,
            "line_number": NUMBER,
            "level": LEVEL,
            "snippet": TEXT,
        },
    ),
    "Health": record(
        "Whether the service is alive.",
        {
            "status": one_of("ok", "failing"),
            "version": TEXT,
            "started_at": TIME,
            "writer": STATE,
            "runner": STATE,
            "database": STATE,
            "sqlite_version": TEXT,
            "synchronous": one_of("FULL", "NORMAL"),
        },
    ),
}
