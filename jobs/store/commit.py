"""What does a transaction commit? The rows that it appended to the log, and the managers that it touched."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from jobs.row import Source
from jobs.status import Status
from jobs.store.rows import Row, to_row

COLUMNS = 10  # of the log
ROW_COLUMNS = (1, 2, 3, 4, 5, 6, 9)  # of them the manager's id, and what a ``Row`` has
MANAGER_ID, EVENT, LEVEL = 1, 3, 6  # of these columns


class Appended:
    """Rows of the log, as their values one after the other: one statement inserts them so.

    :param last_id: that of the row before them
    """

    def __init__(self, last_id: int) -> None:
        self.last_id = last_id
        self.values: list[Any] = []

    def add(
        self,
        source: Source,
        seq: int,
        event: str,
        level: str | None,
        line_number: int | None,
        created_at: str,
        data: str,
    ) -> int:
        """Append a row; its id."""
        self.last_id += 1
        self.values += (
            self.last_id,
            source.manager_id,
            seq,
            event,
            source.step_name,
            source.job_id,
            level,
            line_number,
            created_at,
            data,
        )
        return self.last_id


class Commit:
    """What a transaction has committed.

    :param heads: the managers that it touched: their status and last seq
    :param values: of the rows that it appended to the log
    :param deleted: the managers that it removed
    """

    def __init__(
        self, heads: Mapping[str, tuple[Status, int]], values: Sequence[Any], deleted: Iterable[str] = ()
    ) -> None:
        self.heads = heads
        self.deleted = frozenset(deleted)
        self._values = values

    def changed(self) -> set[str]:
        """The managers whose statuses or counts it may have changed: those that got more than lines."""
        events = self._values[EVENT::COLUMNS]
        if events.count("job_log") == len(events):
            return set()
        managers = zip(self._values[MANAGER_ID::COLUMNS], events, strict=True)
        return {manager_id for manager_id, event in managers if event != "job_log"}

    @property
    def size(self) -> int:
        """How many rows it appended."""
        return len(self._values) // COLUMNS

    def levels(self) -> Sequence[str | None]:
        """The levels of these rows; None for those that are no lines."""
        return self._values[LEVEL::COLUMNS]

    def rows(self, manager_ids: Iterable[str]) -> dict[str, list[Row]]:
        """The rows that some managers got, by manager."""
        found: dict[str, list[Row]] = {manager_id: [] for manager_id in manager_ids}
        columns = [self._values[start::COLUMNS] for start in ROW_COLUMNS]
        for manager_id, *values in zip(*columns, strict=True):
            if (rows := found.get(manager_id)) is not None:
                rows.append(to_row(values))
        return found
