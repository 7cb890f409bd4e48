"""Does a search find exactly the places around a point, and say clearly why it cannot?"""

import json
from collections import Counter
from math import acos, cos, hypot, pi, radians, sin
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.exception import Failure
from jobs.workers.geojson import Place, read_places
from jobs.workers.great_circle import EARTH_RADIUS, HALF_CIRCUMFERENCE, great_circle_distance
from jobs.workers.place_filter import Search, find, rating, search_for
from jobs.workers.places_search import SAMPLE_TOWN, query_that_filters, source_file

SALZBURG = Path(__file__).parents[2] / "shared" / "places-salzburg.geojson"
CENTRE = (47.8003, 13.0446)
needs_salzburg = pytest.mark.skipif(
    not SALZBURG.exists(), reason=f"the real places are not there: {SALZBURG}"
)


def place(name: str = "Zum Test", north: float = 0.0, **tags: str) -> Place:
    """A place some metres north of 0, 0."""
    degrees = north / (EARTH_RADIUS * pi / 180)
    spelled = {key.replace("__", ":"): value for key, value in tags.items()}
    return Place(f"node/{name}", name, degrees, 0.0, {"name": name, "amenity": "restaurant", **spelled})


@pytest.mark.parametrize(
    ("a", "b", "metres"),
    [
        ((0, 0), (0, 0), 0),
        ((0, 0), (0, 1), EARTH_RADIUS * pi / 180),
        ((0, 0), (90, 0), EARTH_RADIUS * pi / 2),
        ((0, 179.5), (0, -179.5), EARTH_RADIUS * pi / 180),
        ((12, 34), (-12, -146), EARTH_RADIUS * pi),
        ((90, 0), (90, 120), 0),
        # Airports of Nashville and Los Angeles, a worked example of many textbooks.
        ((36.12, -86.67), (33.94, -118.40), 2_886_448),
    ],
)
def test_distance(a: tuple[float, float], b: tuple[float, float], metres: float) -> None:
    assert great_circle_distance(*a, *b) == pytest.approx(metres, abs=5)


points = st.tuples(st.floats(-90, 90), st.floats(-180, 180))


@given(points, points)
def test_distance_is_symmetric_and_bounded(a: tuple[float, float], b: tuple[float, float]) -> None:
    distance = great_circle_distance(*a, *b)
    assert 0 <= distance <= HALF_CIRCUMFERENCE
    assert distance == pytest.approx(great_circle_distance(*b, *a))


def names(places: list[Place], **wanted: Any) -> list[str]:
    found, _ = find(places, search_for(0.0, 0.0, 1000.0, **wanted))
    return [hit.place.name for hit in found]


def test_nearest_first_within_the_radius() -> None:
    places = [place("far", 1000.1), place("edge", 999.9), place("near", 10), place("south", -20)]
    assert names(places) == ["near", "south", "edge"]
    assert names(places, max_results=2) == ["near", "south"]


@pytest.mark.parametrize(
    ("types", "expected"),
    [
        ("restaurant", ["r", "both", "mexican"]),
        ("cafe", ["both"]),
        ("bakery", ["shop"]),
        ("hotel; bakery", ["shop", "hotel"]),
        ("Pizza", ["r"]),
        ("ice cream", ["both"]),
        ("fast_food", []),
        ("", ["r", "both", "shop", "hotel", "mexican"]),
    ],
)
def test_filter_type(types: str, expected: list[str]) -> None:
    places = [
        place("r", 1, cuisine="italian; pizza"),
        place("both", 2, amenity="restaurant;cafe", cuisine="ice_cream"),
        place("shop", 3, amenity="", shop="bakery"),
        place("hotel", 4, amenity="", tourism="hotel"),
        place("mexican", 5, cuisine="mexican"),
    ]
    assert names(places, types=types) == expected


def test_filter_min_rating_keeps_what_is_unrated() -> None:
    places = [place("good", 1, rating="4.5"), place("poor", 2, rating="2"), place("unrated", 3)]
    assert names(places, min_rating=4.5) == ["good", "unrated"]


@pytest.mark.parametrize(
    ("tag", "value"), [("4.5", 4.5), ("0", 0.0), ("five", None), ("5.1", None), ("nan", None), ("-1", None)]
)
def test_rating(tag: str, value: float | None) -> None:
    assert rating({"rating": tag}) == value
    assert rating({}) is None


@pytest.mark.parametrize(
    ("query", "matches"),
    [("creme brulee", True), ("CAFÉ", True), ("zum pizza", True), ("pizz", True), ("sushi pizza", False)],
)
def test_text_search_finds_all_words_without_accents(query: str, matches: bool) -> None:
    here = place("Zum Café", cuisine="pizza", description="Crème brûlée after ten.")
    assert names([here], query=query) == (["Zum Café"] if matches else [])


def test_nearby_search_does_not_filter_by_query() -> None:
    assert query_that_filters("restaurants near the station", "nearby_search") == ""
    assert query_that_filters("pizza", "text_search") == "pizza"
    with pytest.raises(Failure, match="text_search needs search_query"):
        query_that_filters(" ?! ", "text_search")


def test_what_is_left_out_is_counted_by_reason() -> None:
    places = [place("a"), place("b", 2000), place("c", amenity="bar"), place("d", rating="1"), place("e")]
    wanted = Search(0.0, 0.0, 1000.0, types=frozenset({"restaurant"}), min_rating=2.0, max_results=1)
    assert find(places, wanted)[1] == Counter(
        {"beyond 1000 m": 1, "of another type": 1, "rated below 2": 1, "beyond max_results": 1}
    )


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ((None, 13.0, 100.0), "location_latitude is missing"),
        ((47.0, None, 100.0), "location_longitude is missing"),
        ((90.1, 13.0, 100.0), "location_latitude is 90.1, expected degrees from -90 to 90"),
        ((47.0, -181.0, 100.0), "location_longitude is -181, expected degrees from -180 to 180"),
        ((float("nan"), 13.0, 100.0), "location_latitude is nan"),
        ((47.0, 13.0, 0.0), "location_radius is 0, expected metres above 0"),
        ((47.0, 13.0, -5.0), "location_radius is -5"),
        ((47.0, 13.0, float("inf")), "location_radius is inf"),
        ((47.0, 13.0, 3e7), "location_radius is 3e"),
    ],
)
def test_location_errors(location: tuple[float | None, float | None, float], message: str) -> None:
    with pytest.raises(Failure, match=message):
        search_for(*location)


def test_limits_of_the_other_numbers() -> None:
    with pytest.raises(Failure, match="filter_min_rating is 6, expected 0 to 5"):
        search_for(0, 0, 1, min_rating=6)
    with pytest.raises(Failure, match="max_results is 0, expected 1 or more"):
        search_for(0, 0, 1, max_results=0)


def test_source_file() -> None:
    definition = Path("/jobs/mine.toml")
    assert source_file("sample", "", definition) == SAMPLE_TOWN
    assert source_file("file", "town.geojson", definition) == Path("/jobs/town.geojson")
    assert source_file("file", "/data/town.geojson", definition) == Path("/data/town.geojson")
    with pytest.raises(Failure, match='"file" needs path'):
        source_file("file", "", definition)


def metres_by_vectors(latitude: float, longitude: float) -> float:
    """The angle between two unit vectors: another formula for the same distance from the centre."""

    def unit(phi: float, lam: float) -> tuple[float, float, float]:
        return cos(phi) * cos(lam), cos(phi) * sin(lam), sin(phi)

    a, b = unit(*map(radians, CENTRE)), unit(radians(latitude), radians(longitude))
    chord = hypot(*(x - y for x, y in zip(a, b, strict=True)))
    return EARTH_RADIUS * acos(1 - chord * chord / 2)


@needs_salzburg
def test_the_restaurants_of_salzburg() -> None:
    raw = json.loads(SALZBURG.read_text("utf-8"))["features"]
    expected = {
        each["id"]
        for each in raw
        if each["properties"]["amenity"] == "restaurant"
        and metres_by_vectors(*reversed(each["geometry"]["coordinates"])) <= 2000
    }
    assert len(expected) == 73
    source = read_places(SALZBURG)
    found, dropped = find(source.places, Search(*CENTRE, 2000.0, types=frozenset({"restaurant"})))
    assert {hit.place.id for hit in found} == expected
    assert len(found) + dropped.total() == len(raw) == 144
    assert [hit.distance for hit in found] == sorted(hit.distance for hit in found)
    assert source.attribution is not None
    assert "OpenStreetMap contributors" in source.attribution
