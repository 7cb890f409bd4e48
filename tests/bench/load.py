"""Which load does a measurement put on the service? Worker functions, copied into its folder of workers.

A stamped line carries its number and ``time.monotonic_ns()`` at the call, as ``#n=17 t=123``: any client on
the same machine can tell how old it is.
"""

import logging
import time
from pathlib import Path
from random import Random

import anyio
import anyio.lowlevel

from jobs import Job, worker

LINE_CHARACTERS = 80
WORDS = """
accepted address after amount answer archive batch because before between binary bucket cached cannot
certificate checked chunk client closed column commit complete connection container copied country
created customer daily database deleted delivery detail device document domain download duplicate each
email empty encoded entry error every expected export failed feed field file filter finished folder
format found four from gateway group header host image import index input invoice item journal keyword
language large later limit line list loaded local locked login lookup machine mailbox market matched
member merged message method minute missing model moved name network newer nothing object offset older
order output package page parsed partner passed payment pending picture place posted previous price
process product profile queue quota range read ready received record refused region removed renamed
report request response restaurant result retry review role route saved schema search second section
sender server session shipped signature size skipped sorted source started status stored stream street
summary supplier table target template text ticket time title token topic total updated upload user valid
value version visitor volume warehouse window without written yearly zone
""".split()


def _texts() -> list[str]:
    random = Random(1)
    return [" ".join(random.choices(WORDS, k=16)).ljust(LINE_CHARACTERS) for _ in range(1_000)]


TEXTS = _texts()


def stamped(number: int) -> str:
    """A line of 80 characters that tells when it was written."""
    return f"#n={number} t={time.monotonic_ns()} {TEXTS[number % len(TEXTS)]}"[:LINE_CHARACTERS]


def typical(number: int) -> str:
    """A line of 80 characters as programs write them: a number and words."""
    return f"{number} {TEXTS[number % len(TEXTS)]}"[:LINE_CHARACTERS]


@worker("bench_paced")
async def write_paced(step: Job, go: str, lines: int, rate: float) -> None:
    """Write stamped lines at a rate, once a file exists.

    :param go: the file
    :param rate: lines a second
    """
    while not Path(go).exists():  # noqa: ASYNC110, ASYNC240 (a client that is ready makes it)
        await anyio.sleep(0.02)
    started = time.monotonic()
    for number in range(lines):
        wait = started + number / rate - time.monotonic()
        if wait > 0:
            await anyio.sleep(wait)
        step.log.info(stamped(number))


@worker("bench_paced_thread")
def write_paced_in_thread(step: Job, go: str, lines: int, rate: float) -> None:
    """As ``write_paced``, in a thread."""
    while not Path(go).exists():
        time.sleep(0.02)
    started = time.monotonic()
    for number in range(lines):
        time.sleep(max(0.0, started + number / rate - time.monotonic()))
        step.log.info(stamped(number))


@worker("bench_block")
async def block(step: Job, seconds: float, compute: bool) -> None:
    """Keep the event loop of the jobs.

    :param compute: whether it computes all the while, or only sleeps
    """
    if not compute:
        time.sleep(seconds)  # noqa: ASYNC251 (it is what is measured)
    end = time.monotonic() + seconds * compute
    while time.monotonic() < end:
        sum(range(100))


@worker("bench_typical")
async def write_typical(step: Job, lines: int) -> None:
    """Write lines of text without a pause."""
    for number in range(lines):
        step.log.info(typical(number))


@worker("bench_logging")
async def log_typical(step: Job, lines: int) -> None:
    """Write lines of text without a pause, as libraries do."""
    logger = logging.getLogger("bench")
    for number in range(lines):
        logger.info(typical(number))


@worker("bench_flood")
async def flood(step: Job, lines: int) -> None:
    """Write stamped lines without a pause, on the event loop of the jobs."""
    for number in range(lines):
        step.log.info(stamped(number))


@worker("bench_flood_thread")
def flood_in_thread(step: Job, lines: int) -> None:
    """Write stamped lines without a pause, in a thread."""
    for number in range(lines):
        step.log.info(stamped(number))


@worker("bench_flood_workers")
async def flood_in_workers(step: Job, lines: int, workers: int) -> None:
    """Share the lines between worker jobs that take turns."""
    for _ in range(workers):
        step.spawn(flood_in_turn, lines // workers)


async def flood_in_turn(job: Job, lines: int) -> None:
    """Write stamped lines; after each ten, let others go on."""
    for number in range(lines):
        job.log.info(stamped(number))
        if number % 10 == 9:
            await anyio.lowlevel.checkpoint()


@worker("bench_jobs")
async def spawn_jobs(step: Job, jobs: int, plain: bool) -> None:
    """Spawn worker jobs that do nothing.

    :param plain: whether they are plain functions, each in a thread
    """
    for _ in range(jobs):
        step.spawn(nothing_in_thread if plain else nothing)


@worker("bench_jobs_timed")
async def time_jobs(step: Job, jobs: int) -> None:
    """Spawn worker jobs that do nothing, and tell the seconds until all are committed as the only line."""
    started = time.monotonic()
    for handle in [step.spawn(nothing) for _ in range(jobs)]:
        await handle
    step.documents(limit=1)  # waits for everything before
    step.log.info(repr(time.monotonic() - started))


async def nothing(job: Job) -> None:
    """Return at once."""


def nothing_in_thread(job: Job) -> None:
    """Return at once."""
