"""Does a summary consist of the text's own telling sentences, in order, the same every time?"""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.workers.geojson import read_places
from jobs.workers.place_prose import describe
from jobs.workers.places_search import SAMPLE_TOWN
from jobs.workers.stem import stem
from jobs.workers.summary import summary

TIDES = """
# Tidepool

[![badge](https://ci.example/b.svg)](https://ci.example) Tidepool predicts the tides of a harbour. It is fast.

| harbour | constants |
|---|---|
| Ostrella. | 37. |

The tide table of a harbour is **computed** from `harmonic constants`, e.g. from those of Dr. Doodson's
method. Bring [biscuits](https://biscuits.example).

    code is no prose.

```python
import forbidden_code.
```

* Each harbour has a file of harmonic constants.
* no sentence at all

Harmonic constants describe the tides: amplitude and phase for each constituent of the tide in that harbour.
"""


def test_the_sentences_that_say_most_in_their_order() -> None:
    assert summary(TIDES, 1) == "Tidepool predicts the tides of a harbour."
    assert summary(TIDES, 3) == (
        "Tidepool predicts the tides of a harbour. "
        "The tide table of a harbour is computed from harmonic constants, e.g. from those of Dr. Doodson's "
        "method. "
        "Harmonic constants describe the tides: amplitude and phase for each constituent of the tide in that "
        "harbour."
    )


def test_code_tables_headings_and_fragments_are_no_sentences() -> None:
    whole = summary(TIDES, 100)
    assert "Each harbour has a file of harmonic constants." in whole
    for absent in ("forbidden", "code is no prose", "37", "#", "**", "`", "](", "no sentence", "badge"):
        assert absent not in whole


def test_a_place_is_summarized_by_what_it_serves() -> None:
    (place,) = (each for each in read_places(SAMPLE_TOWN).places if each.name == "Burger Bureau")
    assert summary(describe(place), 2) == (
        "Burger Bureau is a fast food place for burger. "
        "Smash burgers with caramelised onions, sweet potato fries and malted milkshakes."
    )


@pytest.mark.parametrize(
    "nothing", ["", " \n", "# Heading", "no sentence at all", "```\nonly code.\n```", "| a. |"]
)
def test_texts_without_a_sentence(nothing: str) -> None:
    assert summary(nothing) == ""


def test_sentences_with_words_of_the_title_weigh_more() -> None:
    plain = "Boats leave the harbour before dawn. Nets are mended by old men. Fish is sold here."
    assert summary(plain, 1) == "Boats leave the harbour before dawn."
    assert summary(plain, 1, "Mending nets") == "Nets are mended by old men."


def test_other_languages() -> None:
    german = (
        "Die Gezeiten werden vom Mond bewegt. Es regnet. "
        "Der Mond zieht das Wasser des Meeres an, z. B. im Hafen."
    )
    assert summary(german, 2).startswith("Die Gezeiten werden vom Mond bewegt. Der Mond zieht")


@given(st.text(), st.integers(1, 5))
def test_any_text(anything: str, limit: int) -> None:
    found = summary(anything, limit)
    assert found == summary(anything, limit)
    assert "\n" not in found


@pytest.mark.parametrize(
    "hostile",
    [
        "." * 50_000,
        "A. " * 30_000,
        "[a](" * 20_000,
        "**a " * 20_000,
        "`a " * 30_000,
        "<b " * 20_000,
        "_a " * 30_000,
        "```\n" * 20_000,
        "A b c d e. " * 2_000,
        "<!--" * 20_000,
        " \t" * 50_000,
        "* " * 40_000,
    ],
)
def test_hostile_texts_take_no_time(hostile: str) -> None:
    began = time.process_time()
    summary(hostile, 3)
    assert time.process_time() - began < 3


@pytest.mark.parametrize(
    "alike",
    [
        ("party", "parties"),
        ("cancel", "cancelled", "cancelling"),
        ("delete", "deleted", "deletes", "deleting"),
        ("end", "ended", "ends"),
        ("stop", "stopped", "stopping"),
        ("box", "boxes"),
        ("store", "stored", "stores"),
    ],
)
def test_words_of_one_stem(alike: tuple[str, ...]) -> None:
    assert len({stem(word) for word in alike}) == 1


@pytest.mark.parametrize("word", ["status", "analysis", "glass", "bed", "king", "sing", "red", "bus"])
def test_words_that_only_look_like_it(word: str) -> None:
    assert stem(word) in (word, word.removesuffix("e"))
