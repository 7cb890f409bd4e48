"""Which parts does an HTML page consist of? Tags and what stands between them, found in linear time.

``html.parser`` alone takes minutes for a page of a few thousand broken tags, and a thread that parses cannot
be stopped. So a page is cut here first, and the parser is given one tag at a time.
"""

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

# A longer tag is left out: it holds a picture, or is none.
LONGEST_TAG = 16 * 1024
# What is not found is looked for once; this bounds what is looked through for the ends of tags in vain.
VAIN = 16
_BEGIN = re.compile(r"<(?:(?P<tag>/?[A-Za-z][^\s/<>\"'=]*)|(?P<comment>!--)|(?P<other>[!?/]))")
_NEXT = re.compile("[<>\"']")
# Elements whose content is no HTML.
_RAW = {
    name: re.compile(f"</{name}(?=[\\s/>])", re.IGNORECASE)
    for name in ("script", "style", "iframe", "noembed", "noframes", "xmp")
}


class Token(NamedTuple):
    """A tag, whole, or text with its character references. Comments and declarations are none."""

    kind: Literal["tag", "text"]
    text: str


def tokens(page: str) -> Iterator[Token]:
    """The tags and texts of a page. Scripts, styles and their like are left out."""
    cutter = _Cutter(page)
    start = position = 0
    while begin := _BEGIN.search(page, position):
        end = cutter.end(begin)
        if end is None:  # the sign stands for itself
            position = begin.end()
            continue
        if begin.start() > start:
            yield Token("text", page[start : begin.start()])
        name = (begin["tag"] or "").lower()
        if name and name.removeprefix("/") not in _RAW and end - begin.start() <= LONGEST_TAG:
            yield Token("tag", page[begin.start() : end])
        if raw := _RAW.get(name):
            closed = raw.search(page, end)
            end = closed.start() if closed else len(page)
        start = position = end
    if start < len(page):
        yield Token("text", page[start:])


class _Cutter:
    def __init__(self, page: str) -> None:
        self._page = page
        self._vain = VAIN * len(page)
        self._missing: set[str] = set()

    def end(self, begin: "re.Match[str]") -> int | None:
        """Where what begins here ends; None if it begins nothing."""
        if begin["comment"]:
            if self._page.startswith((">", "->"), begin.end()):  # browsers take it for an empty one
                return self._page.index(">", begin.end()) + 1
            return self._find("-->", begin.end())
        if begin["other"]:
            return self._find(">", begin.end())
        return self._tag_end(begin.end()) if self._vain > 0 else None

    def _find(self, sign: str, start: int) -> int | None:
        if sign in self._missing:
            return None
        found = self._page.find(sign, start)
        if found < 0:
            self._missing.add(sign)
            return None
        return found + len(sign)

    def _tag_end(self, start: int) -> int | None:
        """The end of a tag; a ``>`` in quotes is none, nor is there one after another ``<``."""
        position = start
        while found := _NEXT.search(self._page, position):
            position = found.end()
            if found[0] == ">":
                return position
            if found[0] == "<":
                break
            closing = self._page.find(found[0], position)
            if closing < 0:
                position = len(self._page)
                break
            position = closing + 1
        else:
            position = len(self._page)
        self._vain -= position - start
        return None
