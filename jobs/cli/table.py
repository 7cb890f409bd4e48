"""How are many things shown at once? As a table whose columns fit what is in them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from jobs.cli.progress import OTHER_PAINT, PAINTS, Span
from jobs.cli.terminal import Terminal
from jobs.text import plain, seconds


@dataclass(frozen=True)
class Table:
    """A kind of table.

    :param heads: what stands above the columns
    :param row: the cells of an item
    """

    heads: tuple[str, ...]
    row: Callable[[Mapping[str, Any]], tuple[str, ...]]

    def write(self, terminal: Terminal, items: Iterable[Mapping[str, Any]]) -> None:
        """Write one of this kind; a status in it has its colour."""
        rows = [[plain(cell).replace("\n", " ") for cell in self.row(item)] for item in items]
        widths = [max(map(len, column)) for column in zip(self.heads, *rows, strict=True)]
        for index, row in enumerate([self.heads, *rows]):
            *padded, last = [f"{cell:<{width}}  " for cell, width in zip(row, widths, strict=True)]
            spans = [
                Span(text, PAINTS.get(text.strip(), "") if index else OTHER_PAINT)
                for text in (*padded, last.rstrip())
            ]
            line, _ = terminal.painted(spans, sum(widths) + 2 * len(widths))
            terminal.write(f"{line}\n")


def _run(manager: Mapping[str, Any]) -> tuple[str, ...]:
    took = "" if manager["duration"] is None else seconds(manager["duration"])
    created = manager["created_at"][:19].replace("T", " ")
    jobs = f"{manager['completed_jobs']}/{manager['total_jobs']}"
    return manager["id"], manager["status"], manager["definition"], created, took, jobs


def _definition(definition: Mapping[str, Any]) -> tuple[str, ...]:
    errors = len(definition["errors"])
    state = f"{errors} {'error' if errors == 1 else 'errors'}" if errors else "ready"
    if not definition["enabled"]:
        state = "disabled"
    return definition["id"], str(len(definition["steps"])), state, definition["schedule"], definition["name"]


RUNS = Table(("ID", "STATUS", "DEFINITION", "CREATED (UTC)", "TOOK", "JOBS"), _run)
DEFINITIONS = Table(("ID", "STEPS", "STATE", "SCHEDULE", "NAME"), _definition)
