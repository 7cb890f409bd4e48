"""What is a definition? The steps of a job, with what its file says of them and of the whole."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jobs.params import with_defaults
from jobs.problem import Problem
from jobs.step_definition import StepDefinition


@dataclass(frozen=True)
class Definition:
    """One definition file. With errors it can be listed, but not run. Durations are in seconds."""

    id: str
    name: str
    path: Path
    toml: str
    description: str = ""
    enabled: bool = True
    timeout: float | None = None
    max_running: int = 1
    schedule: str = ""
    timezone: str = "UTC"
    on_restart: str = "interrupt"
    tags: tuple[str, ...] = ()
    params: dict[str, Any] = field(default_factory=dict)
    max_child_failures: int | None = None
    steps: tuple[StepDefinition, ...] = ()
    """In the order of the file."""
    errors: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    shipped: bool = False
    """Comes with Stepstream."""
    id_is_known: bool = True
    """False where ``id`` is the file's stem because the file, or the id in it, cannot be read."""


def params_for(definition: Definition, given: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of one run. Raises BadParams for unknown names and wrong types."""
    return with_defaults(definition.params, given)
