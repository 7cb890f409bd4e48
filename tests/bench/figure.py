"""What does a measurement give? Figures with units, brought together over rounds and shown as a table."""

import json
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One measured number.

    :param name: what was measured, under which load
    """

    name: str
    value: float
    unit: str


@dataclass(frozen=True)
class Summary:
    """A figure over all rounds."""

    benchmark: str
    name: str
    unit: str
    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle of the rounds."""
        return statistics.median(self.values)

    def as_json(self) -> dict[str, Any]:
        """The figure for programs."""
        return {
            "benchmark": self.benchmark,
            "name": self.name,
            "unit": self.unit,
            "median": self.median,
            "values": self.values,
        }


def summarise(benchmark: str, rounds: Iterable[list[Figure]]) -> list[Summary]:
    """The figures of a benchmark's rounds, in the order in which they were first measured."""
    values: dict[tuple[str, str], list[float]] = {}
    for figures in rounds:
        for figure in figures:
            values.setdefault((figure.name, figure.unit), []).append(figure.value)
    return [Summary(benchmark, name, unit, tuple(found)) for (name, unit), found in values.items()]


def table(summaries: Iterable[Summary]) -> str:
    """The figures in Markdown; with several rounds, the median and the range."""
    lines = ["| Benchmark | Figure | Median | Range | Unit |", "|---|---|--:|--:|---|"]
    for summary in summaries:
        low, high = number(min(summary.values)), number(max(summary.values))
        spread = f"{low} – {high}" if len(summary.values) > 1 else ""
        lines.append(
            f"| {summary.benchmark} | {summary.name} | {number(summary.median)} | {spread} | {summary.unit} |"
        )
    return "\n".join(lines)


def show(described: Mapping[str, Any], rounds: int, summaries: Sequence[Summary], *, as_json: bool) -> None:
    """Print the machine and the figures, in Markdown or as JSON."""
    if as_json:
        figures = [summary.as_json() for summary in summaries]
        print(json.dumps({"machine": described, "rounds": rounds, "figures": figures}, indent=2))
    else:
        print("\n".join(f"- {what}: {value}" for what, value in described.items()))
        print(f"\n{table(summaries)}")


def number(value: float) -> str:
    """A number with three figures that count."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def percentile(values: Iterable[float], share: float) -> float:
    """The value that the given share of all values does not exceed.

    :param share: from 0 to 1
    :raises ValueError: there are no values
    """
    ordered = sorted(values)
    if not ordered:
        raise ValueError("no values were sampled")
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
