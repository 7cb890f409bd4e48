"""Worker type ``test_job_generator``: what does a run with many workers, lines and failures look like?"""

from random import Random

import anyio

from jobs.exception import Failure
from jobs.job import Job
from jobs.mark import worker


@worker("test_job_generator")
async def generate_jobs(
    step: Job,
    worker_count: int = 5,
    log_count: int = 50,
    log_delay_ms: float = 10,
    recursion_depth: int = 0,
    child_count: int = 2,
    failure_rate: float = 0.0,
    seed: int = 1,
) -> None:
    """Spawn worker jobs that write numbered lines, spawn further ones, and fail at a given rate.

    :param worker_count: how many worker jobs the step spawns itself (depth 0)
    :param log_count: lines that each worker job writes
    :param log_delay_ms: milliseconds slept before each line
    :param recursion_depth: worker jobs of a depth below this one spawn children
    :param child_count: how many children each of them spawns
    :param failure_rate: the chance, 0 to 1, that a worker job raises after its last line
    :param seed: the same seed lets the same worker jobs fail, in every run and in every retry
    :raises Failure: a number is below 0, or failure_rate is not within 0 and 1
    """
    counts = {
        "worker_count": worker_count,
        "log_count": log_count,
        "log_delay_ms": log_delay_ms,
        "recursion_depth": recursion_depth,
        "child_count": child_count,
    }
    for name, count in counts.items():
        if not count >= 0:
            raise Failure(f"{name} is {count:g}, expected 0 or more")
    if not 0 <= failure_rate <= 1:
        raise Failure(f"failure_rate is {failure_rate:g}, expected 0 to 1")
    for number in range(1, worker_count + 1):
        step.spawn(
            write_lines,
            number=str(number),
            log_count=log_count,
            log_delay_ms=log_delay_ms,
            levels_below=recursion_depth,
            child_count=child_count,
            failure_rate=failure_rate,
            seed=seed,
        )


async def write_lines(
    job: Job,
    number: str,
    log_count: int,
    log_delay_ms: float,
    levels_below: int,
    child_count: int,
    failure_rate: float,
    seed: int,
) -> dict[str, str | int]:
    """Spawn children without waiting for them, write the lines, and fail if that is this worker's lot.

    :param number: its place in the tree, unique in the step: ``3``, its first child ``3.1``
    :param levels_below: how many generations follow
    :returns: the number, and how many lines were written
    :raises RuntimeError: drawn by :func:`fails`
    """
    if levels_below > 0:
        for child in range(1, child_count + 1):
            job.spawn(
                write_lines,
                number=child_number(number, child),
                log_count=log_count,
                log_delay_ms=log_delay_ms,
                levels_below=levels_below - 1,
                child_count=child_count,
                failure_rate=failure_rate,
                seed=seed,
            )
    for line in range(1, log_count + 1):
        await anyio.sleep(log_delay_ms / 1000)
        job.log.info("worker %s line %d/%d", number, line, log_count)
        job.progress(line, log_count)
    if fails(number, failure_rate, seed):
        raise RuntimeError(f"worker {number} fails, as drawn from seed {seed} at rate {failure_rate:g}")
    return {"worker": number, "lines": log_count}


def child_number(parent: str, child: int) -> str:
    """``3``, 1 → ``3.1``."""
    return f"{parent}.{child}"


def fails(number: str, failure_rate: float, seed: int) -> bool:
    """Whether a worker fails: drawn from the seed and its number alone, whatever the order of work."""
    return Random(f"{seed}/{number}").random() < failure_rate
