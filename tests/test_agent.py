"""Promise: an agent works on just the documents that its filters choose, and needs no model for that."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.service_process import Service

WORKERS = """
    from jobs import Job, worker

    @worker("save")
    def save(step: Job, names: list[str]) -> None:
        for name in names:
            kind, *tags = name.split("-")
            text = f"The keeper of the lighthouse mends the brass lantern {name}. It is old."
            step.save({"source_type": kind[0], "source_id": name, "title": name, "text": text, "tags": tags})
"""
NAMES = ["a1-red", "a2-red-blue", "b1-blue", "b2"]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("agent"))
    service.add_workers("save", WORKERS)
    service.start()
    run(service, ["c1"])
    yield service
    service.kill()


def run(service: Service, names: list[str], **keys: Any) -> dict[str, Any]:
    """Save documents, then let an agent work on them; the manager."""
    own = "\n".join(f"{key} = {json.dumps(value)}" for key, value in keys.items())
    service.define(
        "agent",
        f"[step.save]\ntype = 'save'\nnames = {json.dumps(names)}\n"
        "[step.work]\ntype = 'agent'\ndepends = 'save'\nconcurrency = 1\nagent_type = 'content_summarizer'\n"
        + own,
    )
    return service.run_to_end("agent")


@pytest.mark.parametrize(
    ("keys", "chosen"),
    [
        ({}, NAMES),
        ({"filter_source_type": "b"}, ["b1-blue", "b2"]),
        ({"filter_tags": ["red"]}, ["a1-red", "a2-red-blue"]),
        ({"filter_tags": ["red", "blue"]}, ["a2-red-blue"]),
        ({"filter_limit": 3}, NAMES[:3]),
        ({"filter_source_type": "b", "filter_limit": 1}, ["b1-blue"]),
        ({"filter_source_type": "c"}, []),
        ({"filter_source_type": "c", "filter_scope": "all"}, ["c1"]),
    ],
)
def test_filters_choose_documents(service: Service, keys: dict[str, Any], chosen: list[str]) -> None:
    manager = run(service, NAMES, **keys)
    assert manager["status"] == "completed"
    jobs = service.get(f"/managers/{manager['id']}/jobs")["items"]
    found = [service.get(f"/documents/{job['result']['document']}") for job in jobs]
    assert [document["title"] for document in found] == chosen
    for document, job in zip(found, jobs, strict=True):
        summary = f"The keeper of the lighthouse mends the brass lantern {document['title']}."
        assert document["metadata"]["content_summarizer"] == {"summary": job["result"]["summary"]}
        assert summary in job["result"]["summary"]
    if not chosen:
        (warning,) = service.rows(manager["id"], step="work", events="job_log")
        assert warning["level"] == "warning"
        assert warning["message"].startswith("no documents to work on: none of those that this run saved")


def test_a_limit_of_none_at_all_is_refused(service: Service) -> None:
    manager = run(service, NAMES, filter_limit=0)
    assert manager["steps"][1]["reason"] == "filter_limit is 0, expected 1 or more"
