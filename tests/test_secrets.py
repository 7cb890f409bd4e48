"""Promise: a value of ``{env.NAME}`` is never stored and never shown, wherever a worker puts it."""

from collections.abc import Callable

import pytest

from tests.service_process import Service

SECRET = 'hunter2-"quoted"\\back'

WORKERS = """
    import json, logging, urllib.parse
    from typing import Literal
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

    @worker("leaks_a_number")
    async def leaks_a_number(step: Job, pin: str) -> None:
        number = int(pin)
        step.log.info("the pin", data={"pin": number, "more": [number * 10, number + 0.5], "other": 17})
        step.save({"source_type": "t", "source_id": "n", "metadata": {"pin": number}})
        step.spawn(echo, number)

    async def echo(job: Job, number: int) -> list[int]:
        return [number, 17]

    @worker("leaks_in_disguise")
    async def leaks_in_disguise(step: Job, key: str) -> None:
        step.log.info("GET /?key=%s", urllib.parse.quote(key, safe=""))
        step.log.info("GET /?key=%s", urllib.parse.quote_plus(key))
        step.log.info("%r", {"key": key})
        step.log.info(json.dumps([key], ensure_ascii=False))
        step.spawn(fails_at_length, key, 990)
        step.spawn(fails_at_length, key, 20_000)

    async def fails_at_length(job: Job, key: str, length: int) -> None:
        raise KeyError("x" * length + key)

    @worker("takes_a_choice")
    async def takes_a_choice(step: Job, key: Literal["one", "two"]) -> None:
        raise AssertionError("never called")
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


def test_a_secret_number_leaves_json_what_it_is(make_service: Callable[..., Service]) -> None:
    service = make_service({"PIN": "123456"})
    service.add_workers("leaks", WORKERS)
    service.define("job", '[step.only]\ntype = "leaks_a_number"\npin = "{env.PIN}"\n')
    service.start()
    manager = service.run_to_end("job")
    assert manager["status"] == "completed"
    (line,) = service.rows(manager["id"], events="job_log", step="only")
    assert line["data"] == {"pin": "***", "more": ["***", "***"], "other": 17}
    (job,) = service.get(f"/managers/{manager['id']}/jobs")["items"]
    assert (job["arguments"], job["result"]) == ({"number": "***"}, ["***", 17])
    (document,) = service.get("/documents")["items"]
    assert document["metadata"] == {"pin": "***"}


@pytest.mark.parametrize("kind", ["leaks_in_disguise", "takes_a_choice"])
def test_a_secret_is_known_in_disguise_and_never_cut_in_two(
    make_service: Callable[..., Service], kind: str
) -> None:
    secret = "geheim+é/'\"\\=" + "z" * 70
    service = make_service({"API_KEY": secret})
    service.add_workers("leaks", WORKERS)
    service.define("job", f'[step.only]\ntype = "{kind}"\nkey = "{{env.API_KEY}}"\n')
    service.start()
    assert service.run_to_end("job")["status"] == "failed"
    assert service.stop() == 0
    raw = b"".join(path.read_bytes() for path in service.folder.glob("stepstream.db*"))
    assert b"***" in raw
    assert b"geheim" not in raw
    assert b"zzz" not in raw


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
