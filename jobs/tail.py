"""How do many viewers follow one manager? Its new rows become one page after each commit, for all of them.

After COMMIT a manager's tail is woken. What was committed comes along, so that it need not be read again;
where it does not follow the tail's position, or is too much, the tail reads the database, which alone has
everything. Viewers that have all are handed each page. One that is behind, because it has just come or is
slow, reads the database up to the tail's position itself. There is no queue that could overflow.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import anyio
import anyio.lowlevel
from anyio.abc import TaskGroup, TaskStatus

from jobs.page import Page
from jobs.status import Status
from jobs.store import rows
from jobs.store.reader import ReadError, Readers
from jobs.store.rows import Head, Row, one_page
from jobs.store.transaction import Commit

logger = logging.getLogger(__name__)

RECENT_PAGES = 16
# Least seconds between two pages for each viewer: what many viewers cost is sends, not rows.
GAP_PER_VIEWER = 20e-6
LONGEST_GAP = 0.05
# A tail that has nothing new lets its viewers look at the time this often (seconds).
TICK = 5.0
RETRY_SECONDS = 1.0


# A page is written to the viewers so many at a time; others have their turn in between.
TURN = 32
# Rows that arrive faster than they are sent are read from the database instead.
ARRIVED_ROWS = 1_000

Taker = Callable[[Page], bool]


def wait_for_it(page: Page) -> bool:
    """Take no page: each one ends the waiting."""
    return False


class Bell:
    """Something that a viewer also waits for: it is rung, and stays so until it is answered."""

    def __init__(self) -> None:
        self.event = anyio.Event()

    def ring(self) -> None:
        """Let the viewer look."""
        self.event.set()

    def answer(self) -> None:
        """From now on the next ring is meant. Called before looking, so that no ring is missed."""
        if self.event.is_set():
            self.event = anyio.Event()


class Place:
    """Where a viewer that has everything waits: pages are handed to it as they come.

    :param take: sends a page at once; False if that is not possible, and nothing was sent
    :param position: the last ``seq`` it has
    :param left: set when the viewer has to go on by itself
    """

    def __init__(self, take: Taker, position: int, left: anyio.Event) -> None:
        self.take = take
        self.position = position
        self.left = left


class Tail:
    """The end of one manager's log."""

    def __init__(self, head: Head) -> None:
        self.head = head
        self.position = head.last_seq
        self.viewers = 0
        self.woken = anyio.Event()
        self.recent: deque[Page] = deque(maxlen=RECENT_PAGES)
        self._places: dict[Place, None] = {}
        self._arrived: list[Row] = []
        self._newest = (head.status, head.last_seq)

    def arrived(self, status: Status, last_seq: int, rows: list[Row]) -> None:
        """Rows were committed. They need not be read again, unless they are many or others are missing."""
        if len(self._arrived) + len(rows) > ARRIVED_ROWS:
            self._arrived = []
        else:
            self._arrived += rows
        self._newest = (status, last_seq)
        self.woken.set()

    def next_page(self) -> tuple[Head, Page] | None:
        """The next page out of what has arrived, and how far the log goes; None if it must be read."""
        arrived, self._arrived = self._arrived, []
        # Those that were read from the database meanwhile are there too.
        arrived = arrived[max(0, self.position + 1 - arrived[0].seq) :] if arrived else []
        if not arrived or arrived[0].seq != self.position + 1:
            return None
        page = one_page(arrived)
        self._arrived = arrived[len(page) :]
        status, last_seq = self._newest
        head = Head(self.head.manager_id, status, last_seq, self.head.first_seq)
        return head, Page(self.position, page[-1].seq, page)

    def tell(self) -> None:
        """Let the viewers look."""
        for place in self._places:
            place.left.set()
        self._places.clear()

    async def give(self, page: Page) -> None:
        """A new page for all viewers."""
        self.recent.append(page)
        self.position = page.end
        for number, place in enumerate(list(self._places), start=1):
            if place in self._places:  # it may have left in between
                self._give(place, page)
            if number % TURN == 0:
                await anyio.lowlevel.checkpoint()

    def _give(self, place: Place, page: Page) -> None:
        if page.end <= place.position:  # it has read further than the tail
            return
        try:
            taken = page.start == place.position and place.take(page)
        except Exception:  # one viewer's; it meets it again on its own way
            logger.exception("a page could not be handed over")
            taken = False
        if taken:
            place.position = page.end
        else:
            place.left.set()
            del self._places[place]

    async def wait(self, position: int, take: Taker, bell: anyio.Event | None = None) -> int:
        """Wait for news, as a viewer that has everything; the position it has then.

        :param take: takes pages meanwhile
        :param bell: ends the waiting, too
        """
        place = Place(take, position, bell or anyio.Event())
        self._places[place] = None
        try:
            await place.left.wait()
        finally:
            self._places.pop(place, None)
        return place.position

    def pages_from(self, position: int) -> list[Page]:
        """The recent pages behind a position, if it is where one of them starts."""
        found: list[Page] = []
        for page in reversed(self.recent):
            if page.start < position:
                break
            found.append(page)
        found.reverse()
        return found if found and found[0].start == position else []


class Hub:
    """The tails that have viewers. It lives on their event loop; ``committed`` is for any thread."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers
        self._tails: dict[str, Tail] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: TaskGroup
        self._waiting: set[Bell] = set()  # of those who follow no manager
        self.streams = 0  # those that are open, of every kind
        self.stopping = anyio.Event()

    async def run(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Keep the tails going until cancelled."""
        self._loop = asyncio.get_running_loop()
        async with anyio.create_task_group() as self._tasks:
            task_status.started()
            await self.stopping.wait()
            for tail in self._tails.values():
                tail.tell()
            for bell in self._waiting:
                bell.ring()
            await anyio.sleep_forever()

    def committed(self, commit: Commit) -> None:
        """Wake the tails of managers that have changed."""
        watched = [manager_id for manager_id in commit.heads if manager_id in self._tails]
        if watched and self._loop:
            appended = commit.rows(watched)
            news = [(manager_id, *commit.heads[manager_id], appended[manager_id]) for manager_id in watched]
            self._loop.call_soon_threadsafe(self._wake, news)

    def _wake(self, news: list[tuple[str, Status, int, list[Row]]]) -> None:
        for manager_id, status, last_seq, appended in news:
            if tail := self._tails.get(manager_id):
                tail.arrived(status, last_seq, appended)

    @contextmanager
    def _watch(self, head: Head) -> Iterator[Tail]:
        tail = self._tails.get(head.manager_id)
        if tail is None:
            tail = self._tails[head.manager_id] = Tail(head)
            tail.woken.set()  # for a commit between reading the head and now
            self._tasks.start_soon(self._keep, tail)
        tail.viewers += 1
        try:
            yield tail
        finally:
            tail.viewers -= 1
            if tail.viewers == 0:
                del self._tails[head.manager_id]
                tail.woken.set()

    async def _keep(self, tail: Tail) -> None:
        """Read a tail's new rows as they come, while it has viewers."""
        page_at = 0.0
        while True:
            with anyio.move_on_after(TICK):
                await tail.woken.wait()
            if tail.viewers == 0:
                return
            if not tail.woken.is_set():
                tail.tell()
                continue
            gap = min(LONGEST_GAP, tail.viewers * GAP_PER_VIEWER)
            if (wait := page_at + gap - time.monotonic()) > 0:
                await anyio.sleep(wait)
            tail.woken = anyio.Event()
            try:
                head, page = tail.next_page() or await self._read(tail)
            except ReadError as error:  # of the disk; leaving here would end every stream for ever
                logger.error("the log of %s cannot be read: %s", tail.head.manager_id, error)
                await anyio.sleep(RETRY_SECONDS)
                tail.woken.set()
                tail.tell()
                continue
            page_at = time.monotonic()
            if head is None:  # deleted
                head = Head(tail.head.manager_id, "cancelled", tail.position, tail.position + 1)
            tail.head = head
            if page:
                if page.end < head.last_seq:
                    tail.woken.set()
                await tail.give(page)
            if page is None or head.ended:
                tail.tell()

    async def follow(
        self, head: Head, position: int, take: Taker = wait_for_it, bell: Bell | None = None
    ) -> AsyncGenerator[Page | None, None]:
        """The pages of a manager behind a position; None now and then, when there is nothing new.

        It ends when the run has ended and every row was given, or when ``stopping`` is set.

        :param take: is handed the new pages instead, as long as it takes them, while all before are given
        :param bell: each ring gives a None
        """
        with self._watch(head) as tail:
            while not self.stopping.is_set():
                if position >= tail.position:
                    if tail.head.ended and position >= tail.head.last_seq:
                        return
                    position = await tail.wait(position, take, bell.event if bell else None)
                    if bell or (position >= tail.position and not tail.head.ended):
                        yield None
                    continue
                pages = tail.pages_from(position) or [await self._history(tail, position)]
                for page in pages:
                    yield page
                    position = page.end

    async def until_reopened(self, head: Head, position: int, bell: Bell) -> AsyncGenerator[None, None]:
        """None at each ring and now and then, until a run that has ended is retried, or ``stopping``."""
        with self._watch(head) as tail:
            while tail.head.ended and tail.head.last_seq <= position and not self.stopping.is_set():
                await tail.wait(position, wait_for_it, bell.event)
                yield None

    async def without_end(self, bell: Bell) -> AsyncGenerator[None, None]:
        """None at each ring and now and then, until ``stopping`` is set."""
        self._waiting.add(bell)
        try:
            while not self.stopping.is_set():
                with anyio.move_on_after(TICK):
                    await bell.event.wait()
                yield None
        finally:
            self._waiting.discard(bell)

    async def _read(self, tail: Tail) -> tuple[Head | None, Page | None]:
        return await self._readers.run(lambda db: _news(db, tail))

    async def _history(self, tail: Tail, position: int) -> Page:
        upto = tail.position
        found = await self._readers.run(lambda db: rows.rows(db, tail.head.manager_id, position, upto))
        # Fewer rows than there should be: the others were deleted, and nothing is to come of them.
        end = found[-1].seq if found else upto
        return Page(position, end, found)


def _news(db: Any, tail: Tail) -> tuple[Head | None, Page | None]:
    head = rows.head(db, tail.head.manager_id)
    if head is None or head.last_seq <= tail.position:
        return head, None
    found = rows.rows(db, tail.head.manager_id, tail.position, head.last_seq)
    return head, Page(tail.position, found[-1].seq, found) if found else None
