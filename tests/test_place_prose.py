"""Does a place read as prose, of which each sentence is a fact of it?"""

import pytest

from jobs.workers.geojson import read_places
from jobs.workers.opening_hours import hours_in_words
from jobs.workers.place_filter import Search, find
from jobs.workers.place_prose import address, describe, place_type
from jobs.workers.places_search import document
from tests.test_places import SALZBURG, needs_salzburg, place


def test_a_place_becomes_prose() -> None:
    gabler = place(
        "Gablerbräu",
        cuisine="italian;ice_cream",
        description="Fine since 1429.",
        diet__vegetarian="yes",
        diet__vegan="no",
        outdoor_seating="no",
        wheelchair="limited",
        delivery="Mo-Sa 11:00-21:30",
        internet_access="wlan",
        addr__street="Linzer Gasse",
        addr__housenumber="9",
        addr__postcode="5020",
        addr__city="Salzburg",
        opening_hours="Mo-Su 11:30-24:00; PH off",
    )
    assert describe(gabler) == (
        "Gablerbräu is a restaurant for Italian food and ice cream. Fine since 1429. "
        "It has vegetarian dishes, delivery, Wi-Fi and limited wheelchair access. "
        "It is at Linzer Gasse 9, Salzburg. Its hours are Monday to Sunday 11:30-24:00, holidays off."
    )


@pytest.mark.parametrize(
    ("tags", "sentence"),
    [
        ({}, "A is a restaurant."),
        ({"amenity": "ice_cream"}, "A is an ice cream place."),
        ({"amenity": "fast_food", "cuisine": "burger"}, "A is a fast food place for burger."),
        ({"amenity": ""}, "A is a place."),
        ({"description": "Open late!"}, "A is a restaurant. Open late!"),
        ({"diet__vegan": "only"}, "A is a restaurant. It has only vegan dishes."),
    ],
)
def test_sparse_places_read_well_too(tags: dict[str, str], sentence: str) -> None:
    assert describe(place("A", 0, **tags)) == sentence


@pytest.mark.parametrize(
    ("opening_hours", "words"),
    [
        ("Mo-Sa 11:00-22:00; Su,PH off", "Monday to Saturday 11:00-22:00, Sunday, holidays off"),
        ("24/7", "around the clock"),
        ("Jan-May: Mo-Su,PH 10:00-18:00", "January to May: Monday to Sunday, holidays 10:00-18:00"),
        ('Fr 10:00-18:00 "by appointment"', "Friday 10:00-18:00"),
        ("11:30-14:00,17:30-22:00", "11:30-14:00,17:30-22:00"),
        ("Dec 24 off", "December 24 off"),
        ("", ""),
    ],
)
def test_hours_in_words(opening_hours: str, words: str) -> None:
    assert hours_in_words(opening_hours) == words


def test_a_found_place_becomes_a_document() -> None:
    here = place("A", 320, cuisine="thai", rating="4.5", website="https://a.example/", addr__city="Ort")
    (hit,), _ = find([here], Search(0.0, 0.0, 1000.0))
    saved = document(hit, "Credit", "my list")
    assert saved["metadata"] == {
        "latitude": here.latitude,
        "longitude": 0.0,
        "distance_metres": 320.0,
        "type": "restaurant",
        "address": "Ort",
        "cuisine": ["Thai food"],
        "rating": 4.5,
        "attribution": "Credit",
    }
    saved.pop("metadata")
    assert saved == {
        "source_type": "places",
        "source_id": "node/A",
        "title": "A",
        "url": "https://a.example/",
        "text": describe(here),
        "tags": ["my list", "restaurant"],
    }


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"addr:street": "Gasse", "addr:housenumber": "9", "addr:city": "Ort"}, "Gasse 9, Ort"),
        ({"addr:street": "Gasse"}, "Gasse"),
        ({"addr:place": "Weiler", "addr:housenumber": "3"}, "Weiler 3"),
        ({"addr:housenumber": "9"}, ""),
    ],
)
def test_address(tags: dict[str, str], expected: str) -> None:
    assert address(tags) == expected


@needs_salzburg
def test_every_place_of_salzburg_reads_as_prose() -> None:
    for each in read_places(SALZBURG).places:
        text = describe(each)
        assert text.startswith(f"{each.name} is a")
        assert text.endswith((".", "!", "?", "…"))
        assert ": yes" not in text
        assert "_" not in text
        assert place_type(each.tags) in {"restaurant", "cafe", "fast_food", "ice_cream", "bar"}
