"""Are places read from every form of GeoJSON that exporters write, and errors named?"""

import json
from pathlib import Path
from typing import Any

import pytest

from jobs.exception import Failure
from jobs.workers.geojson import read_places


def write(folder: Path, *features: Any, **collection: Any) -> Path:
    file = folder / "places.geojson"
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features, **collection}), "utf-8")
    return file


def feature(geometry: Any = None, **rest: Any) -> dict[str, Any]:
    point = {"type": "Point", "coordinates": [13.0, 47.0]}
    return {"type": "Feature", "geometry": geometry or point, "properties": {"name": "A"}, **rest}


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
    with pytest.raises(Failure, match=message) as raised:
        read_places(file)
    assert str(file) in str(raised.value)


@pytest.mark.parametrize(("name", "message"), [("missing.geojson", "no such file"), ("", "cannot be read")])
def test_unreadable_files_are_named(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(Failure, match=message) as raised:
        read_places(tmp_path / name)
    assert str(tmp_path / name) in str(raised.value)
