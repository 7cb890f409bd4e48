"""Which named places does a GeoJSON file hold?

Reads FeatureCollections (RFC 7946) in the forms that overpass-turbo and osmtogeojson export: OpenStreetMap
tags either flat in ``properties`` (with the id as ``@id``) or under ``properties.tags``.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from jobs.exception import Failure


@dataclass(frozen=True)
class Place:
    """A named feature with a position in degrees and its tags as text."""

    id: str
    name: str
    latitude: float
    longitude: float
    tags: dict[str, str]


@dataclass(frozen=True)
class PlaceSource:
    """What a file holds: its places in file order, whom to credit, and how many features were skipped."""

    places: list[Place]
    attribution: str | None
    without_name: int
    without_position: int


def read_places(path: Path) -> PlaceSource:
    """Read the named places of a GeoJSON file.

    Features without a name, or without a usable position, are skipped and counted. An area, line or relation
    stands at the centre of its bounding box, which is also what Overpass calls ``center``.

    Raises Failure, naming the file, when it cannot be read, is not JSON (with line and column) or is not a
    GeoJSON FeatureCollection.
    """
    collection = _read_collection(path)
    places: list[Place] = []
    without_name = without_position = 0
    for feature in collection["features"]:
        tags, feature_id = _tags_and_id(feature)
        position = _centre(feature.get("geometry") if isinstance(feature, dict) else None)
        name = tags.get("name", "").strip()
        if not name:
            without_name += 1
        elif position is None:
            without_position += 1
        else:
            latitude, longitude = position
            identity = feature_id or f"{name}@{latitude:.6f},{longitude:.6f}"
            places.append(Place(identity, name, latitude, longitude, tags))
    credit = collection.get("attribution") or collection.get("copyright")
    return PlaceSource(places, str(credit) if credit else None, without_name, without_position)


def _read_collection(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise Failure(f"{path}: no such file") from None
    except OSError as error:
        raise Failure(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise Failure(f"{path}: not UTF-8 text: {error.reason} at byte {error.start}") from None
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise Failure(f"{path}: not JSON: {error.msg} at line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise Failure(f"{path}: not GeoJSON: nested too deeply") from None
    if not isinstance(data, dict) or data.get("type") != "FeatureCollection":
        found = (
            f'"type" is {data.get("type")!r}' if isinstance(data, dict) else f"a JSON {type(data).__name__}"
        )
        raise Failure(f'{path}: not GeoJSON: expected "type": "FeatureCollection", found {found}')
    if not isinstance(data.get("features"), list):
        raise Failure(f'{path}: not GeoJSON: "features" must be a list')
    return data


def _tags_and_id(feature: Any) -> tuple[dict[str, str], str]:
    if not isinstance(feature, dict):
        return {}, ""
    properties = feature.get("properties")
    if not isinstance(properties, dict):
        properties = {}
    nested = properties.get("tags")
    raw = nested if isinstance(nested, dict) else properties
    tags = {
        key: str(value)
        for key, value in raw.items()
        if isinstance(value, str | int | float) and not key.startswith("@")
    }
    identity = feature.get("id") or properties.get("@id")
    if identity is None and isinstance(nested, dict) and "id" in properties:
        identity = f"{properties.get('type', 'node')}/{properties['id']}"
    return tags, str(identity or "")


def _centre(geometry: Any) -> tuple[float, float] | None:
    """Latitude and longitude of the centre of a geometry's bounding box, None without sound positions."""
    positions = list(_positions(geometry))
    if not positions:
        return None
    longitudes = [longitude for longitude, _ in positions]
    latitudes = [latitude for _, latitude in positions]
    latitude = (min(latitudes) + max(latitudes)) / 2
    longitude = (min(longitudes) + max(longitudes)) / 2
    sound = isfinite(latitude) and isfinite(longitude) and abs(latitude) <= 90 and abs(longitude) <= 180
    return (latitude, longitude) if sound else None


def _positions(geometry: Any) -> Iterator[tuple[float, float]]:
    """Every (longitude, latitude) of a geometry, however deeply its kind nests them."""
    if not isinstance(geometry, dict):
        return
    pending: list[Any] = [geometry.get("coordinates")]
    pending += [
        part.get("coordinates") for part in geometry.get("geometries") or [] if isinstance(part, dict)
    ]
    while pending:
        item = pending.pop()
        if not isinstance(item, list):
            continue
        if len(item) >= 2 and all(isinstance(number, int | float) for number in item):
            yield float(item[0]), float(item[1])
        else:
            pending.extend(item)
