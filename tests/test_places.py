"""Does a search find exactly the places around a point, and say clearly why it cannot?"""

import json
from collections import Counter
from math import acos, cos, hypot, pi, radians, sin
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.workers.geojson import Place, read_places
from jobs.workers.great_circle import EARTH_RADIUS, HALF_CIRCUMFERENCE, great_circle_distance
from jobs.workers.opening_hours import hours_in_words
from jobs.workers.place_filter import Search, find, rating, search_for
from jobs.workers.place_prose import address, describe, place_type
from jobs.workers.places_search import SAMPLE_TOWN, document, query_that_filters, source_file

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


def write(folder: Path, *features: Any, **collection: Any) -> Path:
    file = folder / "places.geojson"
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features, **collection}), "utf-8")
    return file


def feature(geometry: Any = None, **rest: Any) -> dict[str, Any]:
    point = {"type": "Point", "coordinates": [13.0, 47.0]}
    return {"type": "Feature", "geometry": geometry or point, "properties": {"name": "A"}, **rest}


# --- distance -----------------------------------------------------------------------------------------------


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


# --- reading GeoJSON ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("geometry", "latitude", "longitude"),
    [
        ({"type": "Point", "coordinates": [13.5, 47.5]}, 47.5, 13.5),
        ({"type": "Point", "coordinates": [13.5, 47.5, 424.0]}, 47.5, 13.5),
        ({"type": "LineString", "coordinates": [[10, 40], [11, 40], [14, 44]]}, 42, 12),
        ({"type": "Polygon", "coordinates": [[[0, 0], [4, 0], [4, 2], [0, 2], [0, 0]]]}, 1, 2),
        (
            {"type": "MultiPolygon", "coordinates": [[[[0, 0], [2, 0], [2, 2]]], [[[4, 4], [6, 6], [4, 6]]]]},
            3,
            3,
        ),
        ({"type": "GeometryCollection", "geometries": [{"type": "Point", "coordinates": [5, 6]}]}, 6, 5),
    ],
)
def test_position_is_the_centre_of_the_bounding_box(
    tmp_path: Path, geometry: Any, latitude: float, longitude: float
) -> None:
    found = read_places(write(tmp_path, feature(geometry))).places[0]
    assert (found.latitude, found.longitude) == (latitude, longitude)


@pytest.mark.parametrize(
    ("rest", "identity"),
    [
        ({"id": "node/1"}, "node/1"),
        ({"properties": {"name": "A", "@id": "way/2"}}, "way/2"),
        ({"properties": {"type": "relation", "id": 3, "tags": {"name": "A"}, "meta": {}}}, "relation/3"),
        ({"id": "node/4", "properties": {"tags": {"name": "A"}}}, "node/4"),
        ({}, "A@47.000000,13.000000"),
    ],
)
def test_identity_and_tags_in_every_export_form(tmp_path: Path, rest: dict[str, Any], identity: str) -> None:
    found = read_places(write(tmp_path, feature(**rest))).places[0]
    assert (found.id, found.name, found.tags) == (identity, "A", {"name": "A"})


def test_what_has_no_name_or_position_is_skipped_and_counted(tmp_path: Path) -> None:
    broken: list[Any] = [None, {}, {"type": "Point"}, {"type": "Point", "coordinates": ["x", 1]}]
    broken += [{"type": "Point", "coordinates": [1, 91]}, {"type": "Polygon", "coordinates": []}]
    source = read_places(
        write(
            tmp_path,
            feature(),
            feature(properties={"amenity": "cafe"}),
            feature(properties={"name": "  "}),
            feature(properties=None),
            "no object",
            *[{"type": "Feature", "properties": {"name": "B"}, "geometry": each} for each in broken],
        )
    )
    assert len(source.places) == 1
    assert source.without_name == 4
    assert source.without_position == len(broken)


@pytest.mark.parametrize(
    ("collection", "credit"),
    [({"attribution": "us"}, "us"), ({"copyright": "them"}, "them"), ({}, None)],
)
def test_attribution(tmp_path: Path, collection: dict[str, str], credit: str | None) -> None:
    assert read_places(write(tmp_path, **collection)).attribution == credit


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"type": "FeatureCollection",\n "features": [}', "not JSON: .* at line 2, column 15"),
        (b"", "not JSON: .* at line 1"),
        (b"\xff\xfe", "not UTF-8 text"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[1]", 'expected "type": "FeatureCollection", found a JSON list'),
        (b'{"elements": []}', '"type" is None'),
        (b'{"type": "Feature"}', "\"type\" is 'Feature'"),
        (b'{"type": "FeatureCollection", "features": {}}', '"features" must be a list'),
    ],
)
def test_unusable_files_say_why(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "town.geojson"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=message) as raised:
        read_places(file)
    assert str(file) in str(raised.value)


@pytest.mark.parametrize(("name", "message"), [("missing.geojson", "no such file"), ("", "cannot be read")])
def test_unreadable_files_are_named(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as raised:
        read_places(tmp_path / name)
    assert str(tmp_path / name) in str(raised.value)


# --- searching ----------------------------------------------------------------------------------------------


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
    with pytest.raises(ValueError, match="text_search needs search_query"):
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
    with pytest.raises(ValueError, match=message):
        search_for(*location)


def test_limits_of_the_other_numbers() -> None:
    with pytest.raises(ValueError, match="filter_min_rating is 6, expected 0 to 5"):
        search_for(0, 0, 1, min_rating=6)
    with pytest.raises(ValueError, match="max_results is 0, expected 1 or more"):
        search_for(0, 0, 1, max_results=0)


def test_source_file() -> None:
    definition = Path("/jobs/mine.toml")
    assert source_file("sample", "", definition) == SAMPLE_TOWN
    assert source_file("file", "town.geojson", definition) == Path("/jobs/town.geojson")
    assert source_file("file", "/data/town.geojson", definition) == Path("/data/town.geojson")
    with pytest.raises(ValueError, match='"file" needs path'):
        source_file("file", "", definition)
    with pytest.raises(ValueError, match='set provider = "file"'):
        source_file("sample", "town.geojson", definition)


# --- documents ----------------------------------------------------------------------------------------------


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


# --- real places --------------------------------------------------------------------------------------------


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


@needs_salzburg
def test_every_place_of_salzburg_reads_as_prose() -> None:
    for each in read_places(SALZBURG).places:
        text = describe(each)
        assert text.startswith(f"{each.name} is a")
        assert text.endswith((".", "!", "?", "…"))
        assert ": yes" not in text
        assert "_" not in text
        assert place_type(each.tags) in {"restaurant", "cafe", "fast_food", "ice_cream", "bar"}
