"""How is somebody else's server asked? In turn, at its pace, and again after a while when it is busy.

All worker jobs of the process that ask one server wait in one line, so a pause that it asks for, or that a
definition sets between requests, holds for all of them. What is done again: answers that say "not now"
(408, 425, 429 and 5xx, RFC 9110 and RFC 6585) and connections that fail. Each try that fails is a line.
"""

import logging
import random
import ssl
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import anyio
import httpx
from anyio.lowlevel import RunVar

from jobs.exception import Failure
from jobs.job import Job
from jobs.workers.api_answer import Answer, asked_wait, complaint
from jobs.workers.turns import Turns

TRIES = 5
FIRST_WAIT = 1.0
"""Seconds, at most, before the second try where the server names none; doubled each time."""
LONGEST_WAIT = 300.0
"""Seconds; who asks for a longer wait is not waited for."""
LARGEST_ANSWER = 32 * 1024 * 1024
NOT_NOW = {408, 425, 429, *range(500, 600)}


class NotAnswered(Failure):
    """A server did not give an answer that is of use.

    :param status: the HTTP status; None if there was none
    :param said: what the server gave as the reason
    """

    def __init__(self, message: str, status: int | None = None, said: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.said = said


@dataclass(frozen=True)
class Request:
    """A POST of JSON or of a form.

    :param timeout: seconds that one try may take
    :param pause: seconds, at least, from the start of this request to that of the next to the same server
    :param is_hopeless: whether an answer that says "not now" will say so tomorrow too
    """

    url: str
    headers: Mapping[str, str]
    json: Any = None
    form: Mapping[str, str] | None = None
    timeout: float = 60.0
    pause: float = 0.0
    is_hopeless: Callable[[Answer], bool] = lambda answer: False


# Of one event loop, to which locks belong; a service runs all its jobs on one.
_lines: RunVar[dict[str, Turns]] = RunVar("lines of polite_http")
_asking: ContextVar[bool] = ContextVar("asking by polite_http", default=False)
# httpx writes an info line for each request; here one that went well is the business of who asked.
logging.getLogger("httpx").addFilter(lambda record: not _asking.get())


def user_agent(contact: str = "") -> str:
    """Who asks, as operators of public servers want to know it.

    :param contact: an address of who runs this service
    """
    try:
        name = f"Stepstream/{version('stepstream')}"
    except PackageNotFoundError:
        name = "Stepstream"
    return f"{name} ({contact})" if contact else name


def check_url(key: str, url: str) -> None:
    """Check an address that a definition gives.

    :param key: the key that gives it
    :raises Failure: it is none that can be asked
    """
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise Failure(f'{key} is "{url}": {error}') from None
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise Failure(f'{key} is "{url}", expected an address that begins with https:// or http://')


def checked_key(key: str, secret: str) -> str:
    """A secret as a header can carry it: without the line break that files end with.

    :raises Failure: it holds what no header can
    """
    bare = secret.strip()
    if not bare.isascii() or not bare.isprintable():
        raise Failure(f"{key} holds characters that cannot be sent, such as a line break")
    return bare


async def post(job: Job, request: Request) -> Answer:
    """Ask until there is an answer of success.

    :raises NotAnswered: the server refused, or all tries are used up
    """
    url = httpx.URL(request.url)
    server = url.netloc.decode("ascii")
    line = _line(f"{url.scheme}://{server}")
    for number in range(1, TRIES + 1):
        await line.wait(request.pause)
        wait, asked_for, status = random.uniform(0.5, 1.0) * FIRST_WAIT * 2 ** (number - 1), False, None
        try:
            answer = await _once(request)
        except (httpx.TransportError, httpx.DecodingError, TimeoutError) as error:
            trouble = _trouble(server, error, request.timeout)
        else:
            if 200 <= answer.status < 300:
                return answer
            trouble, status = f"{server} answered {answer}", answer.status
            if status not in NOT_NOW or request.is_hopeless(answer):
                raise NotAnswered(trouble, status, complaint(answer.body))
            named = asked_wait(answer)
            if named is not None:
                wait, asked_for = named, True
        if wait > LONGEST_WAIT:
            raise NotAnswered(f"{trouble} (it asks to wait for {wait:.0f} s)", status)
        if number == TRIES:
            raise NotAnswered(f"{trouble} (try {number} of {TRIES})", status)
        as_asked = " as it asks" if asked_for else ""
        job.log.warning("%s (try %d of %d; the next in %.1f s%s)", trouble, number, TRIES, wait, as_asked)
        if asked_for or status == 429:
            line.hold(wait)
        else:
            await anyio.sleep(wait)
    raise AssertionError


def _line(server: str) -> Turns:
    try:
        lines = _lines.get()
    except LookupError:
        lines = {}
        _lines.set(lines)
    return lines.setdefault(server, Turns())


async def _once(request: Request) -> Answer:
    """One try. Redirects are not followed: a key must not be carried to where an answer points."""
    mark = _asking.set(True)
    try:
        with anyio.fail_after(request.timeout):
            async with (
                httpx.AsyncClient(verify=_trust(), timeout=request.timeout) as client,
                client.stream(
                    "POST",
                    request.url,
                    headers={"User-Agent": user_agent(), **request.headers},
                    json=request.json,
                    data=request.form,
                ) as response,
            ):
                body = bytearray()
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if len(body) > LARGEST_ANSWER:
                        mib = LARGEST_ANSWER // 2**20
                        raise NotAnswered(f"{response.url.host} answered more than {mib} MiB", None)
                text = body.decode("utf-8", "replace")
                return Answer(response.status_code, response.reason_phrase, response.headers, text)
    finally:
        _asking.reset(mark)


@cache
def _trust() -> ssl.SSLContext:
    """Which certificates are trusted; read once, since it takes longer than most requests."""
    return httpx.create_ssl_context()


def _trouble(server: str, error: Exception, timeout: float) -> str:
    if isinstance(error, TimeoutError | httpx.TimeoutException):
        return f"{server} did not answer within {timeout:g} s"
    return f"{server} cannot be asked: {error or type(error).__name__}"
