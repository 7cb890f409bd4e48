"""Promise: worker jobs that spawn without end are stopped with a clear error."""

from tests.service_process import Service

WORKERS = """
    from jobs import Job, worker
    import jobs.worker_jobs

    jobs.worker_jobs.MOST_JOBS = 500

    @worker("deep")
    async def deep(step: Job) -> None:
        step.spawn(deeper)

    async def deeper(job: Job) -> None:
        job.spawn(deeper)

    @worker("wide")
    async def wide(step: Job) -> None:
        step.spawn(wider)

    async def wider(job: Job) -> None:
        job.spawn(wider)
        job.spawn(wider)
"""


def test_depth_and_number_are_bounded(service: Service) -> None:
    service.stop()
    service.add_workers("endless", WORKERS)
    service.start()
    for kind, reason, most in (
        ("deep", "spawn(deeper): worker jobs are nested deeper than 100", 100),
        ("wide", "spawn(wider): a step has at most 500 worker jobs", 500),
    ):
        service.define(kind, f'[step.one]\ntype = "{kind}"')
        manager = service.run_to_end(kind)
        assert manager["status"] == "completed_with_warnings"
        assert manager["total_jobs"] == most
        failed = service.get(f"/managers/{manager['id']}/jobs", status="failed")["items"]
        assert failed[0]["reason"] == f"RecursionError: {reason}"
