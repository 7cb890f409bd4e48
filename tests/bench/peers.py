"""How many worker jobs a second, beside other job libraries? Jobs that do nothing, enqueued to completed.

huey with SQLite and fsync, arq, saq and RQ's SimpleWorker with a Redis of their own, each in one process
with the settings that ``peer_load.py`` lists. The same core runs Stepstream and every library in turn; Redis
has the other one to itself. 2,000 jobs (RQ 500); ratios are those of the same round.

What differs: Stepstream's jobs are spawned, kept and run in one process, and their changes of status are
committed in groups, with ``synchronous=FULL``, each with its row in the log. The others acknowledge each
enqueued job and may have workers in many processes. Redis loses what it has not written when the machine
dies: by default it writes a snapshot now and then, with ``everysec`` an append-only file once a second, and
only with ``always`` before it answers.
"""

import argparse
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench import machine, peer_load
from tests.bench.figure import Figure, show, summarise
from tests.bench.measured_service import MeasuredService, measured_service
from tests.bench.process import CLIENT_CORE, SERVER_CORE, on_core

JOBS = {"huey": 2_000, "arq": 2_000, "saq": 2_000, "rq": 500}
CONCURRENCY = 8
PERSISTENCE = {
    "snapshots": (),
    "everysec": ("--appendonly", "yes", "--appendfsync", "everysec"),
    "always": ("--appendonly", "yes", "--appendfsync", "always"),
}


def measure(python: str) -> list[Figure]:
    """Jobs a second of each, and how many times as many Stepstream does.

    :param python: an interpreter that has the libraries
    """
    with measured_service() as service:
        figures = [Figure("Stepstream", ours := _ours(service, 2_000), "jobs/s")]
    for peer, jobs in JOBS.items():
        for persistence, options in PERSISTENCE.items() if peer != "huey" else [("fsync", None)]:
            with _redis(options) as port:
                rate = jobs / _seconds(python, peer, jobs, port)
            name = f"{peer}, {persistence}"
            figures += [Figure(name, rate, "jobs/s"), Figure(f"Stepstream to {name}", ours / rate, "times")]
    return figures


def _ours(service: MeasuredService, jobs: int) -> float:
    started = time.monotonic()
    service.wait(service.start_load("bench_jobs", jobs=jobs, plain=False, concurrency=CONCURRENCY))
    return jobs / (time.monotonic() - started)


def _seconds(python: str, peer: str, jobs: int, port: int) -> float:
    with on_core(SERVER_CORE):
        command = [python, peer_load.__file__, peer, str(jobs), str(port)]
        return float(subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout)


@contextmanager
def _redis(options: tuple[str, ...] | None) -> Iterator[int]:
    """An empty Redis, on which port; with None there is none."""
    if options is None:
        yield 0
        return
    with closing(socket.create_server(("localhost", 0))) as free:
        port: int = free.getsockname()[1]
    with TemporaryDirectory(prefix="stepstream-bench-") as folder, on_core(CLIENT_CORE):
        command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", folder, *options]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
            try:
                _wait(port)
                yield port
            finally:
                process.terminate()


def _wait(port: int) -> None:
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.01)
        else:
            return


def _versions(python: str) -> str:
    show = f"for name in {list(JOBS)}: print(name, version(name), end=', ')"
    code = f"from importlib.metadata import version\n{show}"
    libraries = subprocess.run([python, "-c", code], check=True, text=True, stdout=subprocess.PIPE).stdout
    redis = subprocess.run(
        ["redis-server", "--version"], check=True, text=True, stdout=subprocess.PIPE
    ).stdout
    return f"{libraries}Redis {redis.partition('v=')[2].partition(' ')[0]}"


def main() -> None:
    """The command ``python -m tests.bench.peers``."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.peers", description=__doc__)
    parser.add_argument("python", help="an interpreter that has huey, arq, saq and rq")
    parser.add_argument("--rounds", type=int, default=1, help="how often each is measured (1)")
    parser.add_argument("--json", action="store_true", help="JSON instead of a table")
    options = parser.parse_args()
    if not shutil.which("redis-server"):
        print("skipped: there is no redis-server (on Debian and Ubuntu: sudo apt-get install redis-server)")
        return
    described = machine.description() | {"libraries": _versions(options.python)}
    rounds = []
    for number in range(options.rounds):
        print(f"round {number + 1} of {options.rounds}", file=sys.stderr, flush=True)
        rounds.append(measure(str(Path(options.python).absolute())))
    summaries = summarise("peers", rounds)
    show(described, options.rounds, summaries, as_json=options.json)


if __name__ == "__main__":
    main()
