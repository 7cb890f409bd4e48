"""Which worker types ship?"""

from collections.abc import Callable
from typing import Any

from jobs.workers.agent import agent
from jobs.workers.places_search import places_search
from jobs.workers.test_job_generator import generate_jobs

SHIPPED: dict[str, Callable[..., Any]] = {
    "agent": agent,
    "places_search": places_search,
    "test_job_generator": generate_jobs,
}
"""The functions of the shipped worker types by the name that a step's ``type`` selects."""
