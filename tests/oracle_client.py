"""What has a client, after any number of broken connections? Kept for streams, NDJSON and text, and compared.

What is compared with is the log itself: every row that was ever seen in the database, also those that
retention has removed.
"""

import json
import socket
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field

from jobs import text
from jobs.store.rows import Row, RowFilter
from tests.bench.stream import Chunked
from tests.service_process import Service
from tests.sse import Event, parse
from tests.wire import connect, request

CUT = "== cut at "
ENDED = "== "


@dataclass
class Log:
    """All rows of a run, also those that have been removed."""

    service: Service
    manager_id: str
    rows: dict[int, Row] = field(default_factory=dict)
    kept_from: int = 1

    def look(self) -> None:
        """Add what has been written since."""
        with closing(sqlite3.connect(self.service.db)) as db:
            columns = "seq, event, step_name, job_id, level, data"
            query = f"SELECT {columns} FROM log WHERE manager_id = ? ORDER BY seq"  # noqa: S608
            found = db.execute(query, (self.manager_id,))
            for row in map(Row._make, found):
                assert self.rows.setdefault(row.seq, row) == row, "a row has changed"

    def remove(self, share: float) -> None:
        """Remove the oldest rows, as retention does."""
        self.look()
        self.kept_from = max(self.kept_from, int(share * len(self.rows)) + 1)
        with closing(sqlite3.connect(self.service.db, timeout=20)) as db, db:
            db.execute("DELETE FROM log WHERE manager_id = ? AND seq < ?", (self.manager_id, self.kept_from))

    @property
    def last_seq(self) -> int:
        """The number of the last row."""
        return len(self.rows)


class Client(ABC):
    """One client of a run; it comes back with what it has.

    :param parameters: the filter
    """

    def __init__(self, log: Log, parameters: Mapping[str, str]) -> None:
        self.log = log
        self.parameters = dict(parameters)
        self.connection: socket.socket | None = None
        self.ended = False

    @abstractmethod
    def _path(self) -> str: ...

    @abstractmethod
    def _take(self, body: bytes) -> None:
        """Take what came of an answer."""

    @abstractmethod
    def check(self, log: Log) -> None:
        """Compare what it has with the log."""

    def _headers(self) -> list[tuple[str, str]]:
        return []

    def come(self) -> None:
        """Connect and ask."""
        headers = [("Host", "localhost"), ("Connection", "close"), *self._headers()]
        self.connection = connect(self.log.service)
        self.connection.sendall(request("GET", self._path(), headers))

    def read(self, most: int, seconds: float) -> None:
        """Take so many bytes of the answer, or what comes until it is silent for so long; then leave."""
        assert self.connection is not None
        received, size = [], 0
        with self.connection, suppress(TimeoutError, ConnectionError):
            self.connection.settimeout(seconds)
            while size < most and (chunk := self.connection.recv(min(65536, most - size))):
                received.append(chunk)
                size += len(chunk)
        head, _, rest = b"".join(received).partition(b"\r\n\r\n")
        if head.startswith(b"HTTP/1.1 204 "):
            self.ended = True
        elif head and rest:
            assert head.startswith(b"HTTP/1.1 200 "), head
            self._take(Chunked().feed(rest))

    def query(self, parameters: Iterable[tuple[str, str]]) -> str:
        """A query string."""
        return "&".join(f"{name}={value}" for name, value in (*self.parameters.items(), *parameters))

    def filter(self) -> RowFilter:
        """The filter, as the store has it."""
        levels = {"warning": ("warning", "error")}.get(self.parameters.get("level", ""), ())
        wanted = [self.parameters[name] for name in ("events",) if name in self.parameters]
        return RowFilter(events=frozenset(wanted), levels=frozenset(levels))


class StreamClient(Client):
    """A client of the stream, by single rows or in batches; it resumes by the last id."""

    def __init__(self, log: Log, parameters: Mapping[str, str], *, batch: bool) -> None:
        super().__init__(log, parameters)
        self.parameters["batch"] = str(batch).lower()
        self.last_id: str | None = None
        self.rows: list[str] = []
        self.gaps: list[tuple[int, int]] = []
        self.ends: list[str | None] = []

    def _path(self) -> str:
        return f"/managers/{self.log.manager_id}/events?{self.query(())}"

    def _headers(self) -> list[tuple[str, str]]:
        return [("Last-Event-ID", self.last_id)] if self.last_id else []

    def _take(self, body: bytes) -> None:
        for event in parse([body]):
            self.ended = False  # until it is told so again
            self._event(event)
            self.last_id = event.id or self.last_id

    def _event(self, event: Event) -> None:
        match event.name:
            case "rows":
                self.rows += [json.dumps(row, separators=(",", ":")) for row in event.json]
            case "gap":
                gap = (event.json["from"], event.json["to"])
                if gap not in self.gaps:  # it has no id: who is cut right behind it is told once more
                    self.gaps.append(gap)
            case "end":
                self.ends.append(event.id)
                self.ended = True
            case "" | "ping" | "bye":
                pass
            case name:
                assert event.is_row, f"{name}: {event.data}"
                self.rows.append(event.data)

    def check(self, log: Log) -> None:
        """Each row that passes, once and in order, but for those that it was told are gone."""
        chosen = self.filter()
        seqs = [json.loads(row)["seq"] for row in self.rows]
        assert self.rows == [log.rows[seq].data for seq in seqs]
        assert seqs == sorted(set(seqs))
        expected = {seq for seq, row in log.rows.items() if chosen.passes(row)}
        missing = expected - set(seqs)
        gone = {seq for first, last in self.gaps for seq in range(first, last + 1)}
        assert missing <= gone, f"missing: {sorted(missing - gone)[:10]}"
        assert set(seqs) <= expected
        assert not gone & set(seqs)
        assert max(gone, default=0) < log.kept_from
        assert self.ends[-1] == self.last_id == f"{log.last_seq}-end"


class LinesClient(Client):
    """A client of the log's NDJSON; it resumes behind its last whole line."""

    def __init__(self, log: Log, parameters: Mapping[str, str]) -> None:
        super().__init__(log, {name: value for name, value in parameters.items() if name != "events"})
        self.rows: list[str] = []

    def _after(self) -> int:
        return int(json.loads(self.rows[-1])["seq"]) if self.rows else 0

    def _path(self) -> str:
        rest = self.query([("after", str(self._after())), ("follow", "true"), ("format", "ndjson")])
        return f"/managers/{self.log.manager_id}/log?{rest}"

    def _take(self, body: bytes) -> None:
        self.rows += body.decode().split("\n")[:-1]

    def check(self, log: Log) -> None:
        """Each line that passes, once and in order, but for those that were removed."""
        chosen = self.filter()
        seqs = [json.loads(row)["seq"] for row in self.rows]
        assert self.rows == [log.rows[seq].data for seq in seqs]
        assert seqs == sorted(set(seqs))
        expected = {seq for seq, row in log.rows.items() if row.event == "job_log" and chosen.passes(row)}
        assert set(seqs) <= expected
        assert max(expected - set(seqs), default=0) < log.kept_from


class TextClient(Client):
    """A client of the log's text: told where it was cut it goes on there, else where it last began."""

    def __init__(self, log: Log, parameters: Mapping[str, str]) -> None:
        super().__init__(log, {name: value for name, value in parameters.items() if name != "events"})
        self.lines: list[str] = []
        self.after = 0

    def _path(self) -> str:
        if not self.after:
            self.lines = []
        rest = self.query([("after", str(self.after)), ("follow", "true")])
        return f"/managers/{self.log.manager_id}/log?{rest}"

    def _take(self, body: bytes) -> None:
        *lines, rest = body.decode(errors="replace").split("\n")
        if rest or not lines or not lines[-1].startswith(ENDED):
            return  # it does not know how far it is
        self.lines += lines[:-1]
        self.after = int(lines[-1].rpartition("=")[2]) if lines[-1].startswith(CUT) else 0

    def check(self, log: Log) -> None:
        """Each entry that passes, once and in order, but for those that were removed."""
        chosen = self.filter()
        at = 0
        for seq, row in sorted(log.rows.items()):
            if not (text.is_entry(row) and chosen.passes(row)):
                continue
            if chosen.levels and row.event != "job_log":  # statuses have no level
                continue
            entry = text.entry(row, color=False).split("\n")[:-1]
            if self.lines[at : at + len(entry)] == entry:
                at += len(entry)
            else:
                assert seq < log.kept_from, f"missing: {row}"
        assert at == len(self.lines), f"no such line, or not here: {self.lines[at]}"
