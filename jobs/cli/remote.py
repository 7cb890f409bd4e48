"""How is a run at a service followed? Over any number of connections, each from where the last broke off."""

import json
import random
import time
from collections.abc import Iterator
from typing import Any

import httpx

from jobs.cli.client import Client, Unreachable, part
from jobs.cli.exit_status import CommandError
from jobs.cli.source import Event
from jobs.cli.sse import Message, Parser

FIRST_DELAY = 0.5
LONGEST_DELAY = 15.0


class RemoteRun:
    """A run at a service.

    :param after: the position from which on
    """

    def __init__(self, client: Client, manager_id: str, after: int = 0, **filters: str | None) -> None:
        self._client = client
        self._path = f"/managers/{part(manager_id)}"
        self._after = after
        self._filters = filters

    def manager(self) -> dict[str, Any]:
        """The manager with its steps, as it is."""
        return self._client.get(self._path)

    def pages(self) -> Iterator[list[Event]]:
        """What happens until the end.

        :raises CommandError: the service refuses, or the run was deleted
        """
        position, failures = str(self._after), 0
        while True:
            delay = 0.0
            try:
                for messages, last_id in self._connection(position):
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

    def _connection(self, position: str) -> Iterator[tuple[list[Message], str]]:
        """What comes over one connection, each time with the position behind it."""
        parser = Parser(position)
        with self._client.stream(f"{self._path}/events", position, batch="true", **self._filters) as chunks:
            for chunk in chunks:
                if messages := parser.feed(chunk):
                    yield messages, parser.last_id

    def cancel(self) -> None:
        """Ask the service to cancel it, again and again while the service cannot be reached."""
        while True:
            try:
                self._client.post(f"{self._path}/cancel", {"reason": "stopped in a terminal"})
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
