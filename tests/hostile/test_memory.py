"""Promise: an idle viewer costs at most 60 kB, and viewers that come later cost no more than those before."""

import pytest

from tests.bench.measured_service import measured_service
from tests.bench.memory import measure_waves
from tests.bench.process import raise_descriptor_limit

VIEWERS = 1_000
IDLE_BYTES = 60_000


@pytest.mark.slow
def test_waves_of_viewers() -> None:
    raise_descriptor_limit()
    with measured_service() as service:
        before, (first, second, third) = measure_waves(service, VIEWERS)
    assert (first - before) / VIEWERS <= IDLE_BYTES
    assert second <= 1.05 * first
    assert third <= 1.02 * second
