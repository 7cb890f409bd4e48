"""How is a database opened, and closed? One process, one writer, a few readers."""

import fcntl
import os
import sqlite3
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path
from typing import IO, Any, Literal

from jobs.forked import close_in_forks
from jobs.store.commit import Commit
from jobs.store.file_check import ForeignDatabase, prepare
from jobs.store.reader import ReadError, Readers
from jobs.store.writer import Change, Unwritable, Writer

Synchronous = Literal["FULL", "NORMAL"]
BUSY_SECONDS = 1.0
# What an open database consists of: without one of them, or with another, commits are lost.
SUFFIXES = ("", "-wal", "-shm", ".lock")


class DatabaseError(Exception):
    """The database cannot be used; the message names the file and what to do."""


class DatabaseInUse(DatabaseError):
    """Another process has it."""


class Store:
    """An open database.

    :param path: the file; made if absent
    :param synchronous: ``FULL`` survives a power cut, ``NORMAL`` only the death of the process
    :param on_commit: called in the writer's thread with what was committed, if a manager changed
    :param on_death: called in the writer's thread if it ends by an error
    :raises DatabaseError: it is in use, foreign, damaged or unreadable; the file is left as it was
    """

    def __init__(
        self,
        path: Path,
        synchronous: Synchronous,
        on_commit: Callable[[Commit], None],
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
            parts = [_part(path.resolve(), suffix) for suffix in SUFFIXES]
            self._files = {part: os.stat(part).st_ino for part in parts}
            self._lock_path = parts[-1]
            self._size = os.stat(path).st_size
        except BaseException:
            self._lock.close()
            raise
        self.writer = Writer(connection, self._check_lock, on_commit, on_death)
        self.writer.start()

    def _check_lock(self) -> None:
        """Inside of each transaction: a process with another lock file comes after it, or is noticed."""
        if problem := self._changed(self._lock_path):
            raise Unwritable(f"{problem}: another process may have the database")

    def _changed(self, file: Path) -> str | None:
        """What happened to one of the files; None if it is the one that was opened."""
        try:
            return None if os.stat(file).st_ino == self._files[file] else f"{file.name} was replaced"
        except FileNotFoundError:
            return f"{file.name} was removed"
        except OSError as error:
            return f"{file.name}: {error.strerror}"

    def state(self) -> str:
        """``ok``, or what is wrong with the files: they must be those opened, whole and readable."""
        try:
            for file in self._files:
                if problem := self._changed(file):
                    return problem
            size = os.stat(self.path).st_size
            if size < self._size and size < self.tail_readers.read(_bytes_of_pages):
                return (
                    f"{self.path.name} was cut short"  # VACUUM makes it shorter too, but then it needs less
                )
            self._size = size
            _read_anew(self.path)
        except (OSError, sqlite3.Error, ReadError) as error:
            return str(error)
        return "ok"

    def sizes(self) -> dict[str, int]:
        """The bytes of the database and of its write-ahead log."""
        database, log, *_ = self._files
        return {"database": _size(database), "wal": _size(log)}

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


def _size(file: Path) -> int:
    try:
        return os.stat(file).st_size
    except OSError:  # ``state`` says what is wrong with it
        return 0


def _part(file: Path, suffix: str) -> Path:
    return file.with_name(file.name + suffix)


def _bytes_of_pages(db: sqlite3.Connection) -> int:
    (pages,), (size,) = (db.execute(f"PRAGMA {key}").fetchone() for key in ("page_count", "page_size"))
    return int(pages) * int(size)


def _read_anew(path: Path) -> None:
    """Read a row by a connection of its own: those that stay open may answer from memory.

    :raises sqlite3.Error: it cannot be read
    """
    uri = f"{path.resolve().as_uri()}?mode=rw"  # never makes a file
    with closing(sqlite3.connect(uri, uri=True, isolation_level=None, timeout=BUSY_SECONDS)) as connection:
        connection.execute("SELECT status FROM managers ORDER BY ordinal DESC LIMIT 1").fetchall()


def _take(path: Path) -> tuple[IO[str], bool]:
    """The lock beside the database, and whether the last process that had it stopped cleanly.

    The database file itself is never opened but by SQLite: closing it would drop SQLite's locks.
    """
    file = path.resolve()  # by whatever name it is opened
    lock_path = _part(file, ".lock")
    known = lock_path.exists()
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
    if known and _is_emptied(file, clean=not pid):
        lock.close()
        raise DatabaseError(
            f"{path}: it is empty, but was not when it was used last; remove it to begin anew"
        )
    lock.seek(0)
    lock.truncate()
    lock.write(str(os.getpid()))
    lock.flush()
    return lock, not pid and path.exists()


def _is_emptied(file: Path, *, clean: bool) -> bool:
    """Whether an empty file was a database: it stopped cleanly, or rows wait beside it.

    SQLite would take it for a new one, and throw away the rows that its log still has.
    """
    if not file.exists() or file.stat().st_size:
        return False
    log = _part(file, "-wal")
    return clean or (log.exists() and log.stat().st_size > 0)


def _open(path: Path, synchronous: Synchronous, *, check: bool) -> sqlite3.Connection:
    try:
        if not path.exists():  # its rows may hold what only its owner should read
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        connection = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False, timeout=BUSY_SECONDS
        )
        connection.execute(f"PRAGMA synchronous = {synchronous}")
        prepare(connection, check=check)
    except ForeignDatabase as error:
        raise DatabaseError(f"{path}: {error}") from None
    except (sqlite3.Error, OSError) as error:
        raise DatabaseError(f"{path}: {error}") from None
    return connection
