"""Does anybody still wait for the answer? Who has left gives up the turn to read for those who have not."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import wraps

import anyio
from starlette.requests import Request
from starlette.responses import Response

Endpoint = Callable[[Request], Awaitable[Response]]
CLOSED_REQUEST = 499  # nobody gets it


def awaited(endpoint: Endpoint) -> Endpoint:
    """An endpoint that is cancelled when its client leaves, as a panel does that is scrolled fast."""

    @wraps(endpoint)
    async def answer(request: Request) -> Response:
        response = Response(status_code=CLOSED_REQUEST)
        with anyio.CancelScope() as scope:
            leaving = asyncio.create_task(_until_gone(request, scope))
            try:
                response = await endpoint(request)
            finally:
                leaving.cancel()
        return response

    return answer


async def _until_gone(request: Request, scope: anyio.CancelScope) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    scope.cancel()
