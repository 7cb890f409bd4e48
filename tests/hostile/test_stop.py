"""Promise: a signal ends the service in under 6 s, whoever is connected."""

from tests.hostile.clients import KINDS, half_a_body
from tests.hostile.watched_service import WatchedService
from tests.wire import answer, check_problem

CLIENTS = 5


def test_the_service_stops_with_all_kinds_of_clients(service: WatchedService, many: str) -> None:
    live = service.run("lines")
    connections = [kind(service, live, many) for kind in KINDS for _ in range(CLIENTS)]
    service.check_stop()
    for connection in connections:
        connection.close()
    service.start()


def test_who_still_waits_for_an_answer_is_told_that_the_service_stops(
    service: WatchedService, many: str
) -> None:
    with half_a_body(service, "", many) as connection:
        service.check_stop()
        assert check_problem(answer(connection), 503)["detail"] == "the service is stopping"
    assert "Traceback" not in service.errors()
    service.start()
