"""Promise: ``GET /metrics`` is Prometheus text that tells what has happened, at a cost that does not grow."""

import math
import sqlite3
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from functools import cache

import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from jobs.row import LEVELS
from jobs.status import STATUSES, WORKER_STATUSES
from tests.pages import names, reference, section
from tests.service_process import Service


def scrape(service: Service) -> dict[str, Metric]:
    """What is told, by name."""
    answer = service.client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    families = list(text_string_to_metric_families(answer.text))
    assert len({family.name for family in families}) == len(families)
    return {family.name: family for family in families}


def value(families: Mapping[str, Metric], sample: str, **labels: str) -> float:
    """One sample."""
    (found,) = (
        each.value
        for family in families.values()
        for each in family.samples
        if each.name == sample and each.labels == labels
    )
    return float(found)


def counters(families: Mapping[str, Metric]) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families.values()
        if family.type in ("counter", "histogram")
        for sample in family.samples
    }


def test_the_text_is_well_formed(shared_service: Service) -> None:
    for name, family in scrape(shared_service).items():
        assert family.documentation.endswith(".") or name.startswith("process_"), name
        assert family.type in ("counter", "gauge", "histogram"), name
        assert family.samples, name
        seen = [(sample.name, tuple(sorted(sample.labels.items()))) for sample in family.samples]
        assert len(set(seen)) == len(seen)
        for sample in family.samples:
            assert math.isfinite(sample.value)
            # As the naming rules want it: base units, and _total for what only grows.
            assert sample.name.endswith("_total") == (family.type == "counter")
            assert not sample.name.endswith(("_ms", "_milliseconds", "_kb", "_mb"))


def test_rows_lines_and_jobs_are_those_of_the_log(shared_service: Service) -> None:
    service = shared_service
    before = scrape(service)
    manager = service.run_to_end("load-test", worker_count=3, log_count=4, log_delay_ms=0, failure_rate=1)
    after = scrape(service)

    def grown(sample: str, **labels: str) -> float:
        return value(after, sample, **labels) - value(before, sample, **labels)

    assert grown("stepstream_rows_total") == manager["last_seq"]
    for level in LEVELS:
        assert grown("stepstream_lines_total", level=level) == manager["log_counts"][level]
    assert 0 < grown("stepstream_commits_total") <= manager["last_seq"]
    for status in STATUSES:
        assert grown("stepstream_managers", status=status) == (status == manager["status"])
    for status in WORKER_STATUSES:
        assert grown("stepstream_worker_jobs", status=status) == manager[f"{status}_jobs"]
    earlier = counters(before)
    for key, number in counters(after).items():
        assert number >= earlier[key], key


def test_the_histogram_of_commits_is_one(shared_service: Service) -> None:
    shared_service.run_to_end("load-test", worker_count=1, log_count=1, log_delay_ms=0)
    families = scrape(shared_service)
    name = "stepstream_commit_duration_seconds"
    buckets = [
        (float(sample.labels["le"]), sample.value)
        for sample in families[name].samples
        if sample.name == f"{name}_bucket"
    ]
    assert buckets == sorted(buckets)
    assert [count for _, count in buckets] == sorted(count for _, count in buckets)
    assert buckets[-1][0] == math.inf
    assert buckets[-1][1] == value(families, f"{name}_count") == value(families, "stepstream_commits_total")
    assert 0 < value(families, f"{name}_sum") < 60


def test_viewers_and_what_they_get_are_counted(service: Service) -> None:
    manager_id = service.run("load-test", worker_count=1, log_count=100, log_delay_ms=100)
    assert value(scrape(service), "stepstream_viewers") == 0
    with service.stream(manager_id) as events:
        next(events)
        families = scrape(service)
        assert value(families, "stepstream_viewers") == 1
        assert value(families, "stepstream_delivered_bytes_total") > 0
        assert value(families, "stepstream_viewers_limit") > 1
        delivered = value(families, "stepstream_delivered_bytes_total")
        last_seq = service.get(f"/managers/{manager_id}")["last_seq"]
        while not next(events).json.get("seq", 0) > last_seq:
            pass  # until one that was written past the response
        assert value(scrape(service), "stepstream_delivered_bytes_total") > delivered
    deadline = time.monotonic() + 20
    while value(scrape(service), "stepstream_viewers"):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_health_files_and_build_are_told(shared_service: Service) -> None:
    families = scrape(shared_service)
    for part in ("writer", "runner", "database"):
        assert value(families, "stepstream_up", part=part) == 1
    health = shared_service.get("/healthz")
    (build,) = families["stepstream_build_info"].samples
    assert build.value == 1
    assert build.labels["version"] == health["version"]
    assert build.labels["sqlite_version"] == health["sqlite_version"]
    assert value(families, "stepstream_database_size_bytes") == shared_service.db.stat().st_size
    assert value(families, "stepstream_wal_size_bytes") > 0
    assert value(families, "stepstream_writer_queue_length") >= 0
    assert value(families, "stepstream_jobs_loop_blocked_seconds") == 0
    assert value(families, "process_resident_memory_bytes") > 1e6


def test_what_is_not_well_is_still_told(make_service: Callable[..., Service]) -> None:
    service = make_service().start()
    service.db.rename(service.folder / "elsewhere")
    families = scrape(service)
    assert value(families, "stepstream_up", part="database") == 0
    assert value(families, "stepstream_up", part="runner") == 1


def test_a_function_that_blocks_is_told(make_service: Callable[..., Service]) -> None:
    service = make_service()
    service.add_workers(
        "blocks",
        """
        import time
        from jobs import Job, worker

        @worker("blocks")
        async def blocks(step: Job) -> None:
            time.sleep(4)
        """,
    )
    service.define("blocks", '[step.only]\ntype = "blocks"\n')
    service.start()
    service.run("blocks")
    deadline = time.monotonic() + 20
    while not (seconds := value(scrape(service), "stepstream_jobs_loop_blocked_seconds")):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert seconds >= 0.5


def test_a_scrape_reads_no_rows_and_no_jobs(shared_service: Service) -> None:
    """Its queries go by the totals, which triggers keep; a scan of what grows would be in their plans."""
    from jobs.store import runs

    shared_service.run_to_end("load-test", worker_count=1, log_count=1, log_delay_ms=0)
    plans: list[str] = []
    with closing(sqlite3.connect(shared_service.db)) as db:
        db.row_factory = sqlite3.Row
        statements: list[str] = []
        db.set_trace_callback(statements.append)
        runs.totals(db)
        db.set_trace_callback(None)
        for statement in statements:
            plans += [row["detail"] for row in db.execute(f"EXPLAIN QUERY PLAN {statement}")]
    assert plans
    assert {plan.split()[1] for plan in plans} <= {"manager_totals", "job_totals"}


@cache
def listed() -> list[str]:
    return names(section(reference("http"), "`GET /metrics`"))


def test_every_metric_is_documented_and_the_other_way_round(shared_service: Service) -> None:
    told = {
        f"{name}_total" if family.type == "counter" else name
        for name, family in scrape(shared_service).items()
        if not name.startswith("process_")
    }
    assert set(listed()) == told


@pytest.mark.parametrize("name", ["x", "name[]"])
def test_there_are_no_parameters(shared_service: Service, name: str) -> None:
    assert shared_service.client.get("/metrics", params={name: "1"}).status_code == 400
