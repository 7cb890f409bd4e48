"""What does a request ask for? Query parameters and JSON bodies, checked, with errors that name the place."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import ClientDisconnect, Request

from jobs.nearest import quoted, unknown
from jobs.web.problem import Refusal, wrong

BODY_BYTES = 64 * 1024
# Up to here the rest of a body is taken in before it is refused: a client that still sends when the
# connection is closed may never see the answer.
DRAINED_BYTES = 1024 * 1024
LIST_LIMIT = 1000
DEFAULT_LIMIT = 100
LARGEST = 10**18 - 1
QUALITY = re.compile(r"q=([01](?:\.[0-9]{0,3})?)", re.ASCII)


class Query:
    """The query parameters of a request.

    :param known: the names that the route knows
    :raises Refusal: 400, one is unknown, or stands there more than once
    """

    def __init__(self, request: Request, *known: str) -> None:
        self._values: dict[str, str] = {}
        for name, value in request.query_params.multi_items():
            if name not in known:
                raise wrong(name, unknown("query parameter", name, known))
            if name in self._values:
                raise wrong(name, "given more than once; several values are separated by commas")
            self._values[name] = value

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def raw(self, name: str) -> str | None:
        """A text as it stands there, also an empty one; None where it is absent."""
        return self._values.get(name)

    def text(self, name: str) -> str | None:
        """A text; None where it is absent or empty."""
        return self._values.get(name) or None

    def number(self, name: str, least: int = 0, most: int = LARGEST) -> int | None:
        """A whole number in decimal ASCII digits; None where it is absent."""
        value = self._values.get(name)
        if value is None:
            return None
        if not (value.isascii() and value.isdigit() and len(value) <= 18 and least <= int(value) <= most):
            upto = f" to {most}" if most < LARGEST else " on"
            raise wrong(name, f"expected a whole number from {least}{upto}, got {quoted(value)}")
        return int(value)

    def limit(self) -> int:
        """How many items a list may have."""
        return self.number("limit", 1, LIST_LIMIT) or DEFAULT_LIMIT

    def flag(self, name: str) -> bool:
        """``true`` or ``false``; false where it is absent."""
        return self.choice(name, ("true", "false")) == "true"

    def choice(self, name: str, choices: Sequence[str]) -> str | None:
        """One of several words; None where it is absent."""
        value = self._values.get(name)
        if value is not None and value not in choices:
            raise wrong(name, unknown("value", value, choices))
        return value

    def words(self, name: str, choices: Sequence[str] = ()) -> tuple[str, ...]:
        """Words with commas between them, out of some choices if any are given."""
        words = tuple(word.strip() for word in (self._values.get(name) or "").split(",") if word.strip())
        for word in words:
            if choices and word not in choices:
                raise wrong(name, unknown("value", word, choices))
        return words


def preferred(request: Request, offers: Mapping[str, str], default: str) -> str:
    """Which of several forms the ``Accept`` header asks for; of equally wanted ones the first named.

    :param offers: forms by media type
    :param default: the form where none of them is named, as in ``*/*``
    """
    best, quality = default, 0.0
    for part in ",".join(request.headers.getlist("accept")).split(","):
        media_type, *parameters = (word.strip().lower() for word in part.split(";"))
        if media_type in offers and (wanted := _quality(parameters)) > quality:
            best, quality = offers[media_type], wanted
    return best


def _quality(parameters: Sequence[str]) -> float:
    """How much a media range is wanted, 0 to 1 (RFC 9110, section 12.4.2)."""
    for parameter in parameters:
        if (found := QUALITY.fullmatch(parameter)) is not None:
            return float(found[1])
    return 1.0


async def json_body(request: Request, kinds: Mapping[str, type[Any]]) -> dict[str, Any]:
    """The JSON object in a request's body; empty where there is none.

    :param kinds: the keys that the route knows, with the types of their values
    :raises Refusal: 413 over 64 KiB, 415 not ``application/json``, 400 no JSON object or a wrong key
    """
    body = await _read(request)
    if not body:
        return {}
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Refusal(415, "a body must be application/json")
    content = _decoded(body)
    if not isinstance(content, dict):
        raise wrong("body", "expected a JSON object")
    for key, value in content.items():
        if key not in kinds:
            raise wrong(key, unknown("key", key, kinds))
        if not isinstance(value, kinds[key]):
            expected = "an object" if kinds[key] is dict else "a string"
            raise wrong(key, f"expected {expected}, got {json.dumps(value)[:60]}")
    return content


def _decoded(body: bytes) -> Any:
    try:
        content = json.loads(body.decode(), parse_constant=_no_constant)
        json.dumps(content, ensure_ascii=False).encode()
    except UnicodeDecodeError:
        raise wrong("body", "not UTF-8") from None
    except UnicodeEncodeError:
        raise wrong("body", "half of a surrogate pair is no character") from None
    except json.JSONDecodeError as error:
        raise wrong("body", f"not JSON: {error.msg} (line {error.lineno}, column {error.colno})") from None
    except RecursionError:
        raise wrong("body", "nested too deep") from None
    except ValueError as error:
        raise wrong("body", f"not JSON: {error}") from None
    return content


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number in JSON")


async def _read(request: Request) -> bytes:
    declared = int(request.headers.get("content-length", 0))
    # What is too large by its own words is not read if the client has asked first, or if it is endless.
    if declared > BODY_BYTES and ("expect" in request.headers or declared > DRAINED_BYTES):
        raise _too_large()
    body, size = bytearray(), 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size <= BODY_BYTES:
                body += chunk
            elif size > DRAINED_BYTES:
                break
    except ClientDisconnect:
        raise wrong("body", "the client left before its end") from None
    if size > BODY_BYTES:
        raise _too_large()
    return bytes(body)


def _too_large() -> Refusal:
    return Refusal(413, "a body may have 64 KiB", headers={"Connection": "close"})
