"""Promise: viewers that come and go 500 times a second cost nothing but the moment."""

import time

import pytest

from tests.hostile.clients import asks, events, get
from tests.hostile.watched_service import WatchedService

A_SECOND = 500
SECONDS = 3


@pytest.mark.slow
def test_reconnects(service: WatchedService) -> None:
    """At most so many: a machine that is busy gets fewer."""
    with service.unharmed() as live:
        started = time.monotonic()
        for number in range(A_SECOND * SECONDS):
            time.sleep(max(0.0, started + number / A_SECOND - time.monotonic()))
            last_id = f"Last-Event-ID: {number % (len(live.rows) + 2)}"
            with asks(service, get(events(live.manager_id), last_id)) as connection:
                if number % 2:
                    connection.recv(1000)
