"""Worker type ``places_search``: which places lie around a point, and what is known about them?"""

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any, Literal

from jobs.job import Job, worker
from jobs.workers.geojson import Place, PlaceSource, read_places
from jobs.workers.great_circle import HALF_CIRCUMFERENCE, great_circle_distance
from jobs.workers.place_prose import TYPE_KEYS, address, cuisine_phrases, describe, place_type, values

SAMPLE_TOWN = Path(__file__).with_name("sample_town.geojson")
DEFAULT_RADIUS = 2000.0
BEST_RATING = 5.0


@dataclass(frozen=True)
class Search:
    """What is looked for: everything within ``radius`` metres of a point, narrowed by the filters."""

    latitude: float
    longitude: float
    radius: float
    words: tuple[str, ...] = ()
    types: frozenset[str] = frozenset()
    min_rating: float | None = None
    max_results: int | None = None


@dataclass(frozen=True)
class Found:
    """A place that fits a search, and its distance from the search's point in metres."""

    place: Place
    distance: float


@worker("places_search")
def places_search(
    step: Job,
    provider: Literal["sample", "file"] = "sample",
    path: str = "",
    search_query: str = "",
    search_type: Literal["nearby_search", "text_search"] = "nearby_search",
    location_latitude: float | None = None,
    location_longitude: float | None = None,
    location_radius: float = DEFAULT_RADIUS,
    filter_type: str = "",
    filter_min_rating: float | None = None,
    max_results: int | None = None,
    list_name: str = "",
) -> None:
    """Save the places around a point as documents of source type ``places``, the nearest first.

    :param provider: ``sample``, an invented town that ships, or ``file``, a GeoJSON file
    :param path: for ``file``: the file, as overpass-turbo exports it; relative to the definition
    :param search_query: with ``text_search``, words that must all occur in a place's name, kind, cuisine or
        description; with ``nearby_search`` it is a note to the reader and filters nothing
    :param location_latitude: degrees, -90 to 90
    :param location_longitude: degrees, -180 to 180
    :param location_radius: metres
    :param filter_type: a value of amenity, shop, tourism, leisure or cuisine; several with ``;``
    :param filter_min_rating: 0 to 5; drops places rated below, keeps those without a rating
    :param max_results: the nearest so many
    :param list_name: a tag for every document
    :raises ValueError: a value is missing or out of its range, or the file cannot be read as GeoJSON
    """
    search = Search(
        *_location(location_latitude, location_longitude, location_radius),
        words=_query_words(search_query, search_type),
        types=frozenset(_type_word(value) for value in values(filter_type)),
        min_rating=_checked_rating(filter_min_rating),
        max_results=_checked_count(max_results),
    )
    file = source_file(provider, path, step.definition_path)
    source = read_places(file)
    _log_source(step, file, source)
    if search_query and search_type == "nearby_search":
        step.log.debug('search_query "%s" filters nothing: search_type is nearby_search', search_query)
    if search.min_rating is not None and all(rating(place.tags) is None for place in source.places):
        step.log.warning("the source has no ratings: filter_min_rating is ignored")
    found, dropped = find(source.places, search)
    for hit in found:
        step.save(document(hit, source.attribution, list_name))
        step.log.info("found %s, %.0f m away", hit.place.name, hit.distance)
    left_out = ", ".join(f"{count} {reason}" for reason, count in dropped.items())
    step.log.info(
        "saved %d of %d places%s", len(found), len(source.places), f" ({left_out})" if left_out else ""
    )


def find(places: list[Place], search: Search) -> tuple[list[Found], Counter[str]]:
    """The places that fit, the nearest first, and how many were left out for which reason."""
    found: list[Found] = []
    dropped: Counter[str] = Counter()
    for place in places:
        distance = great_circle_distance(search.latitude, search.longitude, place.latitude, place.longitude)
        reason = _misfit(place, distance, search)
        if reason:
            dropped[reason] += 1
        else:
            found.append(Found(place, distance))
    found.sort(key=lambda hit: (hit.distance, hit.place.id))
    if search.max_results is not None and len(found) > search.max_results:
        dropped["beyond max_results"] = len(found) - search.max_results
        del found[search.max_results :]
    return found, dropped


def document(hit: Found, attribution: str | None, list_name: str = "") -> dict[str, Any]:
    """A found place as a document: prose as its text, and its facts as metadata."""
    place = hit.place
    kind = place_type(place.tags)
    facts = {
        "latitude": place.latitude,
        "longitude": place.longitude,
        "distance_metres": round(hit.distance, 1),
        "type": kind,
        "address": address(place.tags) or None,
        "cuisine": cuisine_phrases(place.tags) or None,
        "opening_hours": place.tags.get("opening_hours"),
        "rating": rating(place.tags),
        "attribution": attribution,
    }
    return {
        "source_type": "places",
        "source_id": place.id,
        "title": place.name,
        "url": place.tags.get("website") or place.tags.get("contact:website"),
        "text": describe(place),
        "tags": list(dict.fromkeys(tag for tag in (list_name, kind) if tag)),
        "metadata": {name: fact for name, fact in facts.items() if fact is not None},
    }


def rating(tags: dict[str, str]) -> float | None:
    """A place's rating from 0 to 5, None if it has none (OpenStreetMap itself knows no ratings)."""
    try:
        value = float(tags["rating"])
    except (KeyError, ValueError):
        return None
    return value if 0 <= value <= BEST_RATING else None


def source_file(provider: str, path: str, definition: Path) -> Path:
    """The file that a provider reads. Raises ValueError if provider and path do not go together."""
    if provider == "sample":
        if path:
            raise ValueError(
                f'path is "{path}", but provider is "sample": to read a file, set provider = "file"'
            )
        return SAMPLE_TOWN
    if not path:
        raise ValueError('provider "file" needs path, the name of a GeoJSON file')
    return definition.parent / path


def _misfit(place: Place, distance: float, search: Search) -> str | None:
    """Why a place does not fit a search, None if it does."""
    if distance > search.radius:
        return f"beyond {search.radius:g} m"
    if search.types and not search.types & _types(place.tags):
        return "of another type"
    if search.words and not _matches(place.tags, search.words):
        return "not matching the query"
    rated = rating(place.tags)
    if search.min_rating is not None and rated is not None and rated < search.min_rating:
        return f"rated below {search.min_rating:g}"
    return None


def _types(tags: dict[str, str]) -> set[str]:
    return {_type_word(value) for key in (*TYPE_KEYS, "cuisine") for value in values(tags.get(key, ""))}


def _type_word(value: str) -> str:
    return value.strip().lower().replace(" ", "_")


def _matches(tags: dict[str, str], words: tuple[str, ...]) -> bool:
    """Whether each word begins a word of the place, so that "pizza" finds a pizzeria's pizzas."""
    searched = (tags.get(key, "") for key in ("name", *TYPE_KEYS, "cuisine", "description"))
    there = _folded_words(" ".join(searched))
    return all(any(word.startswith(wanted) for word in there) for wanted in words)


def _query_words(search_query: str, search_type: str) -> tuple[str, ...]:
    if search_type != "text_search":
        return ()
    words = tuple(_folded_words(search_query))
    if not words:
        raise ValueError("search_type text_search needs search_query, the words to look for")
    return words


def _folded_words(text: str) -> list[str]:
    """Words without case and accents: "Crème" is found as "creme"."""
    bare = "".join(sign for sign in unicodedata.normalize("NFKD", text) if not unicodedata.combining(sign))
    return re.findall(r"[^\W_]+", bare.casefold())


def _location(latitude: float | None, longitude: float | None, radius: float) -> tuple[float, float, float]:
    if latitude is None or longitude is None:
        missing = "location_latitude" if latitude is None else "location_longitude"
        raise ValueError(f"{missing} is missing: a search needs a point, in degrees")
    for name, value, limit in (("location_latitude", latitude, 90), ("location_longitude", longitude, 180)):
        if not abs(value) <= limit:
            raise ValueError(f"{name} is {value:g}, expected degrees from -{limit} to {limit}")
    if not (isfinite(radius) and 0 < radius <= HALF_CIRCUMFERENCE):
        raise ValueError(
            f"location_radius is {radius:g}, expected metres above 0, at most {HALF_CIRCUMFERENCE:.0f}"
        )
    return latitude, longitude, radius


def _checked_rating(minimum: float | None) -> float | None:
    if minimum is not None and not 0 <= minimum <= BEST_RATING:
        raise ValueError(f"filter_min_rating is {minimum:g}, expected 0 to {BEST_RATING:g}")
    return minimum


def _checked_count(count: int | None) -> int | None:
    if count is not None and count < 1:
        raise ValueError(f"max_results is {count}, expected 1 or more")
    return count


def _log_source(step: Job, file: Path, source: PlaceSource) -> None:
    credit = f" ({source.attribution})" if source.attribution else ""
    step.log.info("%d places in %s%s", len(source.places), file.name, credit)
    if source.without_name or source.without_position:
        step.log.debug(
            "skipped %d features without a name, %d without a position",
            source.without_name,
            source.without_position,
        )
