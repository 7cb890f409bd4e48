"""How is the service watched? Its figures as Prometheus text, made when they are asked for.

Nothing is counted for the sake of this page where it would cost: the writer counts once a commit, and how
many runs and worker jobs there are is kept in the database. So a scrape costs the same whatever is stored.
"""

import platform
from collections.abc import Iterator, Mapping
from typing import Any

from anyio import to_thread
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response

from jobs.engine import Figures
from jobs.web.floor import Floor, floor
from jobs.web.request import Query

PARTS = ("writer", "runner", "database")


async def metrics(request: Request) -> Response:
    """``GET /metrics``"""
    Query(request)
    here = floor(request)
    figures = await to_thread.run_sync(here.engine.figures)
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    registry.register(Page(here, figures))
    body = await to_thread.run_sync(generate_latest, registry)
    return Response(body, headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})


class Page(Collector):
    """The service's own figures."""

    def __init__(self, here: Floor, figures: Figures) -> None:
        self._here = here
        self._figures = figures

    def collect(self) -> Iterator[Metric]:
        """All of them."""
        yield from self._service()
        yield from self._writing()
        yield from self._jobs()
        yield from self._viewers()

    def _service(self) -> Iterator[Metric]:
        health = self._figures.health
        build = {
            "version": health["version"],
            "sqlite_version": health["sqlite_version"],
            "python_version": platform.python_version(),
        }
        yield InfoMetricFamily("stepstream_build", "What runs.", build)
        up = GaugeMetricFamily(
            "stepstream_up", "Whether a part of the service is well, 1 or 0.", labels=["part"]
        )
        for part in PARTS:
            up.add_metric([part], health[part] == "ok")
        yield up

    def _writing(self) -> Iterator[Metric]:
        tally = self._figures.tally
        yield CounterMetricFamily("stepstream_rows", "Rows committed to the log since the start.", tally.rows)
        yield _counter(
            "stepstream_lines", "Lines committed to the log since the start.", "level", tally.lines
        )
        commits = tally.up_to()
        yield CounterMetricFamily(
            "stepstream_commits", "Transactions committed since the start.", commits[-1][1]
        )
        yield HistogramMetricFamily(
            "stepstream_commit_duration_seconds",
            "Time from taking the write lock to the end of COMMIT.",
            [(_bound(bound), count) for bound, count in commits],
            tally.seconds,
        )
        yield CounterMetricFamily(
            "stepstream_commit_failed_tries",
            "Commits that the disk refused and that were tried again, since the start.",
            tally.failed_tries,
        )
        yield GaugeMetricFamily(
            "stepstream_writer_queue_length", "Changes that wait for the writer.", self._figures.queued
        )
        for name, size in self._figures.sizes.items():
            what = {"database": "the database file", "wal": "its write-ahead log"}[name]
            yield GaugeMetricFamily(f"stepstream_{name}_size_bytes", f"Size of {what}.", size)

    def _jobs(self) -> Iterator[Metric]:
        if totals := self._figures.totals:
            yield _gauge("stepstream_managers", "Managers that are kept.", "status", totals["managers"])
            yield _gauge("stepstream_worker_jobs", "Worker jobs that are kept.", "status", totals["jobs"])
        yield GaugeMetricFamily(
            "stepstream_jobs_loop_blocked_seconds",
            "How long a worker function has blocked the event loop of jobs by now; 0 if none does.",
            self._figures.blocked_seconds,
        )

    def _viewers(self) -> Iterator[Metric]:
        hub = self._here.hub
        yield GaugeMetricFamily(
            "stepstream_viewers", "Streams and followed logs that are open.", len(hub.streams)
        )
        yield GaugeMetricFamily("stepstream_viewers_limit", "How many may be open.", self._here.max_streams)
        yield CounterMetricFamily(
            "stepstream_delivered_bytes", "Bytes that were handed to them since the start.", hub.delivered
        )


def _bound(seconds: float) -> str:
    return "+Inf" if seconds == float("inf") else str(seconds)


def _counter(name: str, text: str, label: str, values: Mapping[Any, int]) -> Metric:
    family = CounterMetricFamily(name, text, labels=[label])
    for value, number in values.items():
        family.add_metric([value], number)
    return family


def _gauge(name: str, text: str, label: str, values: Mapping[Any, int]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=[label])
    for value, number in values.items():
        family.add_metric([value], number)
    return family
