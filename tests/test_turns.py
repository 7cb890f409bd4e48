"""Promise: a server is asked in turn, at its pace, and let be for as long as it asks."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import SimpleNamespace

import anyio
import pytest

from jobs.workers import turns as module
from jobs.workers.turns import Turns, retry_after


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        (" 2.5 ", 2.5),
        *((none, None) for none in ("soon", "-1", "", ".5", "²", "9" * 400)),
    ],
)
def test_retry_after_in_seconds(value: str, seconds: float | None) -> None:
    assert retry_after(value) == seconds


@pytest.mark.parametrize("zone", ["GMT", "-0000"])
def test_retry_after_as_a_date(zone: str) -> None:
    at = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    assert retry_after(at.replace("GMT", zone)) == pytest.approx(90, abs=30)
    assert retry_after(f"Wed, 21 Oct 2015 07:28:00 {zone}") == 0


def test_turns_are_apart_and_put_off(monkeypatch: pytest.MonkeyPatch) -> None:
    now, starts = 100.0, []

    async def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now))
    monkeypatch.setattr(module, "anyio", SimpleNamespace(sleep=sleep, Lock=anyio.Lock))

    async def ask() -> None:
        turns = Turns()
        assert turns.is_idle
        for held in (0, 0, 5, 0.5):
            turns.hold(held)
            await turns.wait(2)
            starts.append(now)
            assert not turns.is_idle

    anyio.run(ask)
    assert starts == [100, 102, 107, 109]
