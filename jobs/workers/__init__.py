"""Which worker types ship?"""

from collections.abc import Callable
from typing import Any

from jobs.workers.agent import agent
from jobs.workers.command import command
from jobs.workers.local_dir import local_dir
from jobs.workers.places_search import places_search
from jobs.workers.test_job_generator import generate_jobs
from jobs.workers.web import web

SHIPPED: dict[str, Callable[..., Any]] = {
    "agent": agent,
    "command": command,
    "local_dir": local_dir,
    "places_search": places_search,
    "test_job_generator": generate_jobs,
    "web": web,
}
"""The functions of the shipped worker types by the name that a step's ``type`` selects."""
