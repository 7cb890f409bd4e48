"""Worker functions that write numbered lines; copied into a service's folder of worker functions.

A line is ``WORKER NUMBER NANOSECONDS``: each worker counts 1, 2, 3 …, and tells the clock at its call.
"""

import os
import time

import anyio
import anyio.lowlevel

from jobs import Job, worker


@worker("fault_lines")
async def lines(
    step: Job, workers: int = 4, count: int = 1_000_000_000, pause: float = 0.01, thread: bool = False
) -> None:
    """Each of some workers writes ``count`` lines, with a pause (seconds) after each."""
    for number in range(workers):
        step.spawn(write_in_a_thread if thread else write, number, count, pause)


async def write(job: Job, worker_number: int, count: int, pause: float) -> int:
    """The lines of one worker, on the event loop of the jobs."""
    for number in range(1, count + 1):
        job.log.info("%d %d %d", worker_number, number, time.monotonic_ns())
        await anyio.sleep(pause)
    return count


def write_in_a_thread(job: Job, worker_number: int, count: int, pause: float) -> int:
    """The lines of one worker, in a thread."""
    for number in range(1, count + 1):
        job.log.info("%d %d %d", worker_number, number, time.monotonic_ns())
        time.sleep(pause)
    return count


@worker("fault_flood")
async def flood(step: Job, rate: int, seconds: float, thread: bool) -> None:
    """One worker that calls ``rate`` times a second, and returns how many lines it wrote."""
    step.spawn(flood_in_a_thread if thread else flood_on_the_loop, rate, seconds)


FLOOD_PAUSE = 0.01


async def flood_on_the_loop(job: Job, rate: int, seconds: float) -> int:
    """Lines in bursts, the loop given back between them."""
    written, started = 0, time.monotonic()
    while (elapsed := time.monotonic() - started) < seconds:
        while written < rate * elapsed:
            written += 1
            job.log.info("0 %d %d", written, time.monotonic_ns())
            if written % 100 == 0:
                await anyio.lowlevel.checkpoint()
        await anyio.sleep(FLOOD_PAUSE)
    return written


def flood_in_a_thread(job: Job, rate: int, seconds: float) -> int:
    """The same from a thread."""
    written, started = 0, time.monotonic()
    while (elapsed := time.monotonic() - started) < seconds:
        while written < rate * elapsed and time.monotonic() - started < seconds:
            written += 1
            job.log.info("0 %d %d", written, time.monotonic_ns())
        time.sleep(FLOOD_PAUSE)
    return written


@worker("fault_once")
async def once(step: Job, jobs: int, seconds: float, file: str) -> None:
    """Worker jobs, each with a child, that write down that they ran to their end."""
    for _ in range(jobs):
        step.spawn(with_a_child, seconds, file)
        await anyio.sleep(seconds / 4)


async def with_a_child(job: Job, seconds: float, file: str) -> None:
    """A worker job that waits for one further."""
    await job.spawn(write_down, seconds, file)
    await write_down(job, seconds, file)


async def write_down(job: Job, seconds: float, file: str) -> None:
    """Append the worker job's id to a file, as its last act."""
    await anyio.sleep(seconds)
    job.log.info("attempt %d", job.attempt)
    done = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(done, f"{job.id}\n".encode())
    os.close(done)
