"""Promise: a reader that comes again by itself is told every row once, wherever its stream broke off."""

import signal

import pytest
from playwright.sync_api import Page

from tests.foreign import nasty
from tests.foreign.nasty import Run
from tests.foreign.readers import BROWSER, RESUMING, Told, exactly, reading, rows, unfold
from tests.foreign.relay import relay
from tests.service_process import Service

each_resuming = pytest.mark.parametrize("reader", RESUMING)


def check(told: list[Told], service: Service, run: Run) -> None:
    """Every row once, in order; the end differs, as its ``sent_lines`` are those of the last answer alone."""
    assert unfold(told)[:-1] == unfold(exactly(service, run.id))[:-1]
    assert [row["seq"] for row in rows(told)] == list(range(1, told[-1].data["last_seq"] + 1))


def read_with_cuts(
    reader: str, batch: str, cuts: list[int], service: Service, run: Run, page: Page | None
) -> None:
    with relay(service.url, cuts) as broken, reading(reader, run.url(broken.url, batch=batch), page) as live:
        live.until_said("waiting")
        run.go()
        told = live.until_last()
    assert broken.cuts == []
    nasty.check(rows(told))
    check(told, service, run)


@each_resuming
def test_a_stream_that_breaks_off_is_taken_up_again(
    reader: str, service: Service, run: Run, page: Page | None
) -> None:
    read_with_cuts(reader, "false", [25_000], service, run, page)


@pytest.mark.slow
@pytest.mark.parametrize("batch", ["false", "true"], ids=["single", "batches"])
@each_resuming
def test_a_stream_may_break_off_again(
    reader: str, batch: str, service: Service, run: Run, page: Page | None
) -> None:
    read_with_cuts(reader, batch, [5_000, 25_000], service, run, page)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
@each_resuming
def test_a_service_may_be_started_again(
    reader: str, number: int, service: Service, run: Run, page: Page | None
) -> None:
    with reading(reader, run.url(), page) as live:
        live.until_said("waiting")
        service.stop(number)
        service.start()
        told = live.until_last()
    assert told[-1].data["status"] == "interrupted"
    assert ("bye" in [event.name for event in told]) == (number == signal.SIGTERM)
    check([event for event in told if event.name != "bye"], service, run)


@pytest.mark.parametrize("reader", [BROWSER, pytest.param("eventsource", marks=pytest.mark.slow)])
def test_an_event_source_that_does_not_know_the_end_comes_once_more_and_not_again(
    reader: str, service: Service, run: Run, page: Page | None
) -> None:
    run.go()
    with reading(reader, run.url(events="job_status"), page) as rest:
        told = rest.until_last("closed")
    assert [event.name for event in told[-2:]] == ["end", "closed"]
    assert [event.name for event in told].count("end") == 1
