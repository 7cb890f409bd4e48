"""How does what a program prints become lines? Whole ones at once, a redrawn one now and then."""

import re
from collections.abc import Callable

# How often a line that is redrawn, as progress is, is shown; and how long the text may rest before that.
REDRAW_SECONDS = 0.5
REST_SECONDS = 0.1
# After this, text without a line feed is shown as it is: it may be a question, or the last sign of life.
QUIET_SECONDS = 2.0
# Of a longer line the rest is dropped. A line in the log is shorter still, so no piece of it is lost twice.
LONGEST = 64 * 1024

# A carriage return at the end may be half of a line's end.
_ENDS = re.compile(rb"(\r*\n|\r+(?=[^\r\n]))")


class Lines:
    """Makes lines of one stream of a program.

    A carriage return lets what follows take the place of the line, as on a terminal: of all that stood there
    some are written, and the last one always. Bytes that are not UTF-8 become U+FFFD.

    :param write: takes a line
    """

    def __init__(self, write: Callable[[str], None]) -> None:
        self.cut = 0  # how many lines were too long
        self._write = write
        self._rest = b""  # of the present line
        self._drawn = b""  # what stood in it before, and was not written
        self._redrawn = False
        self._written = b""
        self._written_at = 0.0
        self._fed_at = 0.0
        self._dropping = False

    def feed(self, data: bytes, now: float) -> None:
        """Take what the program has printed.

        :param now: monotonic seconds
        """
        self._fed_at = now
        *pieces, self._rest = _ENDS.split(self._rest + data)
        for text, end in zip(pieces[::2], pieces[1::2], strict=True):
            if self._dropping:
                self._dropping = False
            elif end.endswith(b"\n"):
                self._finish(text, now)
            else:
                self._redraw(text, now)
        if self._dropping:
            self._rest = b""
        elif len(self._rest) > LONGEST:
            self.cut += 1
            self._finish(self._rest[:LONGEST], now)
            self._rest, self._dropping = b"", True

    def look(self, now: float) -> None:
        """Write what has stood there for a while."""
        text, due = self._rest.rstrip(b"\r"), now - self._written_at >= REDRAW_SECONDS
        if self._redrawn or self._rest.endswith(b"\r"):
            if due and text and now - self._fed_at >= REST_SECONDS:
                self._redrawn = True
                self._show(text, now)
            elif due and self._drawn:
                self._show(self._drawn, now)
        elif text and now - self._fed_at >= QUIET_SECONDS:
            self._show(text, now)

    def end(self, now: float) -> None:
        """Write what is left."""
        text = self._rest.rstrip(b"\r") or self._drawn
        if text:
            self._show(text, now)
        self._rest = self._drawn = b""

    def _redraw(self, text: bytes, now: float) -> None:
        self._redrawn = True
        if text:
            self._drawn = text
            if now - self._written_at >= REDRAW_SECONDS:
                self._show(text, now)

    def _finish(self, text: bytes, now: float) -> None:
        text = text or self._drawn
        if text:
            self._show(text, now)
        elif not self._redrawn and not self._written:
            self._write("")
        self._written, self._drawn, self._redrawn = b"", b"", False

    def _show(self, text: bytes, now: float) -> None:
        """Write the present line, or what has been added to it since it was written."""
        new = text if self._redrawn or not text.startswith(self._written) else text[len(self._written) :]
        if new and text != self._written:
            self._write(new.decode("utf-8", "replace"))
            self._written_at = now
        self._written, self._drawn = text, b""
