"""Promise: whatever a worker says, every reader of Server-Sent Events is told it alike, live and later."""

import pytest
from playwright.sync_api import Page

from tests.foreign import nasty
from tests.foreign.nasty import Run
from tests.foreign.readers import READERS, exactly, reading, rows, unfold
from tests.service_process import Service

PROXIES = [pytest.param(name, marks=pytest.mark.slow) for name in ("nginx", "caddy")]


@pytest.mark.parametrize("way", ["direct", *PROXIES], indirect=True)
@pytest.mark.parametrize("batch", ["false", "true"], ids=["single", "batches"])
@pytest.mark.parametrize("reader", READERS)
def test_events_are_told_as_they_were_sent(
    reader: str, batch: str, way: str, service: Service, run: Run, page: Page | None
) -> None:
    with reading(reader, run.url(way, batch=batch), page) as live:
        live.until_said("waiting")
        run.go()
        told = live.until_last()
    nasty.check(rows(told))
    assert unfold(told) == unfold(exactly(service, run.id))
    with reading(reader, run.url(way, batch=batch, tail=100_000), page) as replay:
        told = replay.until_last()
    assert told[0].name == "snapshot"
    assert unfold(told) == unfold(exactly(service, run.id, tail=100_000))
