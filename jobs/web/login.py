"""How does a browser log in? With the token, once; then it has a cookie."""

from starlette.requests import Request
from starlette.responses import Response

from jobs.web.floor import floor
from jobs.web.problem import Refusal, wrong
from jobs.web.request import Query, json_body


async def login(request: Request) -> Response:
    """``POST /login``"""
    body = await json_body(request, {"token": str})
    Query(request)
    if "token" not in body:
        raise wrong("token", "expected a string, but it is not there")
    known = floor(request).login
    if known is None:
        raise Refusal(409, "this service has no token (STEPSTREAM_TOKEN): nobody needs to log in")
    # What the browser calls itself: before a proxy that adds TLS, this service sees plain HTTP.
    secure = request.headers.get("origin", "").startswith("https://")
    return await known.cookie(body["token"], request.scope.get("root_path") or "/", secure=secure)
