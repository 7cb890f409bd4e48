"""Who is let in? Whoever shows the token, or the cookie that was given for it.

* The cookie is not the token: who finds it in a browser's files cannot send it elsewhere, and another token
  makes it worthless. It is derived, so that it outlives a restart and nothing has to be kept.
* Tokens may not be tried without end. Once many were wrong, each one that is shown waits for its turn, the
  right one too: an answer that comes sooner would tell. A cookie cannot be guessed, so it never waits.
"""

import hmac
import time

import anyio
from starlette.requests import HTTPConnection
from starlette.responses import Response

from jobs.web.problem import Refusal, problem

COOKIE = "stepstream"
REALM = 'Bearer realm="stepstream"'
# So many wrong tokens are free; one more each second.
FREE = 20
DELAY_SECONDS = 0.1
WAITING = 20


class Login:
    """The token of a service.

    :param token: printable ASCII
    """

    def __init__(self, token: str) -> None:
        digest = hmac.new(token.encode(), b"stepstream login", "sha256").hexdigest()
        self._token, self._cookie = token.encode(), digest
        self._wrong, self._wrong_at = 0.0, 0.0
        self._turn = anyio.Lock()
        self._waiting = 0

    async def refusal(self, connection: HTTPConnection) -> Response | None:
        """The answer to who may not go on; None for who may."""
        cookie = connection.cookies.get(COOKIE)
        if cookie is not None and _same(cookie, self._cookie.encode()):
            return None
        scheme, _, given = connection.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return _unauthorized(
                "this needs a token: Authorization: Bearer TOKEN, or POST /login for a cookie"
            )
        try:
            await self._check(given.strip(" "))
        except Refusal as error:
            return error.response()
        return None

    async def cookie(self, given: str, path: str, *, secure: bool) -> Response:
        """The answer that carries the cookie.

        :raises Refusal: 401, it is not the token; 429, too many are tried
        """
        await self._check(given)
        response = Response(status_code=204)
        response.set_cookie(COOKIE, self._cookie, path=path, secure=secure, httponly=True, samesite="strict")
        return response

    async def _check(self, given: str) -> None:
        if self._recently_wrong() > FREE:
            if self._waiting >= WAITING:
                raise Refusal(429, "too many wrong tokens are tried", headers={"Retry-After": "2"})
            self._waiting += 1
            try:
                async with self._turn:
                    await anyio.sleep(DELAY_SECONDS)
            finally:
                self._waiting -= 1
        if not _same(given, self._token):
            self._wrong = self._recently_wrong() + 1
            self._wrong_at = time.monotonic()
            raise Refusal(
                401, "this is not the token", headers={"WWW-Authenticate": f'{REALM}, error="invalid_token"'}
            )

    def _recently_wrong(self) -> float:
        return max(0.0, self._wrong - (time.monotonic() - self._wrong_at))


def _same(given: str, expected: bytes) -> bool:
    return hmac.compare_digest(given.encode(), expected)


def _unauthorized(detail: str) -> Response:
    return problem(401, detail, headers={"WWW-Authenticate": REALM})
