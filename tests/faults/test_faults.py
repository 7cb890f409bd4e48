"""Promise: whatever breaks outside of the service, no committed row is lost, and the truth is told."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.faults import clock, damage, death, disk_full, failing_calls, flood, kill9, locked
from tests.faults.script import Figures

# A machine that does other things as well: what is measured in seconds is asserted generously here.
LOADED: dict[Callable[..., Figures], dict[str, Any]] = {
    kill9.kill_9: {"ready_seconds": 10.0},
    kill9.kill_9_and_retry: {"cycles": 5},
    kill9.kill_9_and_resume: {"cycles": 5},
    locked.locked: {"stall_seconds": 1.0},
    flood.flood_from_a_thread: {"seconds": 5.0, "latency_seconds": 3.0},
    flood.flood_on_the_loop: {"seconds": 5.0, "latency_seconds": 3.0},
}
FAULTS: list[Callable[..., Figures]] = [
    kill9.kill_9,
    kill9.kill_9_and_retry,
    kill9.kill_9_and_resume,
    disk_full.disk_full,
    disk_full.file_size_limit,
    failing_calls.calls_that_fail_at_the_start,
    failing_calls.calls_that_fail_in_a_run,
    locked.locked,
    *damage.FAULTS,
    clock.clock_steps,
    death.dead_writer,
    death.dead_loop,
    flood.flood_from_a_thread,
    flood.flood_on_the_loop,
]


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("fault", [pytest.param(fault, id=fault.__name__) for fault in FAULTS])
def test_a_fault(tmp_path: Path, fault: Callable[..., Figures]) -> None:
    fault(tmp_path, **LOADED.get(fault, {}))
