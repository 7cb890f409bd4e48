"""Promise: what the page on writing workers says of threads, printing and shipped names is so."""

from collections.abc import Callable

from tests.service_process import Service

WORKERS = """
    import logging, threading, warnings
    from jobs import Job, worker

    @worker("noisy")
    def noisy(step: Job) -> None:
        print("printed", flush=True)
        warnings.warn("warned")
        thread = threading.Thread(target=in_thread, args=[step])
        thread.start()
        thread.join()

    def in_thread(step: Job) -> None:
        logging.getLogger("library").info("logged in a thread")
        step.log.info("written in a thread")
        raise RuntimeError("raised in a thread")

    @worker("agent")
    def agent(step: Job) -> None:
        step.log.info("the agent of this folder")
"""


def test_what_lands_in_the_log_and_what_in_the_terminal(make_service: Callable[..., Service]) -> None:
    service = make_service()
    service.add_workers("noisy", WORKERS)
    service.define("noisy", '[step.a]\ntype = "noisy"')
    service.start()
    manager = service.run_to_end("noisy")
    assert manager["status"] == "completed"
    log = service.client.get(f"/managers/{manager['id']}/log").text
    assert "logged in a thread" in log
    assert "written in a thread" in log
    assert "raised in a thread" not in log
    assert service.process.stdout is not None
    assert service.process.stdout.readline() == "printed\n"
    assert "UserWarning: warned" in service.errors()
    assert "RuntimeError: raised in a thread" in service.errors()


def test_a_worker_type_replaces_a_shipped_one_of_its_name(make_service: Callable[..., Service]) -> None:
    service = make_service()
    service.add_workers("own", WORKERS)
    service.define("own", '[step.a]\ntype = "agent"')
    service.start()
    manager = service.run_to_end("own")
    assert "the agent of this folder" in service.client.get(f"/managers/{manager['id']}/log").text
