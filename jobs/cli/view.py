"""What does a run that is followed look like? Lines with the steps below them, or its rows as JSON."""

import sys
from typing import Any, Protocol

from jobs import text
from jobs.cli.progress import Progress, Span
from jobs.cli.source import Event
from jobs.cli.terminal import Terminal
from jobs.row import encode


class View(Protocol):
    """Shows what happens."""

    def show(self, page: list[Event]) -> None:
        """Show what has happened."""

    def look(self) -> None:
        """Show how the time goes by."""

    def note(self, message: str) -> None:
        """Tell what happens to the following itself; an empty message is that it goes well again."""

    def close(self, manager: dict[str, Any]) -> None:
        """Show how it has ended.

        :param manager: as it then is
        """


class Lines:
    """Lines as the text log has them. In a terminal the steps stay below them."""

    def __init__(self, terminal: Terminal, progress: Progress) -> None:
        self._terminal = terminal
        self._progress = progress
        self._shown = 0
        self._note = ""

    def show(self, page: list[Event]) -> None:
        """Show what has happened."""
        color = self._terminal.is_live
        entries = []
        for event in page:
            if event.is_row:
                self._progress.take(event.data)
                entries.append(text.entry_of(event.data, color=color))
                self._shown += event.name == "job_log"
            elif event.name == "gap":
                entries.append(f"== rows {event.data['from']} to {event.data['to']} are not kept any more\n")
            elif event.name == "reset":
                entries.append("== the log is another one: it begins again\n")
        self._terminal.write("".join(entries), self._below())

    def look(self) -> None:
        """Show how the time goes by."""
        if self._terminal.is_live:
            self._terminal.write("", self._below())

    def note(self, message: str) -> None:
        """Tell what happens to the following itself."""
        self._note = message
        if self._terminal.is_live:
            self.look()
        elif message:
            tell(message)

    def close(self, manager: dict[str, Any]) -> None:
        """Leave the steps as they are, and the summary below them."""
        self._note = ""
        self._terminal.write("", self._below())
        self._terminal.keep()
        self._terminal.write(text.summary(manager, self._shown, manager["duration"]))

    def _below(self) -> list[list[Span]]:
        rows = self._terminal.size.lines - 2
        note = [[Span(self._note, "33")]] if self._note else []
        return self._progress.lines(max(1, rows - len(note))) + note


class JsonLines:
    """One JSON object a line: the rows as they are, then ``end``."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal

    def show(self, page: list[Event]) -> None:
        """Show what has happened."""
        events = [
            event.data if event.is_row else {"event": event.name, **event.data}
            for event in page
            if event.name != "lost"
        ]
        self._terminal.write("".join([f"{encode(event)}\n" for event in events]))

    def look(self) -> None:
        """Nothing: what is read by programs has no time."""

    def note(self, message: str) -> None:
        """Tell what happens to the following itself."""
        if message:
            tell(message)

    def close(self, manager: dict[str, Any]) -> None:
        """Nothing more: the last line was ``end``."""


def tell(message: str) -> None:
    """Say something on standard error, in one line."""
    sys.stderr.write(f"stepstream: {' '.join(text.plain(message).split())}\n")
    sys.stderr.flush()
