"""Promise: every change is committed whole, once and in order, or refused to who made it."""

import contextlib
import json
import logging
import sqlite3
import tempfile
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.capture import JobLogHandler
from jobs.creation import NewManager, NewStep
from jobs.job import Job, current
from jobs.log import Log
from jobs.recovery import interrupt
from jobs.redact import Redactor
from jobs.row import Source, prepare_line
from jobs.state import Outcome
from jobs.store import file_check, rows, runs
from jobs.store.commit import Commit
from jobs.store.deletion import delete_rows
from jobs.store.store import DatabaseError, DatabaseInUse, Store
from jobs.store.transaction import Transaction
from jobs.store.writer import CAPACITY, Closed, Unwritable

MANAGER = Source("manager234")
STEPS = [Source(MANAGER.manager_id, f"manager234.{n}", f"step{n}") for n in (1, 2)]


class Opened:
    """A store with one manager of two steps, and what it told about commits."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.commits: list[Commit] = []
        self.deaths: list[BaseException] = []
        self.store = Store(path, "NORMAL", self.commits.append, self.deaths.append)
        self.log = Log(self.store.writer, Redactor())

    def create(self) -> None:
        new = [NewStep(step, step.step_name or "", "", "type", []) for step in STEPS]
        manager = NewManager("definition", "name", "", "definition.toml", "interrupt", {})
        self.log.create(MANAGER, manager, new).result(10)

    def close(self) -> None:
        assert self.store.close(lambda tx: None, 10)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    opened = Opened(tmp_path / "x.db")
    opened.create()
    yield opened
    opened.close()


def stored(path: Path) -> list[dict[str, Any]]:
    db = sqlite3.connect(path)
    found = db.execute("SELECT seq, data, event, line_number FROM log ORDER BY manager_id, seq").fetchall()
    db.close()
    for seq, data, event, line_number in found:
        row = json.loads(data)
        assert (row["seq"], row["event"], row.get("line_number")) == (seq, event, line_number)
    return [json.loads(row[1]) for row in found]


def check_numbers(found: list[dict[str, Any]]) -> None:
    """Rows and lines are numbered without a gap."""
    assert [row["seq"] for row in found] == list(range(1, len(found) + 1))
    for name in ("step1", "step2", None):
        numbers = [
            row["line_number"] for row in found if row["event"] == "job_log" and row.get("step_name") == name
        ]
        assert numbers == list(range(1, len(numbers) + 1))


def raises(tx: Transaction) -> None:
    tx.event("job_status", MANAGER, {"never": "seen"})
    raise RuntimeError("a change that is bad")


def test_a_bad_change_is_refused_alone(opened: Opened) -> None:
    """Queued between good ones, so in one group with them; its row is nowhere, its numbers are not used."""
    hold, held = threading.Event(), threading.Event()

    def wait(tx: Transaction) -> None:
        held.set()
        hold.wait(10)

    opened.store.writer.submit(wait)
    held.wait(10)
    futures: list[Future[Any]] = []
    for number in range(20):
        opened.log.line(STEPS[0], "step", "info", f"line {number}")
        futures.append(opened.store.commit(raises))
    hold.set()
    for future in futures:
        with pytest.raises(RuntimeError, match="a change that is bad"):
            future.result(10)
    opened.log.flush()
    found = stored(opened.path)
    check_numbers(found)
    assert [row["message"] for row in found if row["event"] == "job_log"] == [f"line {n}" for n in range(20)]
    assert opened.store.writer.alive
    assert not opened.deaths


def test_a_change_of_a_manager_that_is_gone_is_dropped(opened: Opened) -> None:
    opened.log.line(Source("gone"), "manager", "info", "to nobody")
    opened.log.line(MANAGER, "manager", "info", "to somebody")
    opened.log.flush()
    assert [row["message"] for row in stored(opened.path) if row["event"] == "job_log"] == ["to somebody"]


def test_readers_are_woken_after_the_commit(opened: Opened) -> None:
    """What a reader finds when it is woken is what was committed."""
    seen: list[int] = []

    def look(commit: Commit) -> None:
        head = opened.store.readers.read(lambda db: rows.head(db, MANAGER.manager_id))
        assert head is not None
        assert commit.heads == {MANAGER.manager_id: (head.status, head.last_seq)}
        # It is told the very rows that it would read.
        told = commit.rows([MANAGER.manager_id, "another"])
        after = head.last_seq - len(told[MANAGER.manager_id])
        read = opened.store.readers.read(lambda db: rows.rows(db, MANAGER.manager_id, after, head.last_seq))
        assert told == {MANAGER.manager_id: read, "another": []}
        seen.append(head.last_seq)

    opened.store.writer._on_commit = look
    for number in range(5):
        opened.log.line(MANAGER, "manager", "info", f"line {number}")
        opened.log.flush()
    assert [seq for seq in seen if seq > 3] == [4, 5, 6, 7, 8]


def job(number: int, name: str = "work") -> dict[str, Any]:
    """The columns of a worker job, pending."""
    ids = {"job_id": f"manager234.1.{number}", "manager_id": MANAGER.manager_id, "step_id": STEPS[0].step_id}
    return {**ids, "name": name, "status": "pending"}


def test_an_inserted_worker_job_is_there_for_what_follows_in_its_transaction(opened: Opened) -> None:
    def change(tx: Transaction) -> tuple[bool, int, int]:
        for number in range(1, 101):
            tx.insert("jobs", job(number))
        seen = len(tx.not_ended("jobs", MANAGER.manager_id))
        updated = tx.update("jobs", "job_id", "manager234.1.100", "pending", {"status": "running"})
        tx.insert("jobs", job(101))
        return updated, seen, len(tx.select("SELECT * FROM jobs"))

    assert opened.store.commit(change).result(10) == (True, 100, 101)


def test_half_a_surrogate_pair_among_inserted_worker_jobs_is_stored_escaped(opened: Opened) -> None:
    """In a later statement than the first: those before it are not inserted twice."""

    def change(tx: Transaction) -> None:
        for number in range(1, 81):
            tx.insert("jobs", job(number, "\ud800" if number == 70 else "work"))

    opened.store.commit(change).result(10)
    jobs = opened.store.readers.read(
        lambda db: db.execute("SELECT name FROM jobs ORDER BY ordinal").fetchall()
    )
    assert [name for (name,) in jobs] == ["work"] * 69 + ["\\ud800"] + ["work"] * 10


def test_inserted_worker_jobs_are_rolled_back_with_a_bad_change(opened: Opened) -> None:
    def change(tx: Transaction) -> None:
        tx.insert("jobs", job(1))
        raise RuntimeError("a change that is bad")

    with pytest.raises(RuntimeError, match="a change that is bad"):
        opened.store.commit(change).result(10)
    assert opened.store.commit(lambda tx: tx.select("SELECT * FROM jobs")).result(10) == []


def test_of_many_worker_jobs_only_those_change_that_are_as_they_were(opened: Opened) -> None:
    """More than fit into one statement; one of them has ended meanwhile."""
    sources = [
        Source(MANAGER.manager_id, STEPS[0].step_id, "step1", f"manager234.1.{number}", STEPS[0].step_id)
        for number in range(1, 2001)
    ]
    for source in sources:
        opened.log.spawn(source, "work", "module:work", "{}")
    late, *others = sources
    opened.log.job_status(late, "work", Outcome("pending", "running"))
    opened.log.job_status(late, "work", Outcome("running", "completed"))
    opened.log.cancel_jobs([(source, "work", "no more") for source in sources]).result(10)
    cancelled = [row for row in stored(opened.path) if row.get("status") == "cancelled"]
    assert [row["job_id"] for row in cancelled] == [source.job_id for source in others]
    assert {(row["previous"], row["reason"]) for row in cancelled} == {("pending", "no more")}
    manager = opened.store.readers.read(lambda db: runs.manager(db, MANAGER.manager_id))
    assert manager is not None
    assert (manager["completed_jobs"], manager["cancelled_jobs"], manager["pending_jobs"]) == (1, 1999, 0)


def test_the_id_of_a_deleted_line_is_not_given_again(opened: Opened) -> None:
    """A search goes on after the last line that it saw."""
    opened.log.line(STEPS[0], "step", "info", "the newest")
    opened.log.flush()
    ids = "SELECT id FROM log ORDER BY id"
    last = opened.store.commit(lambda tx: tx.select(ids)[-1]["id"]).result(10)
    opened.store.commit(lambda tx: delete_rows(tx, MANAGER.manager_id)).result(10)
    opened.log.line(STEPS[0], "step", "info", "newer")
    opened.log.flush()
    assert [row["id"] for row in opened.store.commit(lambda tx: tx.select(ids)).result(10)] == [last + 1]


@pytest.mark.parametrize("sizes", ["", ", columnsize=0"], ids=["an index with sizes", "without"])
def test_words_of_deleted_lines_are_forgotten(opened: Opened, sizes: str) -> None:
    """Also in a database whose index was made with the sizes of texts."""

    def make_index(tx: Transaction) -> None:
        tx.execute("DROP TABLE log_words")
        tx.execute(
            "CREATE VIRTUAL TABLE log_words"
            f" USING fts5(message, content='', tokenize='ascii', detail='none'{sizes})"
        )

    opened.store.commit(make_index).result(10)
    opened.log.line(STEPS[0], "step", "info", "a word")
    hits = "SELECT rowid FROM log_words WHERE log_words MATCH 'word'"
    opened.log.flush()
    assert len(opened.store.commit(lambda tx: tx.select(hits)).result(10)) == 1
    opened.store.commit(lambda tx: delete_rows(tx, MANAGER.manager_id)).result(10)
    assert opened.store.commit(lambda tx: tx.select(hits)).result(10) == []


def test_nothing_comes_after_the_end(opened: Opened) -> None:
    """A thread that was given up may still write when its step, or the run, has ended."""
    opened.log.step_status(STEPS[0], "step1", Outcome("pending", "running"))
    opened.log.step_status(STEPS[0], "step1", Outcome("running", "completed"))
    opened.log.line(STEPS[0], "worker", "info", "too late for the step")
    opened.log.step_status(STEPS[0], "step1", Outcome("running", "failed"))
    opened.log.manager_status(MANAGER, "definition", Outcome("pending", "running"))
    opened.log.manager_status(MANAGER, "definition", Outcome("running", "cancelled"))
    opened.log.line(MANAGER, "manager", "info", "too late for the run")
    opened.log.manager_status(MANAGER, "definition", Outcome("running", "completed"))
    opened.log.flush()
    found = stored(opened.path)
    assert not [row for row in found if row["event"] == "job_log"]
    manager = opened.store.readers.read(lambda db: runs.manager(db, MANAGER.manager_id))
    assert manager is not None
    assert manager["status"] == "cancelled"
    assert manager["steps"][0]["status"] == "completed"
    assert found[-1]["status"] == "cancelled"


def test_a_disk_that_is_full_is_waited_out(opened: Opened) -> None:
    """SQLite says full at a limit of pages; nothing is lost, and it goes on when there is room again."""
    writer = opened.store.writer

    def limit(pages: int) -> None:
        writer._connection.execute(f"PRAGMA max_page_count = {pages}")

    opened.store.commit(lambda tx: limit(1)).result(10)  # SQLite takes the present size instead
    full = threading.Event()
    number = 0
    while writer.alive:
        opened.log.line(STEPS[0], "step", "info", f"line {number} " + "x" * 2000)
        number += 1
        full.wait(0.001)
    assert writer.state == "waiting: database or disk is full"
    committed = len(stored(opened.path))
    opened.log.line(STEPS[0], "step", "info", "one more")
    limit(2**31 - 2)
    opened.log.flush()
    assert writer.state == "ok"
    found = stored(opened.path)
    check_numbers(found)
    assert len([row for row in found if row["event"] == "job_log"]) == number + 1
    assert committed < len(found)


def test_a_lock_of_another_is_waited_out(opened: Opened) -> None:
    other = sqlite3.connect(opened.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    opened.log.line(STEPS[0], "step", "info", "waits")
    pending = opened.store.commit(lambda tx: None)
    while opened.store.writer.alive:
        threading.Event().wait(0.01)
    assert "locked" in opened.store.writer.state
    assert not pending.done()
    # Readers go on meanwhile.
    assert opened.store.readers.read(lambda db: rows.head(db, MANAGER.manager_id)) is not None
    other.execute("ROLLBACK")
    other.close()
    pending.result(10)
    assert [row["message"] for row in stored(opened.path) if row["event"] == "job_log"] == ["waits"]


def test_who_writes_faster_than_the_disk_waits(opened: Opened) -> None:
    hold, held = threading.Event(), threading.Event()

    def wait(tx: Transaction) -> None:
        held.set()
        hold.wait(30)

    opened.store.writer.submit(wait)
    assert held.wait(10)  # alone in its group: the lines come behind it
    written = 0

    def flood() -> None:
        nonlocal written
        for number in range(CAPACITY + 500):
            opened.log.line(STEPS[0], "step", "info", f"line {number}")
            written += 1

    thread = threading.Thread(target=flood)
    thread.start()
    while written < CAPACITY:
        threading.Event().wait(0.01)
    thread.join(0.2)
    assert thread.is_alive()
    assert CAPACITY <= written <= CAPACITY + 1
    hold.set()
    thread.join(20)
    opened.log.flush()
    check_numbers(stored(opened.path))


def test_who_waits_for_a_commit_does_not_wait_for_room(opened: Opened) -> None:
    """It may be an event loop: the queue is full, and the future is had at once."""
    hold = threading.Event()
    opened.store.writer.submit(lambda tx: hold.wait(30))

    def write() -> None:
        for number in range(2 * CAPACITY):
            opened.log.line(STEPS[0], "step", "info", f"line {number}")

    flood = threading.Thread(target=write)
    flood.start()
    while len(opened.store.writer._queue) < CAPACITY:
        threading.Event().wait(0.01)
    made: list[Future[Any]] = []
    commit = threading.Thread(target=lambda: made.append(opened.store.commit(lambda tx: "done")), daemon=True)
    commit.start()
    commit.join(5)
    assert made
    assert not made[0].done()
    hold.set()
    assert made[0].result(20) == "done"
    flood.join(20)


def test_nobody_waits_for_a_writer_that_has_died(tmp_path: Path) -> None:
    opened = Opened(tmp_path / "x.db")
    opened.create()
    begun, hold = threading.Event(), threading.Event()

    def stay(tx: Transaction) -> None:
        begun.set()
        hold.wait(30)

    opened.store.writer.submit(stay)
    assert begun.wait(10)  # its transaction has looked at the lock already
    opened.path.with_name("x.db.lock").unlink()
    futures = [opened.store.commit(lambda tx: None) for _ in range(3)]
    hold.set()
    for future in futures:
        with pytest.raises(Closed, match=r"x\.db\.lock was removed: another process may have the database"):
            future.result(10)
    with pytest.raises(Closed):
        opened.store.commit(lambda tx: None)
    (death,) = opened.deaths
    assert isinstance(death, Unwritable)
    assert opened.store.state() == "x.db.lock was removed"
    assert not opened.store.close(lambda tx: None, 10)
    assert [row["event"] for row in stored(opened.path)] == ["job_status"] * 3


def test_who_waits_may_give_up(opened: Opened) -> None:
    """A request that is cancelled while the disk is slow: its change is made, and the writer goes on."""
    hold = threading.Event()
    opened.store.writer.submit(lambda tx: hold.wait(10))
    given_up = opened.store.commit(lambda tx: tx.event("job_status", MANAGER, {"given": "up"}))
    assert not given_up.cancel()
    hold.set()
    opened.log.flush()
    assert stored(opened.path)[-1]["given"] == "up"
    assert opened.store.writer.alive


def test_a_finalizer_may_log_while_its_thread_queues_a_change(opened: Opened) -> None:
    """Python collects garbage whenever something is made: also between taking the lock and giving it back."""

    class Queue(deque[Any]):
        def append(self, item: Any) -> None:
            if not said:
                said.append("finalized")
                opened.log.line(STEPS[0], "step", "info", said[0])
            super().append(item)

    said: list[str] = []
    opened.store.writer._queue = Queue()
    thread = threading.Thread(target=opened.log.line, args=(STEPS[0], "step", "info", "a line"), daemon=True)
    thread.start()
    thread.join(5)
    assert not thread.is_alive()
    opened.log.flush()
    messages = [row["message"] for row in stored(opened.path) if row["event"] == "job_log"]
    assert messages == ["finalized", "a line"]


def test_a_job_that_waits_for_the_disk_stops_no_other_logging() -> None:
    """The service's own lines, written on the event loop of HTTP, go through the same handler."""
    handler = JobLogHandler(logging.INFO)
    record = logging.makeLogRecord({"msg": "a line", "levelno": logging.INFO})
    waiting, hold = threading.Event(), threading.Event()

    class Waits:
        def write(self, *line: object) -> None:
            waiting.set()
            hold.wait(10)

    def of_a_job() -> None:
        current.set(cast(Job, Waits()))
        handler.handle(record)

    threads = [threading.Thread(target=of_a_job), threading.Thread(target=handler.handle, args=[record])]
    threads[0].start()
    assert waiting.wait(5)
    threads[1].start()
    threads[1].join(5)
    stopped = threads[1].is_alive()
    hold.set()
    for thread in threads:
        thread.join()
    assert not stopped


def test_who_reads_much_delays_no_viewer(opened: Opened) -> None:
    """Every connection of requests and of jobs is busy; the tails of the log have their own."""
    store = opened.store
    hold = threading.Event()
    busy = threading.Semaphore(0)

    def slow(db: sqlite3.Connection) -> None:
        busy.release()
        hold.wait(30)

    threads = [
        threading.Thread(target=pool.read, args=[slow])
        for pool in (store.readers, store.job_readers)
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    assert all(busy.acquire(timeout=10) for _ in threads)
    read: list[Any] = []
    viewer = threading.Thread(target=lambda: read.append(store.tail_readers.read(lambda db: "read")))
    viewer.start()
    viewer.join(10)
    hold.set()
    for thread in threads:
        thread.join()
    assert read == ["read"]


def test_changes_of_many_rows_leave_others_their_turn(opened: Opened) -> None:
    """They wait together, but are not committed together: what comes after one is not held up by them all."""
    hold = threading.Event()
    opened.store.commit(lambda tx: hold.wait(30))

    def many(tx: Transaction) -> None:
        for _ in range(2_000):
            tx.line(prepare_line(MANAGER, "manager", "info", "one of many"))

    waiting = [opened.store.commit(many) for _ in range(10)]
    before = len(opened.commits)
    hold.set()
    for each in waiting:
        each.result(30)
    assert len(opened.commits) - before >= 5
    assert [row["line_number"] for row in stored(opened.path)[-20_000:]] == list(range(1, 20_001))


def test_a_closed_writer_takes_nothing(tmp_path: Path) -> None:
    opened = Opened(tmp_path / "x.db")
    opened.create()
    opened.log.line(MANAGER, "manager", "info", "before")
    assert opened.store.close(lambda tx: interrupt(tx, "closed"), 10)
    with pytest.raises(Closed):
        opened.store.commit(lambda tx: None)
    opened.log.line(MANAGER, "manager", "info", "after")  # dropped
    opened.log.manager_status(
        MANAGER, "definition", Outcome("running", "completed")
    )  # a run that ended too late
    messages = [row["message"] for row in stored(opened.path) if row["event"] == "job_log"]
    assert messages == ["before", "Interrupted: closed"]


def test_a_check_that_takes_long_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of many gigabytes is opened all the same."""
    opened = Opened(tmp_path / "x.db")
    opened.create()
    for number in range(20_000):
        opened.log.line(STEPS[0], "step", "info", f"line {number}")
    opened.close()
    with opened.path.open("r+b") as file:
        file.seek(-4096, 2)
        file.write(b"\xff" * 4096)
    opened.path.with_name("x.db.lock").write_text("1")  # as a process leaves it that was killed
    with pytest.raises(DatabaseError, match="damaged"):
        Opened(opened.path)
    for attempt in range(400):  # the time may be over before the check has begun, or come too late for it
        monkeypatch.setattr(file_check, "CHECK_SECONDS", attempt % 20 * 0.0005)
        with contextlib.suppress(DatabaseError):
            Opened(opened.path).close()
            return
    pytest.fail("the check was never given up")


def test_one_process_has_the_database(opened: Opened) -> None:
    with pytest.raises(DatabaseInUse, match="in use by another Stepstream, process"):
        Store(opened.path, "FULL", lambda ids: None, lambda error: None)


WRITES = st.lists(
    st.one_of(
        st.tuples(st.just("line"), st.integers(0, 2), st.text(max_size=20)),
        st.tuples(st.just("bad"), st.just(0), st.just("")),
        st.tuples(st.just("progress"), st.integers(0, 1), st.just("")),
        st.tuples(st.just("spawn"), st.integers(0, 1), st.just("")),
        st.tuples(st.just("reopen"), st.just(0), st.just("")),
    ),
    max_size=40,
)


@settings(max_examples=40, deadline=None)
@given(WRITES)
def test_any_sequence_of_writes_is_the_log(writes: list[tuple[str, int, str]]) -> None:
    """Lines, bad changes and restarts in any order: the rows are what was written, numbered without a gap."""
    with tempfile.TemporaryDirectory() as folder:
        opened = Opened(Path(folder) / "x.db")
        opened.create()
        expected: list[str] = []
        spawned = [0, 0]
        for kind, where, text in writes:
            if kind == "line":
                opened.log.line([*STEPS, MANAGER][where], "step", "info", text)
                expected.append(text)
            elif kind == "bad":
                opened.store.commit(raises).add_done_callback(_refused)
            elif kind == "progress":
                opened.log.progress(STEPS[where], {}, None)
            elif kind == "spawn":
                spawned[where] += 1
                step = STEPS[where]
                job = Source(
                    step.manager_id,
                    step.step_id,
                    step.step_name,
                    f"{step.step_id}.{spawned[where]}",
                    step.step_id,
                )
                opened.log.spawn(job, "f", "m:f", "{}")
            else:
                opened.close()
                opened = Opened(opened.path)
        opened.log.flush()
        manager = opened.store.readers.read(lambda db: runs.manager(db, MANAGER.manager_id))
        opened.close()
        found = stored(opened.path)
    check_numbers(found)
    assert [row["message"] for row in found if row["event"] == "job_log"] == expected
    assert manager is not None
    assert manager["last_seq"] == len(found)
    assert manager["log_counts"]["info"] == len(expected)
    assert [step["pending_jobs"] for step in manager["steps"]] == spawned
    for row in found:
        if row["event"] == "manager_progress":
            before = [each for each in found[: row["seq"]] if each["event"] == "job_status"]
            assert row["total_jobs"] == sum(each["job_type"] == "worker" for each in before)


def _refused(future: "Future[Any]") -> None:
    assert isinstance(future.exception(), RuntimeError)
