"""Which figures does this machine give? Runs the benchmarks and prints a Markdown table, or JSON."""

import argparse
import os
import sys
from collections.abc import Callable

from tests.bench import (
    blocking,
    catch_up,
    fan_out,
    latency,
    machine,
    memory,
    panel,
    plain_sqlite,
    replay,
    scale,
    size,
    start_up,
    worker_jobs,
    writing,
)
from tests.bench.figure import Figure, show, summarise
from tests.bench.process import CLIENT_CORE, raise_descriptor_limit

BENCHMARKS: dict[str, Callable[[], list[Figure]]] = {
    "latency": latency.measure,
    "writing": writing.measure,
    "plain-sqlite": plain_sqlite.measure,
    "fan-out": fan_out.measure,
    "replay": replay.measure,
    "memory": memory.measure,
    "catch-up": catch_up.measure,
    "size": size.measure,
    "worker-jobs": worker_jobs.measure,
    "blocking": blocking.measure,
    "scale": scale.measure,
    "start-up": start_up.measure,
    "panel": panel.measure,
}


def main() -> None:
    """The command ``python -m tests.bench``."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)} (all)")
    parser.add_argument("--rounds", type=int, default=1, help="how often each is measured (1)")
    parser.add_argument("--json", action="store_true", help="JSON instead of a table")
    options = parser.parse_args()
    if unknown := set(options.names) - set(BENCHMARKS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    names = options.names or list(BENCHMARKS)

    raise_descriptor_limit()
    described = machine.description()
    os.sched_setaffinity(0, {CLIENT_CORE})
    rounds: dict[str, list[list[Figure]]] = {name: [] for name in names}
    for number in range(options.rounds):
        for name in names:
            print(f"round {number + 1} of {options.rounds}: {name}", file=sys.stderr, flush=True)
            rounds[name].append(BENCHMARKS[name]())
    summaries = [summary for name in names for summary in summarise(name, rounds[name])]
    show(described, options.rounds, summaries, as_json=options.json)


if __name__ == "__main__":
    main()
