"""Is the reference of the command line complete, and does it say nothing else? Compared with its help."""

import re

import pytest

from jobs.cli.parsers import WORDS, parser
from tests.pages import names, reference, rows, section


def test_every_word_is_there() -> None:
    listed = {cells[0]: cells[1] for cells in rows(reference("command-line")) if len(cells) == 2}
    assert {word: listed[f"`{word}`"] for word in WORDS if f"`{word}`" in listed} == {
        "serve": WORDS["serve"].purpose
    }
    for word in WORDS.keys() - {"serve"}:
        assert f"| [`{word}`](#{word}) | {WORDS[word].purpose} |" in reference("command-line")


@pytest.mark.parametrize("word", [word for word in WORDS if word != "serve"])
def test_every_option_is_there_in_the_words_of_the_help(word: str) -> None:
    shown = " ".join(parser(word).format_help().split())
    part = section(reference("command-line"), word)
    listed = [name.split(" ")[0] for name in names(part)]
    options = [
        action.option_strings[-1] if action.option_strings else action.metavar
        for action in parser(word)._actions
        if action.dest != "help"
    ]
    assert listed == options
    for cells in rows(part):
        assert f"{cells[0].strip('`')} {cells[1]}" in shown or re.search(
            rf"\b{re.escape(cells[0].strip('`'))}\b.* {re.escape(cells[1])}", shown
        )
