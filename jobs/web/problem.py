"""How is a request refused? Every answer from 400 on is ``application/problem+json`` (RFC 9457)."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from jobs.loop_call import Blocked
from jobs.row import encode
from jobs.store.reader import ReadError
from jobs.store.writer import Closed
from jobs.web.headers import SAFETY


class Json(JSONResponse):
    """JSON in ASCII: also what has no form in UTF-8, a lone surrogate, gets through."""

    def render(self, content: Any) -> bytes:
        """The body."""
        return encode(content).encode("ascii") + b"\n"  # a terminal's prompt comes on a line of its own


class Refusal(Exception):
    """A request that is not granted.

    :param status: 4xx or 5xx
    :param detail: what is wrong, in one sentence for a person
    :param errors: the places of several mistakes, ``{"where", "message"}`` each
    :param extra: further members of the answer
    """

    def __init__(
        self,
        status: int,
        detail: str,
        errors: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = errors
        self.headers = headers
        self.extra = extra

    def response(self) -> Response:
        """The answer."""
        return problem(self.status, self.detail, self.errors, self.headers, **self.extra)


def wrong(where: str, message: str) -> Refusal:
    """A 400 about one place of the request."""
    return Refusal(400, f"{where}: {message}", [{"where": where, "message": message}])


def problem(
    status: int,
    detail: str,
    errors: Sequence[Mapping[str, str]] = (),
    headers: Mapping[str, str] | None = None,
    **extra: Any,
) -> Response:
    """A problem document."""
    content: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        **extra,
    }
    if errors:
        content["errors"] = list(errors)
    return Json(content, status, headers, media_type="application/problem+json")


async def _on_refusal(request: Request, error: Exception) -> Response:
    """Answers a ``Refusal``."""
    assert isinstance(error, Refusal)
    return error.response()


async def _on_read_error(request: Request, error: Exception) -> Response:
    """Answers where the database cannot be read."""
    return problem(503, f"the database cannot be read now: {error}")


async def _on_blocked(request: Request, error: Exception) -> Response:
    """Answers where the jobs' event loop does not answer."""
    return problem(503, str(error))


async def _on_closed(request: Request, error: Exception) -> Response:
    """Answers where nothing is written any more: at a stop, or when the writer has died."""
    return problem(503, "the service is stopping")


async def _on_http_exception(request: Request, error: Exception) -> Response:
    """Answers what Starlette itself refuses: unknown paths, methods, bodies that are too large."""
    assert isinstance(error, HTTPException)
    details = {
        404: f"there is nothing at {request.scope['path']}",
        405: f"{request.method} is not possible here",
    }
    return problem(error.status_code, details.get(error.status_code, error.detail), headers=error.headers)


async def _on_error(request: Request, error: Exception) -> Response:
    """Answers a mistake of ours; Starlette raises it again for the server's log."""
    # This answer is given outside of the guard, which sets these headers on all others.
    return problem(500, "the service made a mistake; its log says more", headers=SAFETY)


HANDLERS: Mapping[Any, Callable[[Request, Exception], Awaitable[Response]]] = {
    Refusal: _on_refusal,
    ReadError: _on_read_error,
    Blocked: _on_blocked,
    Closed: _on_closed,
    HTTPException: _on_http_exception,
    Exception: _on_error,
}
"""What answers each kind of exception that a route lets through."""
