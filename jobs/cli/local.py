"""How does a run go without a service? An engine in this process, and its log read after each commit."""

import json
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from jobs.cli.exit_status import CommandError
from jobs.cli.source import Event
from jobs.definition import params_for
from jobs.engine import Engine
from jobs.nearest import unknown
from jobs.params import BadParams
from jobs.row import LEVELS
from jobs.runner import TooManyRunning
from jobs.settings import Settings, SettingsError
from jobs.store import rows, runs
from jobs.store.commit import Commit
from jobs.store.rows import Head, RowFilter
from jobs.store.store import DatabaseError

OpenEngine = Callable[[Settings], Engine]
LOOK_SECONDS = 1.0
# Nobody else can reach it, so what is set for a server is none of its business.
OF_A_SERVER = ("STEPSTREAM_HOST", "STEPSTREAM_PORT", "STEPSTREAM_TOKEN")


@contextmanager
def local_engine(
    open_engine: OpenEngine, environ: Mapping[str, str], flags: Mapping[str, str]
) -> Iterator[Engine]:
    """An engine in this process; without the flag ``db`` its database is removed afterwards.

    :raises CommandError: a setting or the database cannot be used
    """
    own = {name: value for name, value in environ.items() if name not in OF_A_SERVER}
    with _database(flags.get("db")) as database:
        try:
            engine = open_engine(Settings.read(own, {**flags, "db": database}))
        except (SettingsError, DatabaseError, ValueError) as error:
            raise CommandError(str(error)) from None
        try:
            yield engine
            engine.drain()  # not where somebody is in a hurry
        finally:
            engine.close()


@contextmanager
def _database(given: str | None) -> Iterator[str]:
    """The path of a database: as given, or one that is removed afterwards."""
    if given is not None:
        yield given
        return
    folder = tempfile.mkdtemp(prefix="stepstream-")
    try:
        yield str(Path(folder) / "stepstream.db")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class LocalRun:
    """A run in this process, started.

    :param level: the lowest level of lines that is wanted
    :raises CommandError: there is no such definition, or it cannot be run so
    """

    def __init__(
        self, engine: Engine, definition_id: str, params: Mapping[str, str], level: str | None
    ) -> None:
        self._engine = engine
        self._filter = RowFilter(levels=frozenset(LEVELS[LEVELS.index(level) :]) if level else frozenset())
        self._news = threading.Event()
        self._death: BaseException | None = None
        engine.on_commit = self._committed
        engine.on_death = self._died
        self._id = self._start(definition_id, params)

    def _start(self, definition_id: str, given: Mapping[str, str]) -> str:
        definition = self._engine.catalogue.get(definition_id)
        if definition is None:
            known = [each.id for each in self._engine.catalogue.all()]
            raise CommandError(unknown("definition", definition_id, known))
        if definition.errors:
            raise CommandError("; ".join(map(str, definition.errors)))
        if not definition.enabled:
            raise CommandError(f"{definition.id} is disabled (enabled = false)")
        try:
            params = params_for(definition, given)
            runner = self._engine.runner
            return runner.thread.submit(runner.start(definition, params)).result()
        except (BadParams, TooManyRunning, ValueError) as error:
            raise CommandError(str(error)) from None

    def _committed(self, commit: Commit) -> None:
        self._news.set()

    def _died(self, error: BaseException) -> None:
        self._death = error
        self._news.set()

    def manager(self) -> dict[str, Any]:
        """The manager with its steps, as it is."""
        found = self._engine.readers.read(lambda db: runs.manager(db, self._id))
        assert found is not None
        return found

    def pages(self) -> Iterator[list[Event]]:
        """What happens until the end.

        :raises CommandError: the engine has died
        """
        position = 0
        while True:
            self._news.wait(LOOK_SECONDS)
            self._news.clear()
            if self._death is not None:
                raise CommandError(f"stopped by a failure: {self._death!r}")
            head = self._head()
            while position < head.last_seq:
                page = self._page(position, head.last_seq)
                position = page[-1].seq
                yield [Event(row.event, json.loads(row.data)) for row in page if self._filter.passes(row)]
            if head.ended:
                yield [Event("end", self._engine.readers.read(partial(rows.receipt, head=head)))]
                return

    def _head(self) -> Head:
        head = self._engine.readers.read(lambda db: rows.head(db, self._id))
        assert head is not None
        return head

    def _page(self, position: int, last_seq: int) -> list[rows.Row]:
        return self._engine.readers.read(lambda db: rows.rows(db, self._id, position, last_seq))

    def cancel(self) -> None:
        """Cancel it."""
        runner = self._engine.runner
        runner.thread.submit(runner.cancel(self._id, "stopped in a terminal")).result()
