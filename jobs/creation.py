"""What is written when a run is created? The manager and its steps, pending, and the first row of each."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jobs import state
from jobs.row import LEVELS, Source
from jobs.state import Outcome
from jobs.status import job_counts
from jobs.store.transaction import Transaction


@dataclass(frozen=True)
class NewManager:
    """A manager as it is created: the id and name of its definition, the file's text and path, its params."""

    definition: str
    name: str
    toml: str
    path: str
    on_restart: str
    params: Mapping[str, Any]


@dataclass(frozen=True)
class NewStep:
    """A step as it is created, with its manager."""

    source: Source
    name: str
    description: str
    type: str
    depends: Sequence[str]


def create(
    tx: Transaction, source: Source, new: NewManager, params: str, steps: Sequence[NewStep], at: str
) -> None:
    """Create a manager with its steps.

    :param params: its params, as they are stored
    :param at: when
    """
    tx.insert(
        "managers",
        {
            "id": source.manager_id,
            "definition": new.definition,
            "name": new.name,
            "toml": new.toml,
            "path": new.path,
            "on_restart": new.on_restart,
            "params": params,
            "status": "pending",
            "attempt": 1,
            "created_at": at,
            "last_seq": 0,
            "lines": 0,
            **{f"{level}_lines": 0 for level in LEVELS},
        },
    )
    for position, step in enumerate(steps):
        tx.insert(
            "steps",
            {
                "step_id": step.source.step_id,
                "manager_id": source.manager_id,
                "position": position,
                "name": step.name,
                "description": step.description,
                "type": step.type,
                "depends": json.dumps(list(step.depends)),
                "status": "pending",
                "attempt": 1,
                "created_at": at,
                "lines": 0,
                **{key: 0 for key in job_counts({}) if key != "total_jobs"},
            },
        )
    pending = Outcome("pending", "pending")
    state.status_row(tx, source, "manager", new.definition, pending, None, at)
    for step in steps:
        state.status_row(tx, step.source, "step", step.name, pending, None, at)
