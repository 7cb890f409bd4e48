"""Promise: a service that has lost one of its own tasks ends, instead of answering 503 for ever."""

from collections.abc import Callable
from contextlib import suppress

import httpx

from tests.service_process import Service

BROKEN = """
    from jobs.web.overview import Overview

    async def broken(self, ids):
        raise RuntimeError("nothing can be seen from here")

    Overview._look = broken
"""


def test_a_task_that_dies_takes_the_service_with_it(make_service: Callable[..., Service]) -> None:
    service = make_service()
    service.add_workers("broken", BROKEN)
    service.start()
    with service.client.stream("GET", "/events") as panel:
        chunks = panel.iter_raw()
        assert next(chunks)
        with suppress(httpx.HTTPError):  # its answer may come too late
            service.post("/definitions/load-test/runs")
        service.process.communicate(timeout=10)
    assert service.process.returncode == 1
    assert "stopped by a failure" in service.errors()
    assert "nothing can be seen from here" in service.errors()
