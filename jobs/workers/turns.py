"""When may a server be asked? One after the other, with pauses, and not while it wants to be let be."""

import math
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import anyio


class Turns:
    """Those who wait to ask one server: first come, first served. All of them on one event loop."""

    def __init__(self) -> None:
        self._lock = anyio.Lock()
        self._free_at = -math.inf

    async def wait(self, pause: float) -> None:
        """Wait until one may ask; the next may ``pause`` seconds later."""
        async with self._lock:
            while (wait := self._free_at - time.monotonic()) > 0:  # noqa: ASYNC110 (a time, not an event)
                await anyio.sleep(wait)  # which may be put off meanwhile
            self._free_at = time.monotonic() + pause

    def hold(self, seconds: float) -> None:
        """Let nobody ask for so long."""
        self._free_at = max(self._free_at, time.monotonic() + seconds)

    @property
    def is_idle(self) -> bool:
        """Whether nobody waits, and nobody who came now would have to."""
        return not self._lock.locked() and self._free_at < time.monotonic()


def retry_after(value: str) -> float | None:
    """For how many seconds a ``Retry-After`` asks to wait; None if it does not say (RFC 9110, 10.2.3)."""
    value = value.strip()
    whole, _, part = value.partition(".")
    if value.isascii() and whole.isdigit() and len(value) < 20 and (part.isdigit() or part == ""):
        return float(value)
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
