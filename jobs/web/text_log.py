"""How is the log read without a browser? As text, NDJSON or JSON, at once or following the run."""

import json
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import Any

from jobs import text
from jobs.hub import Hub
from jobs.page import Page
from jobs.store import lines, rows, runs
from jobs.store.reader import Readers
from jobs.store.rows import Head, Row, RowFilter
from jobs.store.search import Words


@dataclass(frozen=True)
class Wanted:
    """Which rows are shown."""

    filter: RowFilter
    query: str = ""
    states: bool = False  # also the statuses of steps and manager

    def choose(self, page: list[Row]) -> list[Row]:
        """The rows of a page that are shown."""
        words = Words(self.query) if self.query else None
        return [
            row
            for row in page
            if text.is_entry(row)
            and (row.event == "job_log" or (self.states and not words))
            and self.filter.passes(row)
            and (words is None or words.match(json.loads(row.data)["message"]))
        ]


def before_last(db: sqlite3.Connection, manager_id: str, wanted: Wanted, count: int, upto: int) -> int:
    """The position from which ``count`` lines that are shown follow, up to ``upto``."""
    lines = wanted.filter._replace(events=frozenset({"job_log"}))
    if not wanted.query:
        return rows.before_last(db, manager_id, lines, count, upto)
    while count and upto:
        start = rows.before_last(db, manager_id, lines, rows.PAGE_ROWS, upto)
        found = [
            row.seq for row in wanted.choose(_between(db, manager_id, start, upto)) if row.event == "job_log"
        ]
        if len(found) >= count:
            return found[-count] - 1
        count, upto = count - len(found), start
    return upto


def _between(db: sqlite3.Connection, manager_id: str, after: int, upto: int) -> list[Row]:
    found: list[Row] = []
    while page := rows.rows(db, manager_id, after, upto):
        found += page
        after = page[-1].seq
    return found


@dataclass
class Reading:
    """One way through a log.

    :param head: how far it goes now
    :param position: begin after this seq
    :param before: end before this seq
    :param limit: show at most so many lines; the statuses between them come on top
    :param follow: go on until the run ends
    """

    hub: Hub
    readers: Readers
    head: Head
    wanted: Wanted
    position: int = 0
    before: int | None = None
    limit: int | None = None
    follow: bool = False
    shown: int = 0
    cut: bool = False

    async def pages(self) -> AsyncGenerator[list[Row], None]:
        """What is shown, page by page; ``cut`` says afterwards whether more would have followed."""
        source = self.hub.follow(self.head, self.position) if self.follow else self._stored()
        async with aclosing(source) as pages:
            async for page in pages:
                if page is not None and (chosen := self._take(page)):
                    yield chosen
                if self.cut:
                    return
        self.cut = self.follow and self.hub.stopping.is_set()

    async def _stored(self) -> AsyncGenerator[Page | None, None]:
        """The pages up to the last row that there is now."""
        position = self.position
        while page := await self.readers.run(partial(self._page, position=position)):
            yield Page.of(position, page)
            position = page[-1].seq

    def _page(self, db: Any, position: int) -> list[Row]:
        upto = self.head.last_seq if self.before is None else min(self.head.last_seq, self.before - 1)
        if self.wanted.states:
            return rows.rows(db, self.head.manager_id, position, upto)
        return lines.chosen(db, self.head.manager_id, self.wanted.filter, position, upto)

    def _take(self, page: Page) -> list[Row]:
        """What is shown of a page: no line beyond the limit, and no status that comes after it."""
        chosen = self.wanted.choose(page.rows)
        for index, row in enumerate(chosen):
            if row.event != "job_log":
                continue
            if self.shown == self.limit:
                self.cut = True
                chosen = chosen[:index]
                break
            self.shown += 1
        if not self.cut:
            self.position = page.end
        elif chosen:
            self.position = chosen[-1].seq
        # Who follows and has got the lines asked for does not wait for one more.
        self.cut = self.cut or (self.shown == self.limit and self.follow and not self.head.ended)
        return chosen

    async def as_text(self, *, color: bool) -> AsyncGenerator[bytes, None]:
        """Lines of text, and a last one that says how it ended."""
        async with aclosing(self.pages()) as pages:
            async for page in pages:
                body = "".join([text.entry(row, color=color) for row in page])
                yield body.encode("utf-8", "backslashreplace")
        if self.cut:
            yield f"== cut at {self.position}: go on with ?after={self.position}\n".encode()
            return
        manager = await self.readers.run(lambda db: runs.manager(db, self.head.manager_id))
        if manager is not None:
            yield text.summary(manager, self.shown, manager["duration"]).encode()

    async def as_ndjson(self) -> AsyncGenerator[bytes, None]:
        """One row a line."""
        async with aclosing(self.pages()) as pages:
            async for page in pages:
                yield "".join([f"{row.data}\n" for row in page]).encode("ascii")
                if self.shown == self.limit and not self.follow:
                    return  # whether there is more it cannot tell

    async def as_list(self) -> list[dict[str, Any]]:
        """The rows themselves."""
        async with aclosing(self.pages()) as pages:
            return [json.loads(row.data) async for page in pages for row in page]
