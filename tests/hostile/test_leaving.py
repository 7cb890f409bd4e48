"""Promise: a client that leaves, in whatever state, leaves nothing behind, and harms no other viewer."""

import socket
import struct
import time
from collections.abc import Sequence

import pytest

from tests.hostile.clients import KINDS, Client
from tests.hostile.watched_service import WatchedService

CLIENTS = 20
RESET = struct.pack("ii", 1, 0)  # of SO_LINGER


def come_and_leave(service: WatchedService, many: str, kinds: Sequence[Client]) -> None:
    """Some leave at once, some a little later; some properly, some by a reset."""
    with service.unharmed() as live:
        for number in range(CLIENTS):
            for kind in kinds:
                connection = kind(service, live.manager_id, many)
                time.sleep((number % 4) * 0.02 / len(kinds))
                if number % 2:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                connection.close()


def test_nothing_is_left_behind_by_any(service: WatchedService, many: str) -> None:
    come_and_leave(service, many, KINDS)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_nothing_is_left_behind_by_each(service: WatchedService, many: str, kind: Client) -> None:
    come_and_leave(service, many, [kind])
