"""What do the routes stand on? The engine, the tails and the overview, and what every route needs of them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import anyio
from starlette.requests import Request
from starlette.responses import Response

from jobs.engine import Engine
from jobs.hub import Hub
from jobs.store import rows, runs
from jobs.store.commit import Commit
from jobs.store.rows import Head
from jobs.web.descriptors import max_streams
from jobs.web.overview import Overview
from jobs.web.problem import Json, Refusal
from jobs.web.streaming import say_goodbye
from jobs.web.token import Login


@dataclass(frozen=True)
class Floor:
    """What the routes stand on; kept in the application's ``state`` while its lifespan lasts."""

    engine: Engine
    hub: Hub
    overview: Overview
    max_streams: int
    login: Login | None = None


@asynccontextmanager
async def standing(engine: Engine, login: Login | None) -> AsyncIterator[Floor]:
    """What the routes stand on, for as long as it stands: it hears of every commit of the engine."""
    hub = Hub(engine.tail_readers)
    overview = Overview(engine.readers)

    def committed(commit: Commit) -> None:
        hub.committed(commit)
        overview.committed(commit)

    engine.on_commit = committed
    async with anyio.create_task_group() as tasks:
        await tasks.start(hub.run)
        tasks.start_soon(say_goodbye, hub)
        await tasks.start(overview.run)
        try:
            yield Floor(engine, hub, overview, max_streams(), login)
        finally:
            tasks.cancel_scope.cancel()


def floor(request: Request) -> Floor:
    """What the routes stand on.

    :raises Refusal: 503, the application is mounted in another one that did not enter its lifespan
    """
    found: Floor | None = getattr(request.app.state, "floor", None)
    if found is None:
        raise Refusal(503, "not started: the outermost application must enter the lifespan of this one")
    return found


def listed(
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


async def resolve(request: Request, manager_id: str) -> str:
    """The id that ``latest`` stands for, or the id itself.

    :raises Refusal: 404, there is no manager yet
    """
    if manager_id != "latest":
        return manager_id
    found = await floor(request).engine.readers.run(runs.latest)
    if found is None:
        raise Refusal(404, "there is no manager yet")
    return found


async def head_of(request: Request, manager_id: str) -> Head:
    """How far a manager's log goes.

    :raises Refusal: 404, there is none
    """
    found = await floor(request).engine.readers.run(lambda db: rows.head(db, manager_id))
    if found is None:
        raise Refusal(404, f'there is no manager "{manager_id}"')
    return found


async def manager_of(request: Request, manager_id: str) -> dict[str, Any]:
    """A manager with its steps.

    :raises Refusal: 404, there is none
    """
    found = await floor(request).engine.readers.run(lambda db: runs.manager(db, manager_id))
    if found is None:
        raise Refusal(404, f'there is no manager "{manager_id}"')
    return found
