"""Is the town that ships sound GeoJSON, plainly invented, and varied enough to show every filter?"""

import json
from collections import Counter
from typing import Any

import pytest

from jobs.definition_file import parse
from jobs.workers import SHIPPED
from jobs.workers.geojson import read_places
from jobs.workers.place_filter import Search, find, rating
from jobs.workers.places_search import DEFAULT_RADIUS, SAMPLE_TOWN, document

TOWN: dict[str, Any] = json.loads(SAMPLE_TOWN.read_text("utf-8"))
SOURCE = read_places(SAMPLE_TOWN)
DEFINITIONS = SAMPLE_TOWN.parents[1] / "definitions"


def shipped(name: str) -> Any:
    file = DEFINITIONS / name
    return parse(file.read_text("utf-8"), file, SHIPPED, {})


def around(**wanted: Any) -> list[str]:
    params = shipped("nearby-restaurants.toml").params
    centre = {"latitude": params["latitude"], "longitude": params["longitude"], "radius": params["radius"]}
    return [hit.place.id for hit in find(SOURCE.places, Search(**{**centre, **wanted}))[0]]


def test_every_feature_is_a_place() -> None:
    assert 55 <= len(TOWN["features"]) <= 65
    assert len(SOURCE.places) == len(TOWN["features"])
    for each in TOWN["features"]:
        assert set(each) == {"type", "id", "properties", "geometry"}
        assert each["id"] == each["properties"]["@id"]


def test_ids_and_names_are_unique_and_none_of_openstreetmaps() -> None:
    assert len({each.id for each in SOURCE.places}) == len(SOURCE.places)
    assert len({each.name for each in SOURCE.places}) == len(SOURCE.places)
    assert all(int(each.id.partition("/")[2]) < 0 for each in SOURCE.places)


def test_it_is_labelled_as_invented() -> None:
    assert TOWN["attribution"] == "Invented sample data"
    assert "invented" in TOWN["note"]
    (hit,), _ = find(SOURCE.places[:1], Search(43.6, 14.6, DEFAULT_RADIUS))
    assert document(hit, SOURCE.attribution)["metadata"]["attribution"] == "Invented sample data"
    for each in SOURCE.places:
        assert each.tags.get("website", "https://x.example/").endswith(".example/")


def test_it_is_varied() -> None:
    kinds = Counter(each.tags.get("amenity") or each.tags["shop"] for each in SOURCE.places)
    assert kinds["restaurant"] >= 35
    assert {"cafe", "bar", "bakery", "fast_food"} <= set(kinds)
    assert len({each.tags.get("cuisine") for each in SOURCE.places}) >= 30
    assert sum(not each.name.isascii() for each in SOURCE.places) >= 15
    assert {each["geometry"]["type"] for each in TOWN["features"]} == {"Point", "Polygon"}


def test_every_filter_changes_what_is_found() -> None:
    everything = around(radius=10_000)
    near = around()
    restaurants = around(types=frozenset({"restaurant"}))
    well_rated = around(types=frozenset({"restaurant"}), min_rating=4.5)
    assert len(everything) == len(SOURCE.places) > len(near) > len(restaurants) > len(well_rated) > 5


def test_ratings() -> None:
    ratings = [rating(each.tags) for each in SOURCE.places]
    rated = [each for each in ratings if each is not None]
    assert 4 <= ratings.count(None) <= 10
    assert (min(rated), max(rated)) == (2.9, 4.9)


@pytest.mark.parametrize("each", SOURCE.places, ids=lambda each: each.id)
def test_descriptions_are_short_and_specific(each: Any) -> None:
    description = each.tags["description"]
    assert 40 <= len(description) <= 190
    assert description.endswith(".")
    assert each.tags["opening_hours"]
    assert each.tags["addr:city"] == "Ostrella"


@pytest.mark.parametrize("name", ["nearby-restaurants.toml", "load-test.toml"])
def test_the_shipped_definitions_are_sound(name: str) -> None:
    definition = shipped(name)
    assert definition.errors == ()
    assert definition.warnings == ()
    assert f"{definition.id}.toml" == name
