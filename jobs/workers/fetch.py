"""What is at a URL? One request and its answer, bounded in time and in bytes."""

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import anyio
import httpx

from jobs.exception import Failure


@dataclass(frozen=True)
class Answer:
    """An answer. Its body is empty where it was not wanted, and None where it is too large."""

    status: int
    headers: httpx.Headers
    body: bytes | None

    @property
    def words(self) -> str:
        """The status as people read it: ``HTTP 404 Not Found``."""
        return f"HTTP {self.status} {httpx.codes.get_reason_phrase(self.status)}".rstrip()


async def fetch(
    transport: httpx.AsyncBaseTransport,
    url: str,
    headers: Mapping[str, str],
    most: int,
    seconds: float,
    wants: Callable[[int, httpx.Headers], bool] = lambda status, headers: True,
) -> Answer:
    """Get a URL. No redirect is followed.

    :param most: bytes of the body, as it comes and as it is decoded
    :param seconds: for all of it, up to the last byte
    :param wants: whether the body of an answer is to be read
    :raises Failure: there is no answer, or it is none that can be read
    """
    limits = dict.fromkeys(("connect", "read", "write", "pool"), seconds)
    request = httpx.Request(
        "GET", url, headers={"Accept-Encoding": "gzip", **headers}, extensions={"timeout": limits}
    )
    try:
        with anyio.fail_after(seconds):
            response = await transport.handle_async_request(request)
            try:
                wanted = wants(response.status_code, response.headers)
                body = await _body(response, most) if wanted else b""
            finally:
                with anyio.CancelScope(shield=True):
                    await response.aclose()
    except (TimeoutError, httpx.TimeoutException):
        raise Failure(f"no whole answer within {seconds:g} s") from None
    except httpx.HTTPError as error:
        raise Failure(f"no answer: {error or type(error).__name__}") from None
    return Answer(response.status_code, response.headers, body)


async def _body(response: httpx.Response, most: int) -> bytes | None:
    """The body, decoded here: a few bytes of gzip may stand for any number."""
    coding = response.headers.get("Content-Encoding", "").strip().lower()
    if coding not in ("", "identity", "gzip", "x-gzip"):
        raise Failure(f"no answer that can be read: it is encoded as {coding}, which was not asked for")
    unpack = zlib.decompressobj(16 + zlib.MAX_WBITS) if "gzip" in coding else None
    parts: list[bytes] = []
    came = size = 0
    async for part in response.aiter_raw():
        came += len(part)
        try:
            parts.append(unpack.decompress(part, most + 1 - size) if unpack else part)
        except zlib.error as error:
            raise Failure(f"no answer that can be read: its gzip is broken ({error})") from None
        size += len(parts[-1])
        if max(came, size) > most:
            return None
    return b"".join(parts)
