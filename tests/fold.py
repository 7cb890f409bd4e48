"""What do the rows of a run say? Its state by its rows alone, and whether each row fits those before it."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from tests.service_process import TERMINAL

STATUSES = [
    "pending",
    "running",
    "completed",
    "completed_with_warnings",
    "failed",
    "cancelled",
    "skipped",
    "interrupted",
]
JOB_STATUSES = [status for status in STATUSES if status not in ("completed_with_warnings", "skipped")]
LEVELS = ["debug", "info", "warning", "error"]


class Entity:
    """A manager, a step or a worker job."""

    def __init__(self, first: dict[str, Any]) -> None:
        assert (first["status"], first["previous"], first["attempt"]) == ("pending", None, 1), first
        self.name = first["name"]
        self.created_at = first["created_at"]
        self.history: list[tuple[str, int]] = []
        self.lines = 0
        self._take(first)

    def change(self, row: dict[str, Any]) -> None:
        """A change of status that must fit the present one."""
        status, attempt = self.status, self.attempt
        assert row["previous"] == status, row
        assert row["status"] != status, row
        assert row["attempt"] == attempt + (row["status"] == "pending"), row
        if status in TERMINAL:
            assert row["status"] == "pending", row
        elif row["status"] == "pending":
            assert row["job_type"] == "worker", row
            assert row["reason"], row
        self._take(row)

    def _take(self, row: dict[str, Any]) -> None:
        self.status, self.attempt, self.reason = row["status"], row["attempt"], row.get("reason")
        self.history.append((self.status, self.attempt))
        ended = self.status in TERMINAL
        self.duration = row.get("duration") if ended else None
        self.finished_at = row["created_at"] if ended else None
        if self.status == "pending":
            self.started_at = None
        elif self.status == "running":
            self.started_at = row["created_at"]

    @property
    def state(self) -> dict[str, Any]:
        """What every entity is asked for."""
        keys = ("status", "attempt", "reason", "started_at", "finished_at", "duration")
        return {key: getattr(self, key) for key in keys}


class Fold:
    """The state of one run by the rows that were taken so far; each is checked against those before it."""

    def __init__(self, rows: Iterable[dict[str, Any]] = ()) -> None:
        self.last_seq = 0
        self.levels = Counter[str]()
        self.manager: Entity
        self.steps: dict[str, Entity] = {}
        self.jobs: dict[str, Entity] = {}
        self.own_lines = 0
        self._counts: dict[str, Counter[str]] = {}
        self._progress: dict[str, dict[str, int]] = {}
        for row in rows:
            self.take(row)

    def take(self, row: dict[str, Any]) -> None:
        """The next row."""
        assert row["seq"] == self.last_seq + 1, row
        self.last_seq += 1
        if row["event"] == "job_log":
            self._line(row)
        elif row["event"] == "job_status":
            self._status(row)
        elif row["event"] == "step_progress":
            self._progress[row["step_id"]] = counts = self.counts(row["step_id"])
            assert {key: row[key] for key in counts} == counts, row
        else:
            counts = {**self.step_counts(), **self.counts()}
            assert {key: row[key] for key in counts} == counts, row

    def _line(self, row: dict[str, Any]) -> None:
        self.levels[row["level"]] += 1
        if "step_id" in row:
            step = self.steps[row["step_id"]]
            step.lines += 1
            assert row["line_number"] == step.lines, row
            assert step.status not in TERMINAL, row
        else:
            self.own_lines += 1
            assert row["line_number"] == self.own_lines, row

    def _status(self, row: dict[str, Any]) -> None:
        kind = row["job_type"]
        if kind == "manager":
            if row["previous"] is None:
                self.manager = Entity(row)
            else:
                self.manager.change(row)
            if row["status"] in TERMINAL:
                assert {step.status for step in self.steps.values()} <= TERMINAL, row
            return
        found = self.steps if kind == "step" else self.jobs
        key = row["step_id"] if kind == "step" else row["job_id"]
        if kind == "step" and row["status"] in TERMINAL:
            counts = self.counts(key)
            assert counts["pending_jobs"] == counts["running_jobs"] == 0, row
            assert self._progress[key] == counts, row
        if row["previous"] is None:
            assert key not in found, row
            found[key] = Entity(row)
        else:
            if kind == "worker":
                self._counts[row["step_id"]][found[key].status] -= 1
            found[key].change(row)
        if kind == "worker":
            assert self.steps[row["step_id"]].status not in TERMINAL, row
            assert row["status"] in JOB_STATUSES, row
            self._counts.setdefault(row["step_id"], Counter())[row["status"]] += 1

    def counts(self, step_id: str | None = None) -> dict[str, int]:
        """The worker jobs of one step, or of all, by status."""
        chosen = [self._counts.get(step_id, Counter())] if step_id else list(self._counts.values())
        counts = {f"{status}_jobs": sum(each[status] for each in chosen) for status in JOB_STATUSES}
        return {"total_jobs": sum(counts.values()), **counts}

    def step_counts(self) -> dict[str, int]:
        """The steps by status."""
        statuses = [step.status for step in self.steps.values()]
        counts = {f"{status}_steps": statuses.count(status) for status in STATUSES}
        return {"total_steps": len(statuses), **counts}

    def check(self, manager: dict[str, Any]) -> None:
        """Whether ``GET /managers/ID`` says the same, at the same ``last_seq``."""
        expected = {
            "last_seq": self.last_seq,
            "created_at": self.manager.created_at,
            "log_counts": {level: self.levels[level] for level in LEVELS},
            **self.manager.state,
            **self.step_counts(),
            **self.counts(),
        }
        assert {key: manager[key] for key in expected} == expected
        assert [step["step_id"] for step in manager["steps"]] == list(self.steps)
        for step in manager["steps"]:
            entity = self.steps[step["step_id"]]
            found = {"name": entity.name, "lines": entity.lines, **self.counts(step["step_id"])}
            found |= entity.state
            assert {key: step[key] for key in found} == found

    def check_jobs(self, jobs: Iterable[dict[str, Any]]) -> None:
        """Whether ``GET /managers/ID/jobs`` says the same."""
        found = {job["job_id"]: job for job in jobs}
        assert found.keys() == self.jobs.keys()
        for job_id, entity in self.jobs.items():
            expected = {"name": entity.name, "created_at": entity.created_at, **entity.state}
            assert {key: found[job_id][key] for key in expected} == expected

    def check_end(self, end: dict[str, Any]) -> None:
        """Whether the receipt of a stream says the same."""
        lines = {step.name: step.lines for step in self.steps.values()} | {"": self.own_lines}
        expected = {"status": self.manager.status, "last_seq": self.last_seq, "lines": lines}
        expected["total_lines"] = sum(lines.values())
        assert {key: end[key] for key in expected} == expected
