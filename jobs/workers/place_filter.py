"""Which of many places fit a search?"""

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from math import isfinite

from jobs.exception import Failure
from jobs.workers.geojson import Place
from jobs.workers.great_circle import HALF_CIRCUMFERENCE, great_circle_distance
from jobs.workers.place_prose import TYPE_KEYS, values

BEST_RATING = 5.0


@dataclass(frozen=True)
class Search:
    """What is looked for: everything within ``radius`` metres of a point, narrowed by what else is given."""

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


def search_for(
    latitude: float | None,
    longitude: float | None,
    radius: float,
    *,
    query: str = "",
    types: str = "",
    min_rating: float | None = None,
    max_results: int | None = None,
) -> Search:
    """The search that the keys of a step ask for.

    :param latitude, longitude: degrees
    :param radius: metres
    :param query: words that must all occur in a place's name, kind, cuisine or description
    :param types: values of amenity, shop, tourism, leisure or cuisine, separated by ``;``
    :raises Failure: a key is missing or out of its range; the message names it as the step writes it
    """
    if latitude is None or longitude is None:
        missing = "location_latitude" if latitude is None else "location_longitude"
        raise Failure(f"{missing} is missing: a search needs a point, in degrees")
    for name, value, limit in (("location_latitude", latitude, 90), ("location_longitude", longitude, 180)):
        if not abs(value) <= limit:
            raise Failure(f"{name} is {value:g}, expected degrees from -{limit} to {limit}")
    if not (isfinite(radius) and 0 < radius <= HALF_CIRCUMFERENCE):
        most = f"{HALF_CIRCUMFERENCE:.0f}"
        raise Failure(f"location_radius is {radius:g}, expected metres above 0, at most {most}")
    if min_rating is not None and not 0 <= min_rating <= BEST_RATING:
        raise Failure(f"filter_min_rating is {min_rating:g}, expected 0 to {BEST_RATING:g}")
    if max_results is not None and max_results < 1:
        raise Failure(f"max_results is {max_results}, expected 1 or more")
    wanted = frozenset(_type_word(value) for value in values(types))
    return Search(latitude, longitude, radius, tuple(_folded_words(query)), wanted, min_rating, max_results)


def find(places: list[Place], search: Search) -> tuple[list[Found], Counter[str]]:
    """The places that fit, the nearest first, and how many were left out for which reason.

    Places without a rating pass any minimum: nothing is known against them.
    """
    found: list[Found] = []
    left_out: Counter[str] = Counter()
    for place in places:
        distance = great_circle_distance(search.latitude, search.longitude, place.latitude, place.longitude)
        reason = _misfit(place, distance, search)
        if reason:
            left_out[reason] += 1
        else:
            found.append(Found(place, distance))
    found.sort(key=lambda hit: (hit.distance, hit.place.id))
    if search.max_results is not None and len(found) > search.max_results:
        left_out["beyond max_results"] = len(found) - search.max_results
        del found[search.max_results :]
    return found, left_out


def rating(tags: dict[str, str]) -> float | None:
    """A place's rating from 0 to 5, None if it has none (OpenStreetMap itself knows no ratings)."""
    try:
        value = float(tags["rating"])
    except (KeyError, ValueError):
        return None
    return value if 0 <= value <= BEST_RATING else None


def _misfit(place: Place, distance: float, search: Search) -> str | None:
    """Why a place does not fit a search, None if it does."""
    if distance > search.radius:
        return f"beyond {search.radius:g} m"
    if search.types and not search.types & _types(place.tags):
        return "of another type"
    if not _matches(place.tags, search.words):
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
    """Whether each word begins a word of the place, so that "pizza" finds pizzas."""
    searched = (tags.get(key, "") for key in ("name", *TYPE_KEYS, "cuisine", "description"))
    there = _folded_words(" ".join(searched)) if words else []
    return all(any(word.startswith(wanted) for word in there) for wanted in words)


def _folded_words(text: str) -> list[str]:
    """Words without case and accents: "Crème" is found as "creme"."""
    bare = "".join(sign for sign in unicodedata.normalize("NFKD", text) if not unicodedata.combining(sign))
    return re.findall(r"[^\W_]+", bare.casefold())
