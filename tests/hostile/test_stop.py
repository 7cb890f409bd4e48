"""Promise: a signal ends the service in under 6 s, whoever is connected."""

from tests.hostile.clients import KINDS
from tests.hostile.watched_service import WatchedService

CLIENTS = 5


def test_the_service_stops_with_all_kinds_of_clients(service: WatchedService, many: str) -> None:
    live = service.run("lines")
    connections = [kind(service, live, many) for kind in KINDS for _ in range(CLIENTS)]
    service.check_stop()
    for connection in connections:
        connection.close()
    service.start()
