"""How does the document come about? Out of the tables beside it, with what every route of a kind shares."""

from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from jobs.engine import version
from jobs.web.floor import floor
from jobs.web.openapi.events import SCHEMAS
from jobs.web.openapi.json_schema import TEXT, Schema, ref
from jobs.web.openapi.objects import OBJECTS
from jobs.web.openapi.operations import OPERATIONS, UNSAFE, Operation
from jobs.web.problem import Json
from jobs.web.request import Query
from jobs.web.token import COOKIE

# The refusals, and the headers that come with them.
REFUSALS: dict[int, tuple[str, str | None]] = {
    400: ("Host, a query parameter, a key, a type or a value is wrong", None),
    401: ("the token is missing or wrong", "WWW-Authenticate"),
    403: ("it comes from a page of another origin", None),
    404: ("there is nothing of this name", None),
    405: ("the method is not possible here", "Allow"),
    409: ("the state does not allow it", None),
    413: ("the body is larger than 64 KiB", None),
    415: ("the body is not application/json", None),
    429: ("many wrong tokens are being tried", "Retry-After"),
    500: ("the service made a mistake", None),
    503: ("the service is stopping, or a part of it does not answer", None),
}
SCHEMES: dict[str, Schema] = {
    "token": {"type": "http", "scheme": "bearer", "description": "that of STEPSTREAM_TOKEN, if it is set"},
    "login": {"type": "apiKey", "in": "cookie", "name": COOKIE, "description": "from POST /login"},
}
DESCRIPTION = (
    "Runs jobs of several steps and streams every row of their log. HEAD is answered wherever GET is. "
    "Every answer from 400 on, but for that of GET /healthz, is a problem document."
)


async def openapi(request: Request) -> Response:
    """``GET /openapi.json``"""
    Query(request)
    return Json(document(request.scope.get("root_path", ""), needs_token=floor(request).login is not None))


def document(root_path: str = "", *, needs_token: bool = False) -> dict[str, Any]:
    """The document.

    :param root_path: where the routes are, if not at the root
    :param needs_token: whether a token is set
    """
    paths: dict[str, dict[str, Any]] = {}
    for route, operation in OPERATIONS.items():
        method, path = route.split(" ")
        paths.setdefault(path, {})[method.lower()] = _described(method, path, operation)
    ways: list[dict[str, list[str]]] = [{name: []} for name in SCHEMES]
    return {
        "openapi": "3.1.0",
        "info": {"title": "Stepstream", "version": version(), "description": DESCRIPTION},
        "servers": [{"url": root_path or "/"}],
        "security": ways if needs_token else [{}, *ways],
        "paths": paths,
        "components": {
            "schemas": {**OBJECTS, **SCHEMAS},
            "responses": {str(status): _refusal(status) for status in REFUSALS},
            "securitySchemes": SCHEMES,
        },
    }


def _described(method: str, path: str, operation: Operation) -> Schema:
    refusals = {400, 500, *operation["errors"]}
    if not operation["is_open"]:
        refusals |= {401, 429, 503}
    if method in UNSAFE:
        refusals |= {403, 413, 415}
    answers = {str(status): {"$ref": f"#/components/responses/{status}"} for status in refusals}
    answers |= {str(status): content for status, content in operation["answers"].items()}
    found: Schema = {
        "operationId": "_".join(
            [method.lower(), *path.replace("{", "").replace("}", "").strip("/").split("/")]
        ).strip("_"),
        "summary": operation["summary"],
        "parameters": operation["parameters"],
        "responses": dict(sorted(answers.items())),
    }
    if operation["takes"]:
        found["requestBody"] = operation["takes"]
    if operation["is_open"]:
        found["security"] = []
    return found


def _refusal(status: int) -> Schema:
    description, header = REFUSALS[status]
    found: Schema = {
        "description": f"{HTTPStatus(status).phrase}: {description}",
        "content": {"application/problem+json": {"schema": ref("Problem")}},
    }
    if header:
        found["headers"] = {header: {"schema": TEXT}}
    return found
