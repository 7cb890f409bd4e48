"""Where does a run that is followed come from? What the service and the engine in this process have alike."""

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol


class Event(NamedTuple):
    """A row of the log, or ``gap``, ``reset``, ``lost`` or ``end``.

    ``lost`` is told here and not by the service: the connection broke, and another will be tried.
    """

    name: str
    data: dict[str, Any]

    @property
    def is_row(self) -> bool:
        """Whether it is a row of the log."""
        return "seq" in self.data


class Source(Protocol):
    """One run."""

    def manager(self) -> dict[str, Any]:
        """The manager with its steps, as ``GET /managers/ID`` has it."""

    def pages(self) -> Iterator[list[Event]]:
        """What happens, in order, until ``end`` is the last of a page. In a thread of its own."""

    def cancel(self) -> None:
        """Ask for the run to be cancelled, and return when that is done. Called in a thread of its own."""
