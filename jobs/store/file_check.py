"""Can a file be our database? If it is ours or new, and whole; then its schema is brought up to date."""

import sqlite3
import threading

from sqlite_utils import Database

from jobs.store.schema import migrations

# "StSt": marks a database file as ours, so that another program's file is never written to.
APPLICATION_ID = 0x53745374
CHECK_SECONDS = 1.0


class ForeignDatabase(Exception):
    """The file is another program's, or damaged, or cannot have a write-ahead log."""


def prepare(connection: sqlite3.Connection, *, check: bool) -> None:
    """Check that the file is ours or new, then bring its schema up to date.

    :param check: look for damage first, for a second at most; only where the last stop was unclean
    :raises ForeignDatabase: it holds another program's tables, or it is damaged
    :raises sqlite3.Error: it cannot be read or written, or is no database
    """
    (mark,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if tables and mark != APPLICATION_ID:
        raise ForeignDatabase("it belongs to another program (its tables are not Stepstream's)")
    if check and (damage := _damage(connection)):
        raise ForeignDatabase(f"it is damaged: {damage}")
    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":  # SQLite does not call that an error
        raise ForeignDatabase(f"it cannot have a write-ahead log (its journal mode stays {mode})")
    # Before the first table: a process that dies between the two must not leave a file we refuse.
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    migrations.apply(Database(connection))


def _damage(connection: sqlite3.Connection) -> str | None:
    """The first damage that is found within a second: a start must not take longer the larger the file is."""
    enough = threading.Timer(CHECK_SECONDS, connection.interrupt)
    enough.start()
    try:
        (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
            raise
        return None
    finally:
        enough.cancel()
        enough.join()  # it must not interrupt what comes after
    return None if found == "ok" else " ".join(found.split())
