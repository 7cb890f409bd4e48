"""How is a run followed to its end? Its pages are read in a thread, shown in this one, and signals heard."""

import queue
import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType

from jobs.cli.exit_status import CommandError, Left, of_run
from jobs.cli.source import Event, Source
from jobs.cli.view import View

SIGNALS = (signal.SIGINT, signal.SIGTERM)
LOOK_SECONDS = 0.25
# Pages that wait to be shown; then the reading waits.
WAITING = 8
CANCELLING = "cancelling, and waiting for the end; Ctrl-C again leaves at once"


class Signals:
    """Hears SIGINT and SIGTERM: the first one asks for something, the second leaves.

    :param ask: what is asked for, in a thread; None: the first one leaves
    """

    def __init__(self, ask: Callable[[], None] | None) -> None:
        self.first: int | None = None
        self._ask = ask

    def __enter__(self) -> "Signals":
        self._before = {number: signal.signal(number, self._hear) for number in SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if self._ask is None or self.first is not None:
            raise Left(number)
        self.first = number
        threading.Thread(target=self._ask, daemon=True).start()


def follow(source: Source, view: View, *, cancels: bool) -> int:
    """Show a run until it has ended; the exit status.

    :param cancels: whether the first Ctrl-C cancels the run, instead of only leaving
    :raises CommandError: it cannot be followed any more
    """
    waiting: queue.Queue[list[Event] | BaseException] = queue.Queue(WAITING)
    with Signals(source.cancel if cancels else None) as signals:
        threading.Thread(target=_read, args=(source, waiting), daemon=True).start()
        noted = ""
        while True:
            try:
                page = waiting.get(timeout=LOOK_SECONDS)
            except queue.Empty:
                page = []
            if isinstance(page, BaseException):
                raise page
            note = _note(page, noted, signals)
            if note != noted:
                view.note(note)
                noted = note
            if not page:
                view.look()
                continue
            view.show(page)
            if page[-1].name == "end":
                break
        status: str = page[-1].data["status"]
        try:
            view.close(source.manager())
        except CommandError as error:  # a service that stops right then: how it ended is known all the same
            view.note(f"the run is {status}, but {error}")
        return of_run(status, signals.first)


def _read(source: Source, waiting: "queue.Queue[list[Event] | BaseException]") -> None:
    try:
        for page in source.pages():
            waiting.put(page)
    except BaseException as error:
        waiting.put(error)


def _note(page: list[Event], noted: str, signals: Signals) -> str:
    """What is to be told beside the run: that it is being cancelled, or that its service is lost."""
    if page and page[-1].name == "lost":
        return f"{page[-1].data['why']}; trying again" + (" to cancel it" if signals.first else "")
    if page:
        noted = ""
    return noted or (CANCELLING if signals.first else "")
