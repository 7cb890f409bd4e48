"""Fixtures: a running service of one's own, or one shared by the tests of a file; and a server to ask."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.service_process import Service
from tests.stub_server import StubServer

# A machine that does other things as well is slow: that says nothing of the code.
settings.register_profile("shared machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared machine")


@pytest.fixture
def make_service(tmp_path: Path) -> Iterator[Callable[..., Service]]:
    """Makes services that are not started yet; whatever runs of them at the end is killed."""
    made: list[Service] = []

    def make(environ: Mapping[str, str] | None = None) -> Service:
        folder = tmp_path / f"service{len(made)}"
        folder.mkdir()
        made.append(Service(folder, environ))
        return made[-1]

    yield make
    for service in made:
        if hasattr(service, "process") and service.process.poll() is None:
            service.kill()


@pytest.fixture
def service(make_service: Callable[..., Service]) -> Service:
    """A service with the shipped definitions, started."""
    return make_service().start()


@pytest.fixture(scope="module")
def shared_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A started service that the tests of one file share."""
    service = Service(tmp_path_factory.mktemp("service")).start()
    yield service
    if service.process.poll() is None:
        service.kill()


@pytest.fixture(scope="module")
def stub() -> Iterator[StubServer]:
    """A server that says what a test of the file wants."""
    server = StubServer()
    yield server
    server.close()
