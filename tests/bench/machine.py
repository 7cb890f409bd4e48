"""Where was it measured? The machine and the versions that figures depend on."""

import importlib.util
import os
import platform
import sqlite3
import statistics
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

PACKAGES = ("uvicorn", "starlette", "sse-starlette", "anyio")


def description() -> dict[str, str]:
    """The machine in words, by what is described."""
    return {
        "CPU": f"{_cpu()}, {os.cpu_count()} cores",
        "kernel": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "SQLite": sqlite3.sqlite_version,
        "event loop": _event_loop(),
        "packages": ", ".join(f"{name} {version(name)}" for name in PACKAGES),
        "disk": f"{_fsync_milliseconds():.2f} ms for 4 KiB with fsync, in the folder for temporary files",
        "load before": " ".join(f"{load:.1f}" for load in os.getloadavg()) + " (1, 5, 15 minutes)",
    }


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _event_loop() -> str:
    return (
        f"uvloop {version('uvloop')}" if importlib.util.find_spec("uvloop") else "asyncio's own (no uvloop)"
    )


def _fsync_milliseconds() -> float:
    """What one commit waits for at least: the median of 50 appends."""
    with tempfile.TemporaryFile() as file:
        times = []
        for _ in range(50):
            file.write(bytes(4096))
            file.flush()
            started = time.perf_counter()
            os.fsync(file.fileno())
            times.append(time.perf_counter() - started)
    return statistics.median(times) * 1000
