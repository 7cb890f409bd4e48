"""Which addresses are there? The routes, each a short way from a request to the log, the runner or a file."""

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from anyio import to_thread
from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route

from jobs.catalogue import listing
from jobs.definition import BadParams, Definition, params_for
from jobs.engine import Engine
from jobs.nearest import quoted
from jobs.row import EVENTS, LEVELS
from jobs.runner import Stopping, TooManyRunning
from jobs.status import STATUSES, WORKER_STATUSES
from jobs.store import documents, rows, runs, search
from jobs.store.rows import Head, RowFilter
from jobs.tail import Hub
from jobs.web.files import Static, WholeFile
from jobs.web.problem import Json, Refusal, wrong
from jobs.web.request import Query, json_body, preferred
from jobs.web.stream import EventView, Follower, Position, Stream, busy, parse_position
from jobs.web.text_log import Reading, Wanted, before_last

SSE = "text/event-stream"
RUN_FORMS = {"application/json": "json", SSE: "events"}
LOG_FORMS = {"text/plain": "text", "application/x-ndjson": "ndjson", "application/json": "json"}


@dataclass(frozen=True)
class Floor:
    """What the routes stand on; in ``request.state``."""

    engine: Engine
    hub: Hub
    max_streams: int


def _floor(request: Request) -> Floor:
    floor: Floor = request.state.floor
    return floor


# -- definitions


async def list_definitions(request: Request) -> Response:
    """``GET /definitions``"""
    Query(request)
    found = await to_thread.run_sync(_floor(request).engine.catalogue.all)
    return Json({"items": [listing(definition) for definition in found], "next": None})


async def get_definition(request: Request) -> Response:
    """``GET /definitions/NAME``"""
    Query(request)
    definition = await _definition(request)
    return Json({**listing(definition), "toml": definition.toml})


async def _definition(request: Request) -> Definition:
    name = request.path_params["name"]
    found = await to_thread.run_sync(_floor(request).engine.catalogue.get, name)
    if found is None:
        raise Refusal(404, f'there is no definition "{name}"')
    return found


async def start_run(request: Request) -> Response:
    """``POST /definitions/NAME/runs``"""
    body = await json_body(request, {"params": dict})
    follow = Query(request, "follow").flag("follow") or preferred(request, RUN_FORMS, "json") == "events"
    definition = await _definition(request)
    errors = [{"where": each.where, "message": each.message} for each in definition.errors]
    if errors:
        raise Refusal(409, f"{definition.id} has errors and cannot be run", errors)
    try:
        params = params_for(definition, body.get("params", {}))
    except BadParams as error:
        problems = [{"where": each.where, "message": each.message} for each in error.problems]
        raise Refusal(400, "; ".join(f"{p['where']}: {p['message']}" for p in problems), problems) from None
    if not definition.enabled:
        raise Refusal(409, f"{definition.id} is disabled (enabled = false)")
    engine = _floor(request).engine
    try:
        manager_id = await engine.runner.call(engine.runner.start(definition, params))
    except TooManyRunning as error:
        raise Refusal(409, str(error), manager_id=error.manager_id) from None
    except ValueError as error:  # a variable of the environment that was there when the file was read
        raise Refusal(409, str(error)) from None
    except Stopping:
        raise Refusal(503, "the service is stopping") from None
    headers = {"Location": f"{request.scope.get('root_path', '')}/managers/{manager_id}"}
    if follow:
        head = await _head(request, manager_id)
        return _stream(request, head, EventView(RowFilter()), 0, headers=headers)
    return Json(await _manager(request, manager_id), 201, headers)


# -- managers


async def list_managers(request: Request) -> Response:
    """``GET /managers``"""
    query = Query(request, "status", "definition", "limit", "before")
    statuses, limit = query.words("status", STATUSES), query.limit()
    definition, before = query.text("definition"), query.text("before")
    readers = _floor(request).engine.readers
    position = None
    if before is not None and (position := await readers.run(partial(runs.position, cursor=before))) is None:
        raise Refusal(404, f'before: there is no manager "{before}"')
    found = await readers.run(lambda db: runs.managers(db, statuses, definition, position, limit + 1))
    items = [manager for _, manager in found[:limit]]
    return _list(request, items, "before", found[limit - 1][0] if len(found) > limit else None)


def _list(
    request: Request,
    items: list[dict[str, Any]],
    cursor: str,
    value: object,
    path: str | None = None,
    **resolved: str | None,
) -> Response:
    """A list, and where it goes on: the same request from the cursor.

    :param path: default: that of the request
    :param resolved: parameters in other words: ``latest`` may be another manager by then
    """
    following = None
    if value is not None:
        parameters = {**request.query_params, **{k: v for k, v in resolved.items() if v}, cursor: value}
        root = request.scope.get("root_path", "")
        following = f"{root}{path or request.scope['path'].removeprefix(root)}?{urlencode(parameters)}"
    return Json({"items": items, "next": following})


async def _resolve(request: Request, manager_id: str) -> str:
    """The id that ``latest`` stands for, or the id itself."""
    if manager_id != "latest":
        return manager_id
    found = await _floor(request).engine.readers.run(runs.latest)
    if found is None:
        raise Refusal(404, "there is no manager yet")
    return found


async def _head(request: Request, manager_id: str) -> Head:
    found = await _floor(request).engine.readers.run(lambda db: rows.head(db, manager_id))
    if found is None:
        raise Refusal(404, f'there is no manager "{manager_id}"')
    return found


async def _manager(request: Request, manager_id: str) -> dict[str, Any]:
    found = await _floor(request).engine.readers.run(lambda db: runs.manager(db, manager_id))
    if found is None:
        raise Refusal(404, f'there is no manager "{manager_id}"')
    return found


class Manager(HTTPEndpoint):
    """``/managers/ID``"""

    async def get(self, request: Request) -> Response:
        """The manager with its steps."""
        Query(request)
        return Json(await _manager(request, await _resolve(request, request.path_params["id"])))

    async def delete(self, request: Request) -> Response:
        """Remove it, unless it runs."""
        await json_body(request, {})
        Query(request)
        head = await _head(request, await _resolve(request, request.path_params["id"]))
        if not head.ended:
            raise Refusal(409, f"{head.manager_id} is {head.status}; cancel it first")
        await _floor(request).engine.delete(head.manager_id)
        return Response(status_code=204)


async def list_jobs(request: Request) -> Response:
    """``GET /managers/ID/jobs``"""
    query = Query(request, "step", "status", "limit", "after")
    steps, statuses = query.words("step"), query.words("status", WORKER_STATUSES)
    limit, after = query.limit(), query.text("after")
    head = await _head(request, await _resolve(request, request.path_params["id"]))
    readers, manager_id = _floor(request).engine.readers, head.manager_id
    if after is not None and not await readers.run(lambda db: runs.has_job(db, manager_id, after)):
        raise Refusal(404, f'after: {manager_id} has no worker job "{after}"')
    found = await readers.run(lambda db: runs.jobs(db, manager_id, steps, statuses, after, limit + 1))
    cursor = found[limit - 1]["job_id"] if len(found) > limit else None
    return _list(request, found[:limit], "after", cursor, f"/managers/{manager_id}/jobs")


async def cancel(request: Request) -> Response:
    """``POST /managers/ID/cancel``"""
    body = await json_body(request, {"reason": str})
    Query(request)
    head = await _head(request, await _resolve(request, request.path_params["id"]))
    runner = _floor(request).engine.runner
    if head.ended or not await runner.call(runner.cancel(head.manager_id, body.get("reason"))):
        raise Refusal(409, f"{head.manager_id} has ended: {(await _head(request, head.manager_id)).status}")
    return Json(await _manager(request, head.manager_id), 202)


# -- the log


async def stream_events(request: Request) -> Response:
    """``GET /managers/ID/events``"""
    query = Query(request, "after", "tail", "step", "job", "events", "level")
    chosen = _filter(query, events=query.words("events", EVENTS))
    latest = request.path_params["id"] == "latest"
    tail = query.number("tail")
    position = Position(0)
    if (after := query.raw("after")) is not None:
        parsed = parse_position(after, latest=latest)
        if parsed is None:
            raise wrong("after", f"expected SEQ or SEQ-end, got {quoted(after)}")
        position, tail = parsed, None
    if last_id := request.headers.get("last-event-id"):
        # One that cannot be ours is answered like one beyond the log: the client starts again.
        position, tail = parse_position(last_id, latest=latest) or Position(2**63), None
    if latest and position.manager_id:
        known = await _floor(request).engine.readers.run(lambda db: rows.head(db, position.manager_id or ""))
        head = known or await _head(request, await _resolve(request, "latest"))
        if known is None:
            position = Position(2**63)
    else:
        head = await _head(request, await _resolve(request, request.path_params["id"]))
    if head.ended and position.ended and position.seq == head.last_seq:
        return Response(status_code=204)
    view = EventView(chosen, f"{head.manager_id}:" if latest else "")
    return _stream(request, head, view, position.seq, tail)


def _filter(query: Query, events: tuple[str, ...] = ()) -> RowFilter:
    level = query.choice("level", LEVELS)
    return RowFilter(
        frozenset(query.words("step")),
        frozenset(query.words("job")),
        frozenset(events),
        frozenset(LEVELS[LEVELS.index(level) :]) if level else frozenset(),
    )


def _stream(
    request: Request,
    head: Head,
    view: EventView,
    position: int,
    tail: int | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    floor = _floor(request)
    if floor.hub.viewers >= floor.max_streams:
        return Stream(busy(), floor.hub, SSE, dict(headers or {}))
    follower = Follower(floor.hub, floor.engine.readers, head, view, position, tail)
    return Stream(follower.events(), floor.hub, SSE, dict(headers or {}))


async def read_log(request: Request) -> Response:
    """``GET /managers/ID/log``"""
    names = ("after", "before", "tail", "limit", "step", "job", "level", "q", "follow", "format", "color")
    query = Query(request, *names)
    form = query.choice("format", ("text", "ndjson", "json")) or preferred(request, LOG_FORMS, "text")
    follow = query.flag("follow")
    if follow and form == "json":
        raise wrong("follow", "a JSON list ends; follow with format=text or format=ndjson")
    if follow and "before" in query:
        raise wrong("before", "a log that is followed has no end yet")
    chosen = _filter(query)
    states = form == "text" and not (chosen.levels or chosen.jobs)
    after, tail, before = query.number("after"), query.number("tail"), query.number("before")
    limit = query.number("limit", 1, 1000)
    head = await _head(request, await _resolve(request, request.path_params["id"]))
    floor = _floor(request)
    wanted = Wanted(chosen, query.text("q") or "", states)
    position = after or 0
    if tail is not None and after is None:
        upto = head.last_seq if before is None else min(max(before - 1, 0), head.last_seq)
        position = await floor.engine.readers.run(
            partial(before_last, manager_id=head.manager_id, wanted=wanted, count=tail, upto=upto)
        )
    reading = Reading(floor.hub, floor.engine.readers, head, wanted, position, before, limit, follow)
    if form == "json":
        reading.limit = query.limit()
        items = await reading.as_list()
        cursor = reading.position if reading.cut else None
        return _list(request, items, "after", cursor, f"/managers/{head.manager_id}/log", format="json")
    if form == "ndjson":
        return Stream(reading.as_ndjson(), floor.hub, "application/x-ndjson")
    return Stream(reading.as_text(color=query.flag("color")), floor.hub, "text/plain; charset=utf-8")


async def search_lines(request: Request) -> Response:
    """``GET /search``"""
    query = Query(request, "q", "manager_id", "level", "limit", "after")
    words = search.Words(query.text("q") or "")
    if not words.words:
        raise wrong("q", "expected words to look for")
    level = query.choice("level", LEVELS)
    levels = LEVELS[LEVELS.index(level) :] if level else ()
    limit, after = query.limit(), query.number("after") or 0
    manager_id = query.text("manager_id")
    if manager_id is not None:
        manager_id = (await _head(request, await _resolve(request, manager_id))).manager_id
    found = await _floor(request).engine.readers.run(
        lambda db: search.search(db, words, manager_id, levels, after, limit + 1)
    )
    items = [hit for _, hit in found[:limit]]
    cursor = found[limit - 1][0] if len(found) > limit else None
    return _list(request, items, "after", cursor, manager_id=manager_id)


# -- documents

CSV_COLUMNS = (
    "id",
    "source_type",
    "source_id",
    "title",
    "url",
    "tags",
    "metadata",
    "created_at",
    "updated_at",
)


async def list_documents(request: Request) -> Response:
    """``GET /documents``"""
    query = Query(request, "manager_id", "source_type", "tag", "q", "format", "limit", "after")
    form, limit, after = query.choice("format", ("json", "csv")), query.limit(), query.number("after") or 0
    manager_id = query.text("manager_id")
    if manager_id is not None:
        manager_id = (await _head(request, await _resolve(request, manager_id))).manager_id
    whole = form == "csv" and "limit" not in query
    found = await _floor(request).engine.readers.run(
        partial(
            documents.documents,
            manager_id=manager_id,
            source_type=query.text("source_type"),
            tags=query.words("tag"),
            query=query.text("q") or "",
            after=after,
            limit=None if whole else limit + 1,
        )
    )
    items = [document for _, document in found]
    if form == "csv":
        body = _csv(items if whole else items[:limit])
        return Response(body, media_type="text/csv; charset=utf-8")
    cursor = found[limit - 1][0] if len(found) > limit else None
    return _list(request, items[:limit], "after", cursor, manager_id=manager_id)


def _csv(items: list[dict[str, Any]]) -> bytes:
    """Documents as comma-separated values (RFC 4180); tags and metadata as JSON."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(CSV_COLUMNS)
    for item in items:
        writer.writerow([_cell(item[column]) for column in CSV_COLUMNS])
    return text.getvalue().encode("utf-8", "replace")


def _cell(value: Any) -> Any:
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)
    # A spreadsheet runs what begins like a formula; a leading quote makes it a text (CWE-1236).
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


async def get_document(request: Request) -> Response:
    """``GET /documents/ID``"""
    Query(request)
    identity = request.path_params["id"]
    found = await _floor(request).engine.readers.run(lambda db: documents.document(db, identity))
    if found is None:
        raise Refusal(404, f'there is no document "{identity}"')
    return Json(found)


# -- the service


async def healthz(request: Request) -> Response:
    """``GET /healthz``"""
    Query(request)
    state = await to_thread.run_sync(_floor(request).engine.health)
    return Json(state, 200 if state["status"] == "ok" else 503)


def routes(static: Path) -> list[BaseRoute]:
    """All routes.

    :param static: the folder of the panel's files
    """

    async def panel(request: Request) -> Response:
        Query(request)
        return WholeFile(static / "index.html", headers={"Cache-Control": "no-cache"})

    return [
        Route("/", panel),
        Mount("/static", Static(directory=static)),
        Route("/definitions", list_definitions),
        Route("/definitions/{name}", get_definition),
        Route("/definitions/{name}/runs", start_run, methods=["POST"]),
        Route("/managers", list_managers),
        Route("/managers/{id}", Manager),
        Route("/managers/{id}/jobs", list_jobs),
        Route("/managers/{id}/events", stream_events),
        Route("/managers/{id}/log", read_log),
        Route("/managers/{id}/cancel", cancel, methods=["POST"]),
        Route("/search", search_lines),
        Route("/documents", list_documents),
        Route("/documents/{id}", get_document),
        Route("/healthz", healthz),
    ]
