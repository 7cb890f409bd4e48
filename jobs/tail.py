"""How do new rows reach those who wait for them? After each commit they become one page, given to all.

After COMMIT a manager's tail is woken. What was committed comes along, so that it need not be read again;
where it does not follow the tail's position, or is too much, the tail has the database read, which alone has
everything. All of this runs in callbacks of the event loop: a task that is woken would be a further turn of
the loop for each page, and so for each lone row.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable

import anyio

from jobs.page import Page
from jobs.status import Status
from jobs.store.rows import Head, Row, one_page

logger = logging.getLogger(__name__)

RECENT_PAGES = 16
# Least seconds between two pages for each viewer: what many viewers cost is sends, not rows.
GAP_PER_VIEWER = 20e-6
LONGEST_GAP = 0.05
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
    """The end of one manager's log.

    :param head: how far the log goes
    :param read: has the database read what comes next, and then calls ``took``
    """

    def __init__(self, head: Head, read: "Callable[[Tail], None]") -> None:
        self.head = head
        self.position = head.last_seq
        self.viewers = 0
        self.recent: deque[Page] = deque(maxlen=RECENT_PAGES)
        self._read = read
        self._loop = asyncio.get_running_loop()
        self._places: dict[Place, None] = {}
        self._arrived: list[Row] = []
        self._newest: tuple[Status, int] | None = None
        self._woken = False  # there may be something new
        self._busy = False  # a page is being read or given
        self._page_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._quiet = True  # no page since the last tick

    # -- what comes in

    def arrived(self, status: Status, last_seq: int, rows: list[Row]) -> None:
        """Rows were committed. They need not be read again, unless they are many or others are missing."""
        if len(self._arrived) + len(rows) > ARRIVED_ROWS:
            self._arrived = []
        else:
            self._arrived += rows
        self._newest = (status, last_seq)
        self.wake()

    def wake(self) -> None:
        """There may be something new: a page is due, at once or when the last one is long enough ago."""
        self._woken = True
        if self._busy or self._timer:
            return
        wait = self._page_at + min(LONGEST_GAP, self.viewers * GAP_PER_VIEWER) - self._loop.time()
        if wait > 0:
            self._timer = self._loop.call_later(wait, self._turn)
        else:
            self._turn()

    def _turn(self) -> None:
        self._timer = None
        self._woken = False
        self._busy = True
        found = self._next_page()
        if found:
            self.took(*found)
        else:
            self._read(self)

    def _next_page(self) -> tuple[Head, Page | None] | None:
        """How far the log goes, and the next page out of what has arrived; None if it must be read."""
        if self._newest is None:
            return None
        head = Head(self.head.manager_id, *self._newest, self.head.first_seq)
        if head.last_seq <= self.position:
            return head, None
        arrived, self._arrived = self._arrived, []
        # Those that were read from the database meanwhile are there too.
        arrived = arrived[max(0, self.position + 1 - arrived[0].seq) :] if arrived else []
        if not arrived or arrived[0].seq != self.position + 1:
            return None
        rows = one_page(arrived)
        self._arrived = arrived[len(rows) :]
        return head, Page.of(self.position, rows)

    def took(self, head: Head, page: Page | None) -> None:
        """The next page is here, if there is one, and how far the log goes."""
        self._page_at = self._loop.time()
        self.head = head
        if page is None:
            self._done()
            return
        self._woken = self._woken or page.end < head.last_seq
        self._quiet = False
        self.recent.append(page)
        self.position = page.end
        self._give(page, deque(self._places))

    # -- what goes out

    def _give(self, page: Page, places: deque[Place]) -> None:
        """A new page for all who wait, some at a time."""
        for _ in range(min(TURN, len(places))):
            place = places.popleft()
            if place in self._places:  # it may have left in between
                self._give_one(place, page)
        if places:
            self._loop.call_soon(self._give, page, places)
        else:
            self._done()

    def _give_one(self, place: Place, page: Page) -> None:
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

    def _done(self) -> None:
        self._busy = False
        if self.head.ended:
            self.tell()
        if self._woken:
            self._loop.call_soon(self.wake)

    def tell(self) -> None:
        """Let the viewers look."""
        for place in self._places:
            place.left.set()
        self._places.clear()

    def tick(self) -> None:
        """Let the viewers look at the time, if they had nothing else to do for a while."""
        if self._quiet:
            self.tell()
        self._quiet = True

    def close(self) -> None:
        """Nobody is there any more."""
        if self._timer:
            self._timer.cancel()

    # -- what viewers ask

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
