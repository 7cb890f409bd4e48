"""Fixtures: a watched service, shared by all tests here, with a run that has ended and is large."""

from collections.abc import Iterator

import pytest

from tests.hostile.watched_service import WatchedService


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WatchedService]:
    with WatchedService(tmp_path_factory.mktemp("watched")) as service:
        service.start()
        yield service
        if service.process.poll() is None:
            service.check_stop()


@pytest.fixture(scope="session")
def many(service: WatchedService) -> str:
    """A run of more rows than the buffers of a connection hold."""
    found: str = service.run_to_end("many")["id"]
    return found
