"""Promise: how fast lines came is told for a log of any length, exactly or, if it is long, nearly."""

import pytest

from tests.service_process import Service


def test_each_line_is_counted_in_its_part_of_the_time(shared_service: Service) -> None:
    manager = shared_service.run_to_end("load-test", worker_count=2, log_count=20, log_delay_ms=5)
    rate = shared_service.get(f"/managers/{manager['id']}/log/rate")
    assert len(rate["lines"]) == 60
    assert sum(rate["lines"]) == sum(manager["log_counts"].values())
    assert rate["seconds"] * 60 == pytest.approx(manager["duration"], rel=0.5)


def test_a_long_log_is_looked_at_here_and_there(shared_service: Service) -> None:
    manager = shared_service.run_to_end("load-test", worker_count=10, log_count=2000, log_delay_ms=0)
    rate = shared_service.get(f"/managers/{manager['id']}/log/rate")
    assert sum(rate["lines"]) == pytest.approx(sum(manager["log_counts"].values()), rel=0.1)


def test_only_a_run_has_a_rate(shared_service: Service) -> None:
    assert shared_service.client.get("/managers/nosuch/log/rate").status_code == 404
    assert shared_service.client.get("/managers/nosuch/log/rate?limit=3").status_code == 400
