"""How does a command ask a running service? In JSON, or for a stream; a refusal becomes a line of words."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import Any
from urllib.parse import quote

import httpx

from jobs.cli.exit_status import CommandError
from jobs.nearest import unknown

PAGE = 1000
LOCAL = ("localhost", "127.0.0.1", "::1")
ANSWER_SECONDS = 30.0
CONNECT_SECONDS = 5.0
# A stream that says nothing for so long is dead: three of its pings.
SILENCE_SECONDS = 45.0
PROBLEM = "application/problem+json"
EVENT_STREAM = "text/event-stream"


class Unreachable(CommandError):
    """The service does not answer, or not now: it may yet."""


class NotFound(CommandError):
    """What was asked for does not exist."""


class Client:
    """Asks a running service.

    :param url: where it is, with the prefix it is mounted at, if any
    :param token: what it asks for, if it does
    :raises CommandError: the address or the token cannot be one
    """

    def __init__(self, url: str, token: str | None) -> None:
        headers = {"Accept-Encoding": "identity", "User-Agent": "stepstream"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        try:
            address = httpx.URL(url if "://" in url else f"http://{url}")
            if address.scheme not in ("http", "https") or not address.host:
                raise ValueError
            self._http = httpx.Client(
                base_url=address,
                headers=headers,
                timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
                # A proxy of the environment does not know this machine's own addresses.
                trust_env=address.host not in LOCAL,
            )
        except UnicodeEncodeError:
            raise CommandError("STEPSTREAM_TOKEN: expected ASCII") from None
        except (httpx.InvalidURL, ValueError):
            raise CommandError(f"{url}: expected an address as http://127.0.0.1:8000") from None
        self.url = str(address.copy_with(userinfo=b"")).rstrip("/")

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def get(self, path: str, **parameters: Any) -> dict[str, Any]:
        """The JSON at a path.

        :raises CommandError: there is none
        """
        return self._ask("GET", path, params={k: v for k, v in parameters.items() if v is not None})

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """The JSON answer to a body.

        :raises CommandError: the service refuses
        """
        return self._ask("POST", path, json={k: v for k, v in body.items() if v is not None})

    def items(self, path: str, limit: int | None = None, **parameters: Any) -> Iterator[dict[str, Any]]:
        """The items of a list, page after page, as far as they are wanted."""
        return islice(self._items(path, min(limit or PAGE, PAGE), **parameters), limit)

    def _items(self, path: str, size: int, **parameters: Any) -> Iterator[dict[str, Any]]:
        page = self.get(path, limit=size, **parameters)
        while True:
            yield from page["items"]
            if page["next"] is None:
                return
            # Its path has the prefix that the service knows of, which a proxy may have taken away.
            page = self._ask("GET", f"{path}?{httpx.URL(page['next']).query.decode()}")

    def start(self, definition: str, params: Mapping[str, str]) -> dict[str, Any]:
        """Start a run; its manager.

        :raises CommandError: there is no such definition, or it cannot be run so
        """
        try:
            return self.post(f"/definitions/{part(definition)}/runs", {"params": dict(params)})
        except NotFound:
            known = [item["id"] for item in self.items("/definitions")]
            raise CommandError(unknown("definition", definition, known)) from None

    @contextmanager
    def stream(self, path: str, position: str, **parameters: Any) -> Iterator[Iterator[bytes]]:
        """The bytes of a stream of events behind a position, as they come.

        :raises CommandError: there is none
        :raises httpx.HTTPError: the connection cannot be had, or breaks
        """
        with self._http.stream(
            "GET",
            path,
            params={k: v for k, v in parameters.items() if v is not None},
            headers={"Accept": EVENT_STREAM, "Last-Event-ID": position},
            timeout=httpx.Timeout(SILENCE_SECONDS, connect=CONNECT_SECONDS),
        ) as response:
            if not response.is_success:
                response.read()
            self._check(response)
            if response.headers.get("content-type", "").partition(";")[0] != EVENT_STREAM:
                raise CommandError(f"{self.url} is no Stepstream: it does not answer with a stream")
            yield response.iter_raw()

    def _ask(self, method: str, path: str, **how: Any) -> dict[str, Any]:
        try:
            response = self._http.request(method, path, **how)
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error
        self._check(response)
        try:
            answer = response.json()
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise CommandError(f"{self.url} is no Stepstream: it does not answer with JSON")
        return answer

    def _unreachable(self, error: Exception) -> Unreachable:
        return Unreachable(
            f"no answer from {self.url} ({str(error) or type(error).__name__}); "
            "does the service run? Another address: --url or STEPSTREAM_URL"
        )

    def _check(self, response: httpx.Response) -> None:
        """Turn a refusal into words.

        :raises CommandError: it is one
        """
        if response.is_success:
            return
        is_ours = response.headers.get("content-type", "").partition(";")[0] == PROBLEM
        if is_ours and response.status_code == 401:
            raise CommandError("the service asks for a token: set STEPSTREAM_TOKEN to its own")
        detail = f"{self.url} answered {response.status_code} {response.reason_phrase}"
        if is_ours:
            problem = response.json()
            errors = [f"{each['where']}: {each['message']}" for each in problem.get("errors", [])]
            detail = problem["detail"]
            if errors and not any(error in detail for error in errors):
                detail += f": {'; '.join(errors)}"
        if response.status_code >= 500:
            raise Unreachable(detail)
        if not is_ours:
            raise CommandError(f"{detail}; is it Stepstream?")
        raise NotFound(detail) if response.status_code == 404 else CommandError(detail)


def part(text: str) -> str:
    """A text as one part of a path."""
    return quote(text, safe="")
