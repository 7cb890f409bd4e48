"""When may this host be asked, and for what? One request at a time, with pauses, and as robots.txt says."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.robotparser import RobotFileParser

import anyio

from jobs.workers.turns import Turns

# How long what a host says of robots holds, and for how long a host may ask not to be asked.
KEPT_SECONDS = 3600.0
LONGEST_PAUSE = 60.0
# Hosts that are remembered before those that were not asked for long are forgotten.
MANY = 1000
# What is read of a robots.txt: RFC 9309 asks for no more.
ROBOTS_BYTES = 500 * 1024


class Robots:
    """What a host's robots.txt says.

    :param lines: those of the file; none: everything is allowed
    """

    def __init__(self, lines: Sequence[str] = ()) -> None:
        self._parser = RobotFileParser()
        # Numbers that are none of ASCII are more than the parser can bear.
        self._parser.parse(
            [line for line in lines if line.isascii() or line.lower().startswith(("allow", "disallow"))]
        )

    def allows(self, agent: str, url: str) -> bool:
        """Whether a robot may read a URL."""
        return self._parser.can_fetch(agent, url)

    def pause(self, agent: str) -> float:
        """The seconds between two requests that it asks for."""
        return min(float(self._parser.crawl_delay(agent) or 0), LONGEST_PAUSE)


@dataclass
class _Host:
    turns: Turns = field(default_factory=Turns)
    asking: anyio.Lock = field(default_factory=anyio.Lock)
    reading: anyio.Lock = field(default_factory=anyio.Lock)
    robots: Robots | None = None
    robots_until: float = 0.0

    def is_idle(self, now: float) -> bool:
        """Whether nothing is lost if it is forgotten."""
        busy = self.asking.locked() or self.reading.locked()
        return not busy and self.turns.is_idle and self.robots_until < now


class Hosts:
    """The hosts that are asked. All of it happens on one event loop."""

    def __init__(self) -> None:
        self._hosts: dict[str, _Host] = {}

    @asynccontextmanager
    async def turn(self, host: str, pause: float) -> AsyncIterator[None]:
        """Wait until a host may be asked, and ask it inside: nobody else does meanwhile.

        :param pause: seconds from the beginning of this turn to that of the next
        """
        known = self._host(host)
        async with known.asking:
            await known.turns.wait(pause)
            yield

    def hold(self, host: str, seconds: float) -> None:
        """Let a host be for a while: it has asked for that."""
        self._host(host).turns.hold(min(seconds, LONGEST_PAUSE))

    async def robots(self, origin: str, read: Callable[[], Awaitable[Robots]]) -> Robots:
        """What an origin's robots.txt says; read once an hour, and by one at a time."""
        known = self._host(origin)
        async with known.reading:
            if known.robots is None or known.robots_until < time.monotonic():
                known.robots = await read()
                known.robots_until = time.monotonic() + KEPT_SECONDS
            return known.robots

    def _host(self, name: str) -> _Host:
        if len(self._hosts) >= MANY and name not in self._hosts:
            now = time.monotonic()
            self._hosts = {each: host for each, host in self._hosts.items() if not host.is_idle(now)}
        return self._hosts.setdefault(name, _Host())
