"""Are the keywords of a text telling, free of filler and of the same value every time?"""

import re
import time
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jobs.workers.agent import clamped
from jobs.workers.agent_job import document_keywords
from jobs.workers.geojson import Place, read_places
from jobs.workers.keywords import keywords
from jobs.workers.phrases import LONGEST_PHRASE
from jobs.workers.place_filter import Found
from jobs.workers.places_search import SAMPLE_TOWN, document
from jobs.workers.stem import stem
from jobs.workers.stop_words import ENGLISH, FRENCH, GERMAN, ITALIAN, SPANISH

SALZBURG = Path(__file__).parents[2] / "shared" / "places-salzburg.geojson"
PLACES = read_places(SAMPLE_TOWN).places + (read_places(SALZBURG).places if SALZBURG.exists() else [])

# What the prose of a place consists of beside its facts; alone, none of it is a keyword.
GLUE = {
    "place",
    "food",
    "dishes",
    "limited",
    "hours",
    "holidays",
    "access",
    "seating",
    "closed",
    "off",
    "only",
}


def words(text: str, **options: Any) -> list[str]:
    return [each.keyword for each in keywords(text, **options)]


def of_place(place: Place, limit: int = 15) -> list[dict[str, Any]]:
    return document_keywords(document(Found(place, 1.0), "Credit", "my list"), limit)


def every_place() -> pytest.MarkDecorator:
    return pytest.mark.parametrize("place", PLACES, ids=lambda place: place.id)


# --- on all places ------------------------------------------------------------------------------------------


@every_place()
def test_no_filler_among_the_keywords_of_a_place(place: Place) -> None:
    found = [each["keyword"] for each in of_place(place)]
    assert found, "a place has keywords"
    kinds = {"restaurant", "cafe", "bar", "pub", "bakery", "fast food", "ice cream place", "my list"}
    for keyword in found:
        parts = keyword.lower().split()
        assert not GLUE & {keyword.lower()}
        assert keyword.lower() not in kinds | {place.name.lower()}
        assert not any(part in ENGLISH for part in parts)
        assert not re.search(r"\d:\d|^\d+$|://|www\.", keyword)
        assert not re.fullmatch(r"(Mo|Tu|We|Th|Fr|Sa|Su|PH)(-\w\w)?", keyword)
        assert place.tags.get("addr:postcode", "none") not in parts
        assert len(parts) <= LONGEST_PHRASE


@every_place()
def test_confidences_are_bounded_and_descend(place: Place) -> None:
    confidences = [each["confidence"] for each in of_place(place)]
    assert all(0 <= each <= 1 for each in confidences)
    assert confidences == sorted(confidences, reverse=True)


@every_place()
def test_no_keyword_repeats_another(place: Place) -> None:
    found = [set(each["keyword"].lower().split()) for each in of_place(place)]
    for number, parts in enumerate(found):
        assert not any(parts <= other or other <= parts for other in found[:number])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("喜多 Kita", {"Japanese food", "tonkotsu ramen", "black garlic oil"}),
        ("Pierogarnia Żuraw", {"Polish food", "sour cherries", "smoked cheese"}),
        ("Zum Blauen Kabeljau", {"German food", "Rote Bete", "Matjes", "Senfsauce"}),
        ("Bar Foghorn", {"Dark rum", "shanty singing", "live music"}),
        ("Padaria Estrela-do-Mar", {"Custard tarts", "corn bread", "sweet rolls"}),
    ],
)
def test_keywords_are_dishes_cuisines_and_features(name: str, expected: set[str]) -> None:
    (place,) = (each for each in PLACES if each.name == name)
    assert expected <= {each["keyword"] for each in of_place(place, 10)}


# --- single rules -------------------------------------------------------------------------------------------

README = """
# Tidepool

Tidepool predicts tides. The tide table of a harbour is computed from harmonic constants, without a network.

## Harmonic constants

Harmonic constants describe a harbour. Tidepool reads them from a CSV file; see https://tidepool.example/constants
and <b>the manual</b>. Run `tidepool harbour.csv`:

```python
import forbidden_code
```

![badge](https://badges.example/ci.svg) The tide table is written as [iCalendar](https://ical.example) events.
"""


def test_a_longer_text() -> None:
    found = words(README)
    assert {"Tidepool", "Harmonic constants", "tide table", "harbour"} <= set(found[:6])
    assert not any(mark in " ".join(found) for mark in ("http", "example", "forbidden", "badge", "<", "`"))


@pytest.mark.parametrize("limit", [1, 5, 15])
def test_limit(limit: int) -> None:
    assert len(keywords(README, limit)) <= limit
    assert words(README, limit=limit) == words(README, limit=50)[:limit]


def test_known_phrases_and_tags_are_left_out() -> None:
    text = "Bella Roma is a trattoria. Bella Roma has pizza, a trattoria garden and Roman artichokes."
    assert words(text, known=["Bella Roma"], tags=["Trattoria"]) == [
        "Roman artichokes",
        "trattoria garden",
        "pizza",
    ]
    assert "Bella Roma" in words(text)


def test_a_more_precise_phrase_takes_the_place_of_a_short_one() -> None:
    assert words("It has pizza. The sourdough pizza is from the oven.") == ["sourdough pizza", "oven"]


def test_a_short_phrase_that_mostly_stands_alone_stays() -> None:
    text = "Chrome. " * 5 + "There is an old Chrome."
    assert words(text) == ["Chrome"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # What is repeated within longer runs is a phrase of its own.
        (
            "Old worker jobs wait. New worker jobs run. Twelve worker jobs fail. A worker sleeps.",
            {"worker jobs"},
        ),
        # One of several forms of a word.
        ("Of a tide and of tides: the deleted one, to delete one, and who deletes.", {"tides"}),
        ("It names an ID, and IDs of friends, of the harbour's IDs.", {"friends"}),
    ],
)
def test_phrases_are_found_and_forms_of_a_word_are_one(text: str, expected: set[str]) -> None:
    found = words(text)
    assert expected <= set(found)
    stems = [tuple(stem(part) for part in each.lower().split()) for each in found]
    assert len(set(stems)) == len(stems)


def test_what_looks_like_a_verb_is_doubted() -> None:
    found = words("A harbour is computed and the tides of the harbour are computed by a method.")
    assert found[-1] == "computed"


def test_a_keyword_does_not_end_in_a_genitive() -> None:
    assert not any(
        each.endswith("'s") for each in words("The tail's end. It is the tail's. A loop's turn is over.")
    )


@pytest.mark.parametrize(
    ("sentence", "language"),
    [
        ("Die Forelle ist aus dem See und wird mit Butter gebraten, sagt er.", GERMAN),
        ("La truite est dans le lac avec une sauce pour les amis.", FRENCH),
        ("La trota è nel lago con il burro e gli amici.", ITALIAN),
        ("La trucha está en el lago con una salsa para los amigos.", SPANISH),
    ],
)
def test_other_languages_by_sentence(sentence: str, language: frozenset[str]) -> None:
    found = {
        part.lower()
        for keyword in words(f"There is a lake in the hills. {sentence}")
        for part in keyword.split()
    }
    assert found & {"see", "lac", "lago"}
    assert not found & language


def test_a_foreign_dish_stays_whole() -> None:
    assert words("There are spaghetti alle vongole for two.") == ["spaghetti alle vongole"]


@pytest.mark.parametrize(
    "text", ["", " \n", "the and of", "12:30 5020 9", "!?…", "a b c", "\ud800", "x" * 10_000]
)
def test_texts_without_a_keyword(text: str) -> None:
    assert keywords(text) == []


def test_a_single_candidate_is_neither_sure_nor_unsure() -> None:
    assert [each.confidence for each in keywords("It is about tides.")] == [0.5]


@given(st.text(), st.integers(1, 20), st.lists(st.text(max_size=8), max_size=3))
@example("İstanbul'da İstanbul'da", 5, [])
@example("ﬁne e\u0301clairs and ＦＵＬＬ width", 5, ["e\u0301clairs"])
@example("[a](b)```<b", 5, [")"])
def test_any_text(text: str, limit: int, known: list[str]) -> None:
    found = keywords(text, limit, known=known, tags=known)
    assert found == keywords(text, limit, known=known, tags=known)
    assert len(found) <= limit
    assert all(0 <= each.confidence <= 1 for each in found)
    composed = unicodedata.normalize("NFC", text)
    assert all(part in composed for each in found for part in each.keyword.split(" "))


@pytest.mark.parametrize(
    "text",
    [
        "<" * 50_000,
        "![" * 30_000,
        "." * 50_000 + "x",
        "ab " * 30_000,
        "\n \t" * 30_000,
        "a_" * 30_000,
        "www." * 20_000,
        "[](" * 20_000,
        "```" * 20_000,
        "a'" * 30_000,
        "a@" * 20_000,
        "h://" * 20_000,
        "a " * 50_000,
    ],
)
def test_hostile_texts_take_linear_time(text: str) -> None:
    began = time.process_time()
    keywords(text)
    assert time.process_time() - began < 2


@pytest.mark.parametrize(("asked", "used"), [(-1, 5), (4, 5), (5, 5), (10, 10), (15, 15), (16, 15)])
def test_max_keywords_is_clamped(asked: int, used: int) -> None:
    assert clamped(asked) == used
