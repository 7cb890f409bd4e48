"""Promise: what a host says of robots holds for an hour, and however it asks, no pause is without end."""

from types import SimpleNamespace

import anyio
import pytest

from jobs.workers import hosts as module
from jobs.workers import turns
from jobs.workers.hosts import LONGEST_PAUSE, MANY, Hosts, Robots


class Clock:
    """Time that goes by only while somebody sleeps."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        time = SimpleNamespace(monotonic=lambda: self.now)
        monkeypatch.setattr(module, "time", time)
        monkeypatch.setattr(turns, "time", time)
        monkeypatch.setattr(turns, "anyio", SimpleNamespace(sleep=self.sleep, Lock=anyio.Lock))

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_robots_txt_is_read_once_an_hour(clock: Clock) -> None:
    read = []

    async def ask() -> None:
        hosts = Hosts()

        async def robots() -> Robots:
            read.append(clock.now)
            return Robots()

        for clock.now in (0.0, 3599.0, 3601.0, 7200.0):
            await hosts.robots("http://a", robots)

    anyio.run(ask)
    assert read == [0.0, 3601.0]


def test_no_pause_is_without_end(clock: Clock) -> None:
    async def ask() -> float:
        hosts = Hosts()
        hosts.hold("a", 86_400)
        async with hosts.turn("a", 0):
            return clock.now

    assert anyio.run(ask) == 100.0 + LONGEST_PAUSE
    assert Robots(["User-agent: *", "Crawl-delay: 86400"]).pause("Stepstream") == LONGEST_PAUSE


def test_hosts_that_were_not_asked_for_long_are_forgotten(clock: Clock) -> None:
    async def ask() -> int:
        hosts = Hosts()
        hosts.hold("busy", LONGEST_PAUSE)
        for number in range(2 * MANY):
            async with hosts.turn(f"{number}", 0):
                clock.now += 0.001
        started = clock.now
        async with hosts.turn("busy", 0):
            assert clock.now - started > LONGEST_PAUSE / 2
        return len(hosts._hosts)

    assert anyio.run(ask) <= MANY + 1
