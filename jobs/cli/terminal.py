"""How is something shown in a terminal? Lines that scroll, and below them some that stay and change.

Where standard output is no terminal, or ``NO_COLOR`` is set, only plain lines are written, without one escape
sequence. https://no-color.org
"""

import math
import os
import unicodedata
from collections.abc import Mapping, Sequence
from typing import TextIO

from jobs.cli.progress import Span

RESET = "\x1b[0m"
# What has no terminal has no size; it is used where the system does not know one either.
SIZE = os.terminal_size((80, 24))


class Terminal:
    """Standard output.

    :param out: what to write to
    :param environ: where ``NO_COLOR`` and ``TERM`` are looked up
    """

    def __init__(self, out: TextIO, environ: Mapping[str, str]) -> None:
        self._out = out
        self._below: list[int] = []  # the lengths of the lines that stay
        self.is_live = out.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"

    @property
    def size(self) -> os.terminal_size:
        """Columns and lines."""
        try:
            size = os.get_terminal_size(self._out.fileno())
        except OSError:
            return SIZE
        return os.terminal_size((size.columns or SIZE.columns, size.lines or SIZE.lines))

    def write(self, text: str, below: Sequence[Sequence[Span]] = ()) -> None:
        """Write lines that scroll, each with its line feed, then those that stay, in place of the last."""
        lines = [self.painted(spans, self.size.columns - 1) for spans in below] if self.is_live else []
        again = "".join(f"{line}\n" for line, _ in lines)
        self._out.write(self._erasing() + text + again)
        self._out.flush()
        self._below = [length for _, length in lines]

    def keep(self) -> None:
        """Leave the lines that stay where they are: what is written next comes below them."""
        self._below = []

    def _erasing(self) -> str:
        """What takes back the lines that stay, also where a narrower window has broken them."""
        columns = self.size.columns
        height = sum(max(1, math.ceil(length / columns)) for length in self._below)
        return f"\r\x1b[{height}A\x1b[J" if height else ""

    def painted(self, spans: Sequence[Span], most: int) -> tuple[str, int]:
        """A line in its colours, cut where it has no room; and its length without them."""
        text, length = "", 0
        for span in spans:
            part, columns = _cut(span.text, most - length)
            length += columns
            text += f"\x1b[{span.paint}m{part}{RESET}" if span.paint and part and self.is_live else part
        return text, length


def _cut(text: str, most: int) -> tuple[str, int]:
    """As much of a text as has room in so many columns, and how many it takes."""
    if text.isascii():
        return text[:most], min(len(text), most)
    length = 0
    for index, letter in enumerate(text):
        columns = 0 if unicodedata.combining(letter) else 1 + (unicodedata.east_asian_width(letter) in "WF")
        if length + columns > most:
            return text[:index], length
        length += columns
    return text, length
