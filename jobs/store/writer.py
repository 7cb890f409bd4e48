"""Who writes? One thread with one connection, committing changes in groups.

Rules, each the answer to a fault that was seen:

* A change is applied inside the writer's own ``BEGIN IMMEDIATE``; nobody else can join the transaction.
* The writer commits at once. While a commit runs, the queue forms the next group.
* The queue is bounded: who writes faster than the disk waits in ``submit``.
* A commit that fails (disk full, database locked) is tried again until it succeeds; ``state`` says so. Also
  after a failed sync: SQLite writes the pages again, so that it does not trust what the system forgot.
* A file that is damaged, read-only or no longer this process's ends the writer: nothing would get better.
* Readers are woken only after COMMIT, so nobody sees a row that could still be rolled back.
"""

import contextlib
import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from time import perf_counter
from typing import Any

from jobs.store.commit import Commit
from jobs.store.tally import Tally
from jobs.store.transaction import Transaction

Change = Callable[[Transaction], Any]
GROUP = 1_000
GROUP_ROWS = 4_000
CAPACITY = 2_000
# Who waits for room goes on when half of it is free: two threads that take turns row by row are slow.
ROOM = CAPACITY // 2
RETRY_SECONDS = (0.05, 0.2, 0.5, 1.0)
# SQLite's primary result codes that pass by themselves: busy, locked, I/O error, full, cannot open.
PASSING = {5, 6, 10, 13, 14}
# Those that do not: read-only, corrupt, no database.
LASTING = {8, 11, 26}


class Closed(Exception):
    """The writer takes no further changes: the service is stopping, or it has died."""


class Unwritable(Exception):
    """Nothing more can be written: the file is damaged or read-only, or another process may have it."""


class Writer:
    """The one thread that writes.

    :param connection: its connection, in autocommit mode, used by nobody else from now on
    :param check: called inside of each transaction; raises ``Unwritable`` where there must be none
    :param on_commit: called in the writer's thread with what was committed, if a manager changed
    :param on_death: called in the writer's thread when it ends by an error
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        check: Callable[[], None],
        on_commit: Callable[[Commit], None],
        on_death: Callable[[BaseException], None],
    ) -> None:
        self._connection = connection
        self._transaction = Transaction(connection)
        self._check = check
        self._on_commit = on_commit
        self._on_death = on_death
        self._queue: deque[tuple[Change, Future[Any] | None]] = deque()
        # Reentrant: the garbage collector may run a finalizer that logs while this thread holds it.
        self._lock = threading.RLock()
        self._work = threading.Condition(self._lock)
        self._room = threading.Condition(self._lock)
        self._closing = False
        self._idle = False
        self._abandoned = threading.Event()
        self.state = "ok"
        self.tally = Tally()
        self._thread = threading.Thread(target=self._run, name="stepstream-writer", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether the thread runs and its last commit succeeded."""
        return self._thread.is_alive() and self.state == "ok"

    @property
    def queued(self) -> int:
        """How many changes wait."""
        return len(self._queue)

    def submit(self, change: Change) -> None:
        """Queue a change. Waits while the queue is full.

        :raises Closed: the service is stopping
        """
        self._put(change, None)

    def commit(self, change: Change) -> Future[Any]:
        """Queue a change; the future has its result once it is committed, or what it raised.

        It does not wait for room itself: who calls it waits for the future, and may be an event loop.

        :raises Closed: the service is stopping
        """
        future: Future[Any] = Future()
        future.set_running_or_notify_cancel()  # who waits may give up; the change is made all the same
        self._put(change, future)
        return future

    def _put(self, change: Change, future: Future[Any] | None) -> None:
        with self._lock:
            waits = future is None and threading.current_thread() is not self._thread
            if waits and len(self._queue) >= CAPACITY:
                while len(self._queue) > ROOM and not self._closing:
                    self._room.wait()
            if self._closing:
                raise Closed
            self._queue.append((change, future))
            if self._idle:
                self._work.notify()

    def close(self, last: Change, timeout: float) -> bool:
        """Take nothing more, write what is queued and then ``last``, and end.

        :param timeout: seconds to wait for the disk
        :returns: whether everything was committed in time
        """
        done: Future[Any] = Future()
        with self._lock:
            if not self._closing:
                self._closing = True
                self._queue.append((last, done))
                self._work.notify()
                self._room.notify_all()
        self._thread.join(timeout)
        self._abandoned.set()
        return done.done() and done.exception() is None

    # -- in the thread

    def _run(self) -> None:
        group: list[tuple[Change, Future[Any] | None]] = []
        try:
            while group := self._next_group():
                self._write(group)
            with contextlib.suppress(sqlite3.Error):  # the next start does it
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._connection.close()
        except BaseException as error:
            self.state = f"dead: {error}"
            self._refuse_all(group)
            if self._abandoned.is_set():
                return  # who closes it knows
            self._on_death(error)
            if not isinstance(error, Unwritable):  # that says all
                raise

    def _refuse_all(self, group: list[tuple[Change, Future[Any] | None]]) -> None:
        """Let nobody wait for what will never be written."""
        with self._lock:
            self._closing = True
            left = [*group, *self._queue]
            self._queue.clear()
            self._room.notify_all()
        for _, future in left:
            if future is not None and not future.done():
                future.set_exception(Closed(self.state))

    def _next_group(self) -> list[tuple[Change, Future[Any] | None]]:
        with self._lock:
            while not self._queue and not self._closing:
                self._idle = True
                self._work.wait()
                self._idle = False
            group = [self._queue.popleft() for _ in range(min(GROUP, len(self._queue)))]
            if len(self._queue) <= ROOM:
                self._room.notify_all()
        return group

    def _write(self, group: list[tuple[Change, Future[Any] | None]]) -> None:
        """Commit a group; if one of its changes is bad, commit them one by one without it."""
        while group:
            try:
                results = self._committed([change for change, _ in group])
            except Unwritable:
                raise
            except Exception as error:
                if len(group) == 1:
                    self._refuse(group[0][1], error)
                    return
                for item in group:
                    self._write([item])
                return
            if (committed := self._transaction.committed) and (committed.heads or committed.deleted):
                self._on_commit(committed)
            for (_, future), result in zip(group, results, strict=False):
                if future is not None:
                    future.set_result(result)
            group = group[len(results) :]

    def _refuse(self, future: Future[Any] | None, error: Exception) -> None:
        if future is not None:
            future.set_exception(error)
        elif not isinstance(error, KeyError):  # a KeyError: its manager was deleted meanwhile
            raise error

    def _committed(self, changes: list[Change]) -> list[Any]:
        """Apply and commit, the first of them at least; SQLite's own failures are waited out.

        :returns: the results of those that were committed

        :raises Unwritable: those that last
        :raises Exception: what a change raised; nothing of the group is committed then
        """
        tries = 0
        while True:
            started = perf_counter()
            try:
                self._transaction.begin()
                self._check()
                results = []
                for change in changes:
                    results.append(change(self._transaction))
                    if self._transaction.rows >= GROUP_ROWS:  # others wait; so few changes may be so much
                        break
                self._transaction.commit()
            except sqlite3.DatabaseError as error:
                code = getattr(error, "sqlite_errorcode", 0) & 0xFF
                if code in LASTING:
                    raise Unwritable(str(error)) from error
                self._transaction.rollback()
                if code not in PASSING:
                    raise
                self.state = f"waiting: {error}"
                self.tally.failed_tries += 1
                if self._abandoned.wait(RETRY_SECONDS[min(tries, len(RETRY_SECONDS) - 1)]):
                    raise SystemExit(f"the last rows could not be written: {error}") from error
                tries += 1
            except BaseException:
                self._transaction.rollback()
                raise
            else:
                self.state = "ok"
                self.tally.add(self._transaction.committed, perf_counter() - started)
                return results
