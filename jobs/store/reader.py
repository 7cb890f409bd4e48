"""Who reads? A few connections of their own, each query bounded and finished before anything is sent.

A reader never sees a row before its commit and never holds a snapshot while a client is slow: a cursor that
stays open keeps the write-ahead log from being copied back, and it grows without end.
"""

import queue
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from anyio import CapacityLimiter, to_thread

T = TypeVar("T")


# SQLite's primary result codes: busy, locked, out of memory, I/O error, corrupt, cannot open, no database.
OF_THE_DISK = {5, 6, 7, 10, 11, 14, 26}


class ReadError(Exception):
    """The database cannot be read now: the disk, or another process."""


class Readers:
    """A pool of read-only connections.

    :param path: the database file
    :param connections: how many queries may run at once
    """

    def __init__(self, path: Path, connections: int) -> None:
        self._connections = connections
        self._idle: queue.LifoQueue[sqlite3.Connection] = queue.LifoQueue()
        for _ in range(connections):
            connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5)
            connection.execute("PRAGMA query_only = 1")
            # Opens all its files now: there may be no descriptor left when it is used.
            connection.execute("SELECT 1 FROM sqlite_master").fetchall()
            connection.row_factory = sqlite3.Row
            self._idle.put(connection)
        self._limiter: CapacityLimiter | None = None

    def read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """Run a query in this thread, inside one read transaction: it sees one moment of the database.

        :raises ReadError: the disk, or another process, does not let it
        """
        connection = self._idle.get()
        try:
            connection.execute("BEGIN")
            try:
                return query(connection)
            finally:
                connection.execute("ROLLBACK")
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in OF_THE_DISK:
                raise ReadError(str(error)) from error
            raise
        finally:
            self._idle.put(connection)

    async def run(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """Run a query in a worker thread; the event loop goes on meanwhile."""
        if self._limiter is None:  # it belongs to the event loop that reads
            self._limiter = CapacityLimiter(self._connections)
        return await to_thread.run_sync(self.read, query, limiter=self._limiter)

    def close(self) -> None:
        """Close the idle connections."""
        while not self._idle.empty():
            self._idle.get().close()
