"""How far is a run? Its steps folded from its rows, each shown as one line."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from jobs.text import plain, seconds

BAR = 16
NAME = 32  # Characters of a step's name, at most.
COUNTS = ("failed_jobs", "cancelled_jobs", "interrupted_jobs")
MARKS = {"running": "●", "completed": "✓", "completed_with_warnings": "!", "failed": "✗"}
OTHER_MARK = "○"
PAINTS = {"running": "36", "completed": "32", "completed_with_warnings": "33", "failed": "31"}
OTHER_PAINT = "2"
# In a line: what shall not be left out where there is no room for all steps comes first.
WANTED = ("running", "failed", "completed_with_warnings", "pending")


class Span(NamedTuple):
    """A part of a line, with the code of its colour if it has one (SGR)."""

    text: str
    paint: str = ""


@dataclass
class Step:
    """A step as the rows up to now tell of it."""

    name: str
    status: str = "pending"
    started: float | None = None
    duration: float | None = None
    eta: float | None = None
    counts: dict[str, int] = field(default_factory=dict)


class Progress:
    """The steps of a run.

    :param manager: as ``GET /managers/ID`` has it; rows that it knows of change nothing any more
    :param only: just these steps, if any
    """

    def __init__(self, manager: dict[str, Any], only: Iterable[str] = ()) -> None:
        self._last_seq: int = manager["last_seq"]
        wanted = set(only) or {step["name"] for step in manager["steps"]}
        self._steps = {
            step["name"]: Step(
                step["name"],
                step["status"],
                _clock(step["started_at"]) if step["started_at"] else None,
                step["duration"],
                step["eta_seconds"],
                step,
            )
            for step in manager["steps"]
            if step["name"] in wanted
        }

    def take(self, row: dict[str, Any]) -> None:
        """Fold one more row."""
        step = self._steps.get(row.get("step_name", ""))
        if step is None or row["seq"] <= self._last_seq:
            return
        if row["event"] == "step_progress":
            step.counts, step.eta = row, row.get("eta_seconds")
        elif row["event"] == "job_status" and row["job_type"] == "step":
            step.status = row["status"]
            step.duration = row.get("duration")
            step.started = _clock(row["created_at"]) if step.status == "running" else step.started
            step.eta = None

    def lines(self, most: int) -> list[list[Span]]:
        """One line a step, in the order of the definition; the last tells of those that have no room."""
        steps = list(self._steps.values())
        left_out: list[Step] = []
        if len(steps) > most:
            ranked = sorted(steps, key=_rank)
            left_out = ranked[most - 1 :]
            steps = [step for step in steps if step not in left_out]
        width = min(NAME, max((len(step.name) for step in self._steps.values()), default=0))
        shown = [_line(step, width) for step in steps]
        if left_out:
            statuses = [step.status for step in left_out]
            words = ", ".join(f"{statuses.count(word)} {word}" for word in dict.fromkeys(statuses))
            shown.append([Span(f"  and {len(left_out)} more steps: {words}", OTHER_PAINT)])
        return shown


def _rank(step: Step) -> int:
    return WANTED.index(step.status) if step.status in WANTED else len(WANTED)


def _line(step: Step, width: int) -> list[Span]:
    paint = PAINTS.get(step.status, OTHER_PAINT)
    name = plain(step.name)
    name = name if len(name) <= NAME else f"{name[: NAME - 1]}…"
    spans = [Span(f"{MARKS.get(step.status, OTHER_MARK)} ", paint), Span(f"{name:<{width}}  ")]
    spans.append(Span(f"{step.status} {_took(step)}".rstrip(), paint))
    total = step.counts.get("total_jobs", 0)
    if total:
        done = total - step.counts.get("pending_jobs", 0) - step.counts.get("running_jobs", 0)
        if step.status == "running":
            full = BAR * done // total
            spans += [Span("  " + "█" * full, paint), Span("░" * (BAR - full), OTHER_PAINT)]
        spans.append(Span(f"  {done}/{total} {'job' if total == 1 else 'jobs'}"))
    for count in COUNTS:
        if step.counts.get(count, 0):
            spans.append(Span(f"  {step.counts[count]} {count.removesuffix('_jobs')}", "31"))
    if step.status == "running" and step.eta is not None:
        spans.append(Span(f"  {seconds(step.eta)} left", OTHER_PAINT))
    return spans


def _took(step: Step) -> str:
    if step.duration is not None:
        return f"after {seconds(step.duration)}"
    if step.status == "running" and step.started is not None:
        return seconds(max(0.0, time.time() - step.started))
    return ""


def _clock(text: str) -> float:
    """Seconds since 1970 of a time as rows have it."""
    return datetime.fromisoformat(text).astimezone(UTC).timestamp()
