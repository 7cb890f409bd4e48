"""Can the steps start in some order? Unknown dependencies, and steps that wait for each other in a circle."""

from collections.abc import Mapping, Sequence

from jobs.nearest import quoted, unknown
from jobs.problem import Findings, dotted

Graph = Mapping[str, Sequence[str]]


def check(depends: Graph, findings: Findings) -> None:
    """Report what is wrong with the dependencies of the steps, given by step name in file order."""
    for step, others in depends.items():
        key = dotted("step", step, "depends")
        for other in others:
            if other == step:
                findings.error(key, f"step {quoted(step)} depends on itself")
            elif other not in depends:
                findings.error(key, unknown("step", other, depends.keys() - {step}))
    for circle in circles(depends):
        message = f"circular dependency, each waits for the next: {' → '.join([*circle, circle[0]])}"
        findings.error(dotted("step", circle[0], "depends"), message)


def circles(depends: Graph) -> list[list[str]]:
    """Steps that wait for each other, each circle from its first step in file order.

    No step is in two of the circles: where they overlap, one is named, and the next reading names the
    other. A step that depends on itself alone is none.
    """
    found: list[list[str]] = []
    order = {step: place for place, step in enumerate(depends)}
    seen: set[str] = set()
    named: set[str] = set()
    for start in depends:
        path: list[str] = []
        places: dict[str, int] = {}
        # Depth first, without recursion: a file may hold a chain of thousands of steps.
        branches = [iter((start,))]
        while branches:
            step = next(branches[-1], None)
            if step is None:
                branches.pop()
                if path:
                    del places[path.pop()]
            elif step in places:
                circle = path[places[step] :]
                if len(circle) > 1 and named.isdisjoint(circle):
                    named.update(circle)
                    first = circle.index(min(circle, key=order.__getitem__))
                    found.append(circle[first:] + circle[:first])
            elif step in depends and step not in seen:
                seen.add(step)
                places[step] = len(path)
                path.append(step)
                branches.append(iter(depends[step]))
    return found
