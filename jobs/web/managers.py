"""How are runs looked at, cancelled and removed? The routes below ``/managers`` but those of the log."""

from functools import partial

from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import Response

from jobs.nearest import unknown
from jobs.resume import Busy
from jobs.retry import NothingToRetry
from jobs.runner import Stopping, TooManyRunning
from jobs.status import STATUSES, WORKER_STATUSES
from jobs.store import runs, worker_jobs
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
        try:
            await floor(request).engine.delete(head.manager_id)
        except Busy as error:
            raise Refusal(409, str(error)) from None
        return Response(status_code=204)


async def list_jobs(request: Request) -> Response:
    """``GET /managers/ID/jobs``"""
    query = Query(request, "step", "status", "limit", "after")
    steps, statuses = query.words("step"), query.words("status", WORKER_STATUSES)
    limit, after = query.limit(), query.text("after")
    head = await head_of(request, await resolve(request, request.path_params["id"]))
    readers, manager_id = floor(request).engine.readers, head.manager_id
    if after is not None and not await readers.run(lambda db: worker_jobs.has_job(db, manager_id, after)):
        raise Refusal(404, f'after: {manager_id} has no worker job "{after}"')
    found = await readers.run(
        lambda db: worker_jobs.worker_jobs(db, manager_id, steps, statuses, after, limit + 1)
    )
    cursor = found[limit - 1]["job_id"] if len(found) > limit else None
    return listed(request, found[:limit], "after", cursor, f"/managers/{manager_id}/jobs")


async def cancel(request: Request) -> Response:
    """``POST /managers/ID/cancel``: a manager, a step or a worker job."""
    body = await json_body(request, {"step": str, "job": str, "reason": str})
    Query(request)
    head = await head_of(request, await resolve(request, request.path_params["id"]))
    step, job = await _part(request, head.manager_id, body.get("step"), body.get("job"))
    runner = floor(request).engine.runner
    cancelled = False
    if not head.ended:
        cancelled = await runner.thread.call(runner.cancel(head.manager_id, body.get("reason"), step, job))
    if not cancelled:
        what = body.get("job") or body.get("step")
        status = (await head_of(request, head.manager_id)).status
        raise Refusal(409, f"{what} has ended" if what else f"{head.manager_id} has ended: {status}")
    return Json(await manager_of(request, head.manager_id), 202)


async def _part(
    request: Request, manager_id: str, step: str | None, job: str | None
) -> tuple[str | None, str | None]:
    """The step that is meant, by name, and the worker job, by id; a job is found without its step.

    :raises Refusal: 404, the manager has no such step or worker job
    """
    readers = floor(request).engine.readers
    if step is not None:
        names = await readers.run(lambda db: runs.step_names(db, manager_id))
        if step not in names:
            raise Refusal(404, f"step: {unknown('step', step, names)}")
    if job is not None:
        of = await readers.run(lambda db: worker_jobs.step_of_job(db, manager_id, job))
        if of is None or step not in (None, of):
            raise Refusal(404, f'job: {step or manager_id} has no worker job "{job}"')
        step = of
    return step, job


async def retry(request: Request) -> Response:
    """``POST /managers/ID/retry``: what did not complete, of all steps or of one."""
    body = await json_body(request, {"step": str})
    Query(request)
    head = await head_of(request, await resolve(request, request.path_params["id"]))
    step, _ = await _part(request, head.manager_id, body.get("step"), None)
    runner = floor(request).engine.runner
    try:
        await runner.thread.call(runner.retry(head.manager_id, step, "retried by a user"))
    except (Busy, NothingToRetry, ValueError) as error:
        raise Refusal(409, str(error)) from None
    except TooManyRunning as error:
        raise Refusal(409, str(error), manager_id=error.manager_id) from None
    except Stopping:
        raise Refusal(503, "the service is stopping") from None
    return Json(await manager_of(request, head.manager_id), 202)
