"""How are definitions listed and run? The routes below ``/definitions``."""

from typing import Any

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response

from jobs.catalogue import listing
from jobs.definition import Definition, params_for
from jobs.engine import Engine
from jobs.params import BadParams
from jobs.runner import Stopping, TooManyRunning
from jobs.store.rows import RowFilter
from jobs.web.floor import floor, head_of, listed, manager_of
from jobs.web.log import SSE, follower_of, stream_of
from jobs.web.problem import Json, Refusal
from jobs.web.request import Query, json_body, preferred
from jobs.web.stream import EventView

RUN_FORMS = {"application/json": "json", SSE: "events"}


async def list_definitions(request: Request) -> Response:
    """``GET /definitions``"""
    query = Query(request, "limit", "after")
    limit, after = query.limit(), query.text("after") or ""
    engine = floor(request).engine
    found = [each for each in await to_thread.run_sync(engine.catalogue.all) if each.id > after]
    items = await to_thread.run_sync(lambda: [_item(engine, definition) for definition in found[:limit]])
    return listed(request, items, "after", items[-1]["id"] if len(found) > limit else None)


async def get_definition(request: Request) -> Response:
    """``GET /definitions/NAME``"""
    Query(request)
    definition = await _definition(request)
    item = await to_thread.run_sync(_item, floor(request).engine, definition)
    return Json({**item, "toml": definition.toml})


def _item(engine: Engine, definition: Definition) -> dict[str, Any]:
    return {**listing(definition), **engine.scheduler.outlook(definition)}


async def _definition(request: Request) -> Definition:
    name = request.path_params["name"]
    found = await to_thread.run_sync(floor(request).engine.catalogue.get, name)
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
    engine = floor(request).engine
    try:
        manager_id = await engine.runner.thread.call(engine.runner.start(definition, params))
    except TooManyRunning as error:
        raise Refusal(409, str(error), manager_id=error.manager_id) from None
    except ValueError as error:  # a variable of the environment that was there when the file was read
        raise Refusal(409, str(error)) from None
    except Stopping:
        raise Refusal(503, "the service is stopping") from None
    headers = {"Location": f"{request.scope.get('root_path', '')}/managers/{manager_id}"}
    if follow:
        head = await head_of(request, manager_id)
        return stream_of(request, follower_of(request, head, EventView(RowFilter()), 0).events(), headers)
    return Json(await manager_of(request, manager_id), 201, headers)
