"""Promise: a value of ``{env.NAME}`` is never stored and never shown, wherever a worker puts it."""

from collections.abc import Callable

from tests.service import Service

SECRET = 'hunter2-"quoted"\\back'

WORKERS = """
    import logging
    from jobs import Job, worker

    @worker("leaks")
    async def leaks(step: Job, key: str) -> None:
        step.log.info("the key is %s", key, data={"key": key, "list": [key]})
        logging.getLogger("http").warning("GET https://x.example/?key=%s", key)
        step.save({"source_type": "t", "source_id": key, "text": key, "metadata": {"key": key}})
        step.spawn(child, key)
        step.spawn(fails, key)
        step.log.info(("x" * 16_380) + key)

    async def child(job: Job, key: str) -> str:
        assert key.startswith("hunter2"), "the function itself gets the value"
        return f"result {key}"

    async def fails(job: Job, key: str) -> None:
        raise ValueError(f"bad key {key}")
"""


def test_secrets_are_masked_before_they_are_stored(make_service: Callable[..., Service]) -> None:
    service = make_service({"API_KEY": SECRET, "SHORT": "abc"})
    service.add_workers("leaks", WORKERS)
    service.define("job", '[step.only]\ntype = "leaks"\nkey = "{env.API_KEY}"\n')
    service.start()
    manager = service.run_to_end("job")
    assert manager["completed_jobs"] == 1
    assert manager["failed_jobs"] == 1
    text = service.client.get(f"/managers/{manager['id']}/log").text
    assert "the key is ***" in text
    assert "key=***" in text
    assert "ValueError: bad key ***" in text
    seen = text + service.client.get(f"/managers/{manager['id']}").text
    for path in ("events", "jobs", "log?format=json"):
        seen += service.client.get(f"/managers/{manager['id']}/{path}").text
    seen += service.client.get("/documents").text + service.client.get("/definitions/job").text
    assert "{env.API_KEY}" in seen
    assert service.stop() == 0
    raw = b"".join(path.read_bytes() for path in service.folder.glob("stepstream.db*"))
    for piece in ("hunter2", "quoted"):
        assert piece not in seen
        assert piece.encode() not in raw
        assert piece not in service.errors()


def test_an_unset_variable_is_an_error_that_names_it(make_service: Callable[..., Service]) -> None:
    service = make_service()
    service.add_workers("leaks", WORKERS)
    service.define("job", '[step.only]\ntype = "leaks"\nkey = "{env.NO_SUCH_KEY}"\n')
    service.start()
    (error,) = service.get("/definitions/job")["errors"]
    assert error["where"] == "job.toml step.only.key"
    assert "NO_SUCH_KEY is not set" in error["message"]
    refused = service.post("/definitions/job/runs")
    assert refused.status_code == 409
    assert refused.json()["errors"] == [error]
