"""Promise: what a program prints becomes lines, whatever pieces it comes in, and in bounded memory."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.workers.program_output import LONGEST, QUIET_SECONDS, REDRAW_SECONDS, REST_SECONDS, Lines

SOON = REST_SECONDS
LATER = REDRAW_SECONDS + REST_SECONDS


class Terminal:
    """Lines, and a clock that is set by hand."""

    def __init__(self) -> None:
        self.shown: list[str] = []
        self.lines = Lines(self.shown.append)
        self.now = 100.0

    def feed(self, *data: bytes, wait: float = 0.0) -> "Terminal":
        for each in data:
            self.lines.feed(each, self.now)
            self.lines.look(self.now)
            self.now += wait
            self.lines.look(self.now)
        return self

    def end(self) -> list[str]:
        self.lines.end(self.now)
        return self.shown


@pytest.mark.parametrize(
    ("printed", "lines"),
    [
        (b"", []),
        (b"one\ntwo\n", ["one", "two"]),
        (b"one\r\ntwo\r\n", ["one", "two"]),
        (b"one\r\r\n", ["one"]),
        (b"no line feed", ["no line feed"]),
        (b"\n\na\n", ["", "", "a"]),
        (b"gr\xc3\xbc\xc3\x9fe \xff\n", ["grüße \ufffd"]),
        (b"a\x00b\x1b[31mc\n", ["a\x00b\x1b[31mc"]),
        (b"10%\r20%\r100%\ndone\n", ["10%", "100%", "done"]),
        (b"\r10%\r20%\r100%\n", ["10%", "100%"]),
        (b"10%\r20%\r", ["10%", "20%"]),
        (b"10%\r10%\r10%\n", ["10%"]),
    ],
)
def test_lines(printed: bytes, lines: list[str]) -> None:
    assert Terminal().feed(printed).end() == lines


texts = st.lists(
    st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=20), min_size=1, max_size=8
)


@given(texts, st.sampled_from(["\n", "\r\n"]), st.integers(0, 2**32))
def test_the_pieces_do_not_matter(lines: list[str], end: str, seed: int) -> None:
    data = "".join(f"{line}{end}" for line in lines).encode()
    cuts = sorted(random.Random(seed).choices(range(len(data) + 1), k=4))
    pieces = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    assert Terminal().feed(*pieces).end() == lines


def test_a_redrawn_line_is_shown_now_and_then_and_the_last_state_always() -> None:
    terminal = Terminal()
    for percent in range(1, 101):
        terminal.feed(b"%d%%\r" % percent, wait=0.02)
    shown = terminal.feed(b"\n").end()
    assert shown[0] == "1%"
    assert shown[-1] == "100%"
    assert 4 <= len(shown) <= 6
    assert len(set(shown)) == len(shown)


def test_a_redrawn_line_whose_return_comes_first_is_shown_while_it_stands_there() -> None:
    terminal = Terminal().feed(b"\r10%", wait=LATER).feed(b"\r20%", wait=LATER)
    assert terminal.shown == ["10%", "20%"]
    assert terminal.feed(b"\r30%\n").end() == ["10%", "20%", "30%"]


def test_text_that_waits_for_more_is_shown_once() -> None:
    terminal = Terminal().feed(b"Continue? ", wait=QUIET_SECONDS)
    assert terminal.shown == ["Continue? "]
    assert terminal.feed(b"yes\nnext\n").end() == ["Continue? ", "yes", "next"]
    terminal = Terminal().feed(b"Continue?", wait=QUIET_SECONDS)
    assert terminal.feed(b"\nnext\n").end() == ["Continue?", "next"]


def test_text_in_one_go_is_not_torn() -> None:
    assert Terminal().feed(b"half", b" whole\n", wait=SOON).end() == ["half whole"]


def test_a_line_without_end_takes_no_memory() -> None:
    terminal = Terminal()
    for _ in range(100):
        terminal.feed(b"x" * LONGEST)
        assert len(terminal.lines._rest) <= LONGEST
    terminal.feed(b"x\nnext\n")
    assert [len(line) for line in terminal.end()] == [LONGEST, 4]
    assert terminal.lines.cut == 1
