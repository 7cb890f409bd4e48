"""What do the viewers of a manager share? Pages of its rows, encoded once in each form that is asked for."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from jobs.store.rows import Row

# In how many views a page is kept encoded: nearly all viewers share one, but each could ask for its own.
VIEWS = 4


@dataclass(frozen=True)
class Encoded:
    """The bytes of a page in a view, and how many lines are in them."""

    body: bytes
    lines: int

    @cached_property
    def chunk(self) -> bytes:
        """The body as one chunk of HTTP/1.1 (RFC 9112, 7.1)."""
        return b"%x\r\n%b\r\n" % (len(self.body), self.body)


class View(Protocol):
    """A way to show rows. Equal views share what they have made of a page, so views are hashable."""

    def __hash__(self) -> int: ...
    def encode(self, page: list[Row]) -> Encoded:
        """A page in this view."""


@dataclass
class Page:
    """Consecutive rows of a manager: those after ``start`` up to ``end``.

    :param first: the first of them; those before it are not kept any more
    :param rows: absent where nobody needs them: where it is encoded already, in the one view it was read for
    """

    start: int
    end: int
    first: int
    rows: list[Row]
    _encoded: dict[View, Encoded] = field(default_factory=dict)

    @classmethod
    def of(cls, start: int, rows: list[Row]) -> "Page":
        """A page of some rows, at least one."""
        return cls(start, rows[-1].seq, rows[0].seq, rows)

    @property
    def gap(self) -> tuple[int, int] | None:
        """The first and the last seq of rows before its own that are not kept any more."""
        return (self.start + 1, self.first - 1) if self.first > self.start + 1 else None

    def encoded(self, view: View) -> Encoded:
        """The page in a view, made once for all who share it."""
        made = self._encoded.get(view)
        if made is None:
            if len(self._encoded) == VIEWS:
                del self._encoded[next(iter(self._encoded))]
            made = self._encoded[view] = view.encode(self.rows)
        return made
