"""How does a command talk to a running service? Requests, and a stream that goes on where it broke off."""

import json
import random
import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import httpx

from jobs.cli.ending import CommandError
from jobs.cli.source import Event
from jobs.cli.sse import Message, Parser
from jobs.nearest import unknown

LOCAL = ("localhost", "127.0.0.1", "::1")
ANSWER_SECONDS = 30.0
CONNECT_SECONDS = 5.0
# A stream that says nothing for so long is dead: three of its pings.
SILENCE_SECONDS = 45.0
FIRST_DELAY = 0.5
LONGEST_DELAY = 15.0
PROBLEM = "application/problem+json"
EVENT_STREAM = "text/event-stream"


class Unreachable(CommandError):
    """The service does not answer, or not now: it may yet."""


class NotFound(CommandError):
    """What was asked for does not exist."""


class Service:
    """A running service.

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
        size = min(limit or 1000, 1000)
        page = self.get(path, limit=size, **parameters)
        given = 0
        while True:
            for item in page["items"]:
                if given == limit:
                    return
                given += 1
                yield item
            if page["next"] is None or given == limit:
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

    # -- the stream

    def stream(self, manager_id: str, after: int, **filters: str | None) -> Iterator[list[Event]]:
        """The events of a run behind a position, over any number of connections, until ``end``.

        :raises CommandError: the service refuses, or the run was deleted
        """
        position, failures = str(after), 0
        while True:
            delay = 0.0
            try:
                for messages, last_id in self._connection(manager_id, position, filters):
                    failures = 0 if messages else failures
                    if any(message.event == "busy" for message in messages):
                        delay = json.loads(messages[-1].data)["retry_seconds"]
                    page = [event for message in messages for event in events(message)]
                    if page:
                        yield page
                    position = last_id
                    if page and page[-1].name == "end":
                        return
                why = "too many viewers" if delay else "the service is stopping, or has restarted"
            except (httpx.HTTPError, Unreachable) as error:
                why = str(error) or type(error).__name__
            yield [Event("lost", {"why": why})]
            # Half of it at random: many who lose a service do not all come back at once.
            most = min(LONGEST_DELAY, FIRST_DELAY * 2**failures)
            time.sleep(max(delay, random.uniform(most / 2, most)))
            failures += 1

    def _connection(
        self, manager_id: str, position: str, filters: Mapping[str, str | None]
    ) -> Iterator[tuple[list[Message], str]]:
        """What comes over one connection, each time with the position behind it."""
        parameters = {"batch": "true", **{name: value for name, value in filters.items() if value}}
        with self._http.stream(
            "GET",
            f"/managers/{part(manager_id)}/events",
            params=parameters,
            headers={"Accept": EVENT_STREAM, "Last-Event-ID": position},
            timeout=httpx.Timeout(SILENCE_SECONDS, connect=CONNECT_SECONDS),
        ) as response:
            if not response.is_success:
                response.read()
            self._check(response)
            if response.headers.get("content-type", "").partition(";")[0] != EVENT_STREAM:
                raise CommandError(f"{self.url} is no Stepstream: it does not answer with a stream")
            parser = Parser(position)
            for chunk in response.iter_raw():
                if messages := parser.feed(chunk):
                    yield messages, parser.last_id


class Run:
    """A run at a service, to be followed.

    :param after: the position from which on
    """

    def __init__(self, service: Service, manager_id: str, after: int = 0, **filters: str | None) -> None:
        self._service = service
        self._id = manager_id
        self._after = after
        self._filters = filters

    def manager(self) -> dict[str, Any]:
        """The manager with its steps, as it is."""
        return self._service.get(f"/managers/{part(self._id)}")

    def pages(self) -> Iterator[list[Event]]:
        """What happens until the end."""
        return self._service.stream(self._id, self._after, **self._filters)

    def cancel(self) -> None:
        """Ask the service to cancel it, again and again while the service cannot be reached."""
        while True:
            try:
                self._service.post(f"/managers/{part(self._id)}/cancel", {"reason": "stopped in a terminal"})
            except Unreachable:
                time.sleep(FIRST_DELAY)
                continue
            except CommandError:
                pass  # it has ended meanwhile, or is gone, which the stream tells too
            return


def events(message: Message) -> Iterator[Event]:
    """What of a message concerns a viewer: rows one by one, and what happens to the log."""
    if message.event == "rows":
        for row in json.loads(message.data):
            yield Event(row["event"], row)
    elif message.event in ("gap", "reset", "end"):
        yield Event(message.event, json.loads(message.data))


def part(text: str) -> str:
    """A text as one part of a path."""
    return quote(text, safe="")
