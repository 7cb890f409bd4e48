"""How long does another job library take? Run by ``tests/bench/peers.py`` with the Python that has it.

Each function enqueues jobs that do nothing and works them off in this process, with the settings that were
found fastest, and gives the seconds from the first enqueued to the last completed.
"""

import asyncio
import logging
import sys
import threading
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any


def huey_sqlite(jobs: int, port: int) -> float:
    """huey: SQLite with fsync, a consumer of four threads that starts once all are enqueued."""
    from huey import SqliteHuey

    with TemporaryDirectory(prefix="stepstream-bench-") as folder:
        queue = SqliteHuey(filename=str(Path(folder) / "huey.db"), fsync=True)
        count = Countdown(jobs)
        last = threading.Event()

        def nothing() -> None:
            if count.down():
                last.set()

        task = queue.task()(nothing)
        consumer = queue.create_consumer(workers=4, worker_type="thread", periodic=False)
        started = time.monotonic()
        for _ in range(jobs):
            task()
        consumer.start()
        last.wait()
        seconds = time.monotonic() - started
        consumer.stop(graceful=True)
        return seconds


async def arq(jobs: int, port: int) -> float:
    """arq: a worker of a hundred jobs at a time, in burst mode; fifty are enqueued at a time."""
    from arq import create_pool, func
    from arq.connections import RedisSettings
    from arq.worker import Worker

    pool = await create_pool(RedisSettings(port=port))
    worker = Worker(
        [func(nothing, name="nothing")],
        redis_pool=pool,
        burst=True,
        max_jobs=100,
        poll_delay=0.01,
        handle_signals=False,
    )
    started = time.monotonic()
    await in_fifties(jobs, lambda: pool.enqueue_job("nothing"))
    await worker.main()
    seconds = time.monotonic() - started
    assert worker.jobs_complete == jobs
    return seconds


async def saq(jobs: int, port: int) -> float:
    """saq: a worker of a hundred jobs at a time; fifty are enqueued at a time."""
    from saq import Queue, Worker

    logging.getLogger("saq").setLevel(logging.ERROR)  # else it tells that stopping cancels what polls
    queue = Queue.from_url(f"redis://localhost:{port}")
    await queue.connect()
    count = Countdown(jobs)
    last = asyncio.Event()

    async def ended(context: Any) -> None:
        if count.down():
            last.set()

    worker: Any = Worker(queue, [("nothing", nothing)], concurrency=100, after_process=ended)
    started = time.monotonic()
    await in_fifties(jobs, lambda: queue.enqueue("nothing"))
    working = asyncio.create_task(worker.start())
    await last.wait()
    seconds = time.monotonic() - started
    await worker.stop()
    await working
    return seconds


def rq(jobs: int, port: int) -> float:
    """RQ: its SimpleWorker, in burst mode; all are enqueued in one pipeline."""
    from redis import Redis
    from rq import Queue, SimpleWorker
    from rq.registry import FinishedJobRegistry

    connection = Redis(port=port)
    queue = Queue(connection=connection)
    started = time.monotonic()
    queue.enqueue_many([Queue.prepare_data("operator.not_", (0,)) for _ in range(jobs)])
    SimpleWorker([queue], connection=connection).work(burst=True, logging_level="WARNING")
    seconds = time.monotonic() - started
    assert FinishedJobRegistry(queue=queue).count == jobs
    return seconds


async def nothing(context: Any) -> None:
    """Return at once."""


async def in_fifties(jobs: int, enqueue: Any) -> None:
    """Enqueue jobs from fifty tasks at a time."""
    room = asyncio.Semaphore(50)

    async def one() -> None:
        async with room:
            await enqueue()

    await asyncio.gather(*(one() for _ in range(jobs)))


class Countdown:
    """Counts jobs down, in any thread.

    :param number: how many there are
    """

    def __init__(self, number: int) -> None:
        self._left = number
        self._lock = threading.Lock()

    def down(self) -> bool:
        """Count one; whether it was the last."""
        with self._lock:
            self._left -= 1
            return self._left == 0


PEERS = {"huey": huey_sqlite, "arq": arq, "saq": saq, "rq": rq}

if __name__ == "__main__":
    name, number, redis_port = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    run: Any = PEERS[name]
    took = run(number, redis_port)
    print(asyncio.run(took) if asyncio.iscoroutine(took) else took)
