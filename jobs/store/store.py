"""How is a database opened, and closed? One process, one writer, a few readers."""

import fcntl
import os
import sqlite3
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import IO, Any, Literal

from jobs.forked import close_in_forks
from jobs.store import schema
from jobs.store.reader import ReadError, Readers
from jobs.store.writer import Change, Writer

Synchronous = Literal["FULL", "NORMAL"]
BUSY_SECONDS = 1.0


class DatabaseError(Exception):
    """The database cannot be used; the message names the file and what to do."""


class DatabaseInUse(DatabaseError):
    """Another process has it."""


class Store:
    """An open database.

    :param path: the file; made if absent
    :param synchronous: ``FULL`` survives a power cut, ``NORMAL`` only the death of the process
    :param on_commit: called in the writer's thread with the ids of the managers that have new rows
    :param on_death: called in the writer's thread if it ends by an error
    :raises DatabaseError: it is in use, foreign, damaged or unreadable; the file is left as it was
    """

    def __init__(
        self,
        path: Path,
        synchronous: Synchronous,
        on_commit: Callable[[set[str]], None],
        on_death: Callable[[BaseException], None],
    ) -> None:
        self.path = path
        self.synchronous = synchronous
        self._lock, clean = _take(path)
        try:
            connection = _open(path, synchronous, check=not clean)
            # Whoever reads much delays those of the same kind only.
            self.readers = Readers(path, 4)
            self.tail_readers = Readers(path, 2)
            self.job_readers = Readers(path, 4)
            self._inode = os.stat(path).st_ino
        except BaseException:
            self._lock.close()
            raise
        self.writer = Writer(connection, on_commit, on_death)
        self.writer.start()

    def state(self) -> str:
        """``ok``, or what is wrong with the file: it must be the one that was opened, and readable."""
        try:
            if os.stat(self.path).st_ino != self._inode:
                return "the file was replaced"
            self.tail_readers.read(lambda db: db.execute("SELECT status FROM managers LIMIT 1").fetchall())
        except FileNotFoundError:
            return "the file was removed"
        except (OSError, ReadError) as error:
            return str(error)
        return "ok"

    def close(self, last: Change, seconds: float) -> bool:
        """Write what is queued and ``last``; False if the disk did not take it within some seconds."""
        written = self.writer.close(last, seconds)
        for readers in (self.readers, self.tail_readers, self.job_readers):
            readers.close()
        if written:
            self._lock.seek(0)
            self._lock.truncate()
        self._lock.close()
        return written

    def commit(self, change: Change) -> "Future[Any]":
        """Queue a change; the future has its result once it is committed."""
        return self.writer.commit(change)


def _take(path: Path) -> tuple[IO[str], bool]:
    """The lock beside the database, and whether the last process that had it stopped cleanly.

    The database file itself is never opened but by SQLite: closing it would drop SQLite's locks.
    """
    file = path.resolve()  # by whatever name it is opened
    lock_path = file.with_name(file.name + ".lock")
    try:
        lock = open(lock_path, "a+", encoding="ascii")  # noqa: SIM115 (held open as long as the process has it)
    except OSError as error:
        raise DatabaseError(f"{path}: cannot be locked: {error.strerror} ({lock_path.name})") from None
    close_in_forks(lock)
    lock.seek(0)
    pid = lock.read().strip()
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise DatabaseInUse(f"{path}: in use by another Stepstream, process {pid or 'unknown'}") from None
    lock.seek(0)
    lock.truncate()
    lock.write(str(os.getpid()))
    lock.flush()
    return lock, not pid and path.exists()


def _open(path: Path, synchronous: Synchronous, *, check: bool) -> sqlite3.Connection:
    try:
        if not path.exists():  # its rows may hold what only its owner should read
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        connection = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False, timeout=BUSY_SECONDS
        )
        connection.execute(f"PRAGMA synchronous = {synchronous}")
        schema.prepare(connection, check=check)
    except schema.ForeignDatabase as error:
        raise DatabaseError(f"{path}: {error}") from None
    except (sqlite3.Error, OSError) as error:
        raise DatabaseError(f"{path}: {error}") from None
    return connection
