"""How long from a worker's call to a viewer? One line at a time, with one viewer.

The worker takes the time, then calls ``job.log.info``; the viewer, a plain socket in another process on
another core, takes it again when ``recv`` returns. In between: the line is prepared, queued, committed with
synchronous=FULL, read back, sent. The lines are evenly spaced, as many as fit into some seconds; with few of
them the 99th percentile is the slowest.
"""

from tests.bench.figure import Figure, percentile
from tests.bench.measured_service import measured_service
from tests.bench.stream import read_to_end, request

LOADS = ((1, 10), (10, 60), (100, 500))  # lines a second, lines


def measure() -> list[Figure]:
    """Median and 99th percentile at each rate."""
    figures = []
    with measured_service() as service:
        for rate, lines in LOADS:
            manager_id = service.start_paced(lines, rate)
            connection = request(service.url, f"/managers/{manager_id}/events?after=0")
            service.go.touch()
            latencies = [each / 1e6 for each in read_to_end(connection).latencies]
            load = f"{rate} line{'s' if rate > 1 else ''}/s, call to socket"
            figures.append(Figure(f"{load}, median", percentile(latencies, 0.5), "ms"))
            figures.append(Figure(f"{load}, 99 % (of {len(latencies)})", percentile(latencies, 0.99), "ms"))
    return figures
