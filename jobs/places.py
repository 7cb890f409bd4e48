"""How many worker jobs of a step run at once? The places that they take, give away and take back."""

from collections import deque
from collections.abc import Callable

import anyio


class Places:
    """The places of a step. They belong to one event loop.

    :param number: how many there are
    :param on_free: called when one is free that nobody waits to take back
    """

    def __init__(self, number: int, on_free: Callable[[], None]) -> None:
        self._free = number
        self._on_free = on_free
        self._returning: deque[anyio.Event] = deque()

    def take(self) -> bool:
        """Take a place if one is free."""
        if self._free <= 0:
            return False
        self._free -= 1
        return True

    def give(self) -> None:
        """Give a place: to who takes one back, else to whoever comes."""
        self._free += 1
        if self._returning and self.take():
            self._returning.popleft().set()
        else:
            self._on_free()

    async def take_back(self) -> None:
        """Take a place again, before those that have not had one yet."""
        if self.take():
            return
        turn = anyio.Event()
        self._returning.append(turn)
        try:
            await turn.wait()
        except anyio.get_cancelled_exc_class():
            if not turn.is_set():
                self._returning.remove(turn)
                self.owe()
            raise

    def owe(self) -> None:
        """Take a place at once, free or not: for a job that ends, and then gives one in any case."""
        self._free -= 1
