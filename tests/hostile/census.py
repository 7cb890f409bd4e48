"""What does the service hold now? A worker function looks at it from inside, and writes it to a file.

It is copied into a service's folder of worker functions. The garbage is collected before: what is counted is
still held by something.
"""

import asyncio
import gc
import json
import threading
import time
from collections import Counter
from pathlib import Path
from types import AsyncGeneratorType

from jobs import Job, worker
from jobs.hub import Hub

# What serves clients; an object of a class of these modules is a client's, or there from the start.
SERVING = ("jobs.web", "jobs.hub", "jobs.tail", "jobs.page", "uvicorn", "h11", "sse_starlette", "starlette")


@worker("census")
def census(step: Job, file: str) -> None:
    """Count what a client could leave behind.

    :param file: where the counts go, as JSON, once there is such a file that ends in ``.go``
    """
    while not Path(f"{file}.go").exists():
        time.sleep(0.005)
    gc.collect()
    objects = gc.get_objects()
    (hub,) = (each for each in objects if type(each) is Hub)
    counts = Counter(
        type(each).__name__ for each in objects if str(type(each).__module__).startswith(SERVING)
    )
    counts["generators"] = sum(type(each) is AsyncGeneratorType for each in objects if not _is_over(each))
    counts["streams"] = len(hub.streams)
    counts["tasks"] = len(asyncio.all_tasks(hub._loop))
    counts["timers"] = sum(type(each).__name__ == "TimerHandle" for each in objects)
    counts["threads"] = threading.active_count()
    Path(f"{file}.new").write_text(json.dumps(counts))
    Path(f"{file}.new").rename(file)


def _is_over(each: object) -> bool:
    return type(each) is AsyncGeneratorType and each.ag_frame is None
