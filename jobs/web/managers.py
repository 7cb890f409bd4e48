"""How are runs looked at, cancelled and removed? The routes below ``/managers`` but those of the log."""

from functools import partial

from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import Response

from jobs.status import STATUSES, WORKER_STATUSES
from jobs.store import runs
from jobs.web.floor import floor, head_of, listed, manager_of, resolve
from jobs.web.problem import Json, Refusal
from jobs.web.request import Query, json_body


async def list_managers(request: Request) -> Response:
    """``GET /managers``"""
    query = Query(request, "status", "definition", "limit", "before")
    statuses, limit = query.words("status", STATUSES), query.limit()
    definition, before = query.text("definition"), query.text("before")
    readers = floor(request).engine.readers
    position = None
    if before is not None and (position := await readers.run(partial(runs.position, cursor=before))) is None:
        raise Refusal(404, f'before: there is no manager "{before}"')
    found = await readers.run(lambda db: runs.managers(db, statuses, definition, position, limit + 1))
    items = [manager for _, manager in found[:limit]]
    return listed(request, items, "before", found[limit - 1][0] if len(found) > limit else None)


class Manager(HTTPEndpoint):
    """``/managers/ID``"""

    async def get(self, request: Request) -> Response:
        """The manager with its steps."""
        Query(request)
        return Json(await manager_of(request, await resolve(request, request.path_params["id"])))

    async def delete(self, request: Request) -> Response:
        """Remove it, unless it runs."""
        await json_body(request, {})
        Query(request)
        head = await head_of(request, await resolve(request, request.path_params["id"]))
        if not head.ended:
            raise Refusal(409, f"{head.manager_id} is {head.status}; cancel it first")
        await floor(request).engine.delete(head.manager_id)
        return Response(status_code=204)


async def list_jobs(request: Request) -> Response:
    """``GET /managers/ID/jobs``"""
    query = Query(request, "step", "status", "limit", "after")
    steps, statuses = query.words("step"), query.words("status", WORKER_STATUSES)
    limit, after = query.limit(), query.text("after")
    head = await head_of(request, await resolve(request, request.path_params["id"]))
    readers, manager_id = floor(request).engine.readers, head.manager_id
    if after is not None and not await readers.run(lambda db: runs.has_job(db, manager_id, after)):
        raise Refusal(404, f'after: {manager_id} has no worker job "{after}"')
    found = await readers.run(lambda db: runs.jobs(db, manager_id, steps, statuses, after, limit + 1))
    cursor = found[limit - 1]["job_id"] if len(found) > limit else None
    return listed(request, found[:limit], "after", cursor, f"/managers/{manager_id}/jobs")


async def cancel(request: Request) -> Response:
    """``POST /managers/ID/cancel``"""
    body = await json_body(request, {"reason": str})
    Query(request)
    head = await head_of(request, await resolve(request, request.path_params["id"]))
    runner = floor(request).engine.runner
    if head.ended or not await runner.call(runner.cancel(head.manager_id, body.get("reason"))):
        raise Refusal(409, f"{head.manager_id} has ended: {(await head_of(request, head.manager_id)).status}")
    return Json(await manager_of(request, head.manager_id), 202)
