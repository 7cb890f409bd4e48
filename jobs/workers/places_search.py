"""Worker type ``places_search``: which places lie around a point, and what is known about them?"""

from functools import partial
from pathlib import Path
from typing import Any, Literal

from anyio import to_thread

from jobs.exception import Failure
from jobs.job import Job
from jobs.mark import worker
from jobs.workers import google_places, overpass
from jobs.workers.geojson import PlaceSource, read_places
from jobs.workers.place_filter import Found, Search, find, rating, search_for
from jobs.workers.place_prose import address, cuisine_phrases, describe, place_type

SAMPLE_TOWN = Path(__file__).with_name("sample_town.geojson")
DEFAULT_RADIUS = 2000.0
USERS = {"endpoint": ("overpass", "google"), "contact": ("overpass",), "api_key": ("google",)}
"""The providers that have use for a key."""


@worker("places_search")
async def places_search(
    step: Job,
    provider: Literal["sample", "file", "overpass", "google"] = "sample",
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
    store: Literal["all", "ids"] | None = None,
    endpoint: str = "",
    contact: str = "",
    api_key: str = "",
) -> None:
    """Save the places around a point as documents of source type ``places``, the nearest first.

    :param provider: ``sample``, an invented town that ships; ``file``, a GeoJSON file; ``overpass``,
        OpenStreetMap as an Overpass server has it; ``google``, Google's Places API
    :param path: for ``file``: the file, as overpass-turbo exports it; relative to the definition
    :param search_query: with ``text_search``, words that must all occur in a place's name, kind, cuisine or
        description (Google finds by its own rules); with ``nearby_search`` it is a note to the reader and
        filters nothing
    :param location_latitude: degrees, -90 to 90
    :param location_longitude: degrees, -180 to 180
    :param location_radius: metres
    :param filter_type: a value of amenity, shop, tourism, leisure or cuisine, for Google one of its types;
        several with ``;``
    :param filter_min_rating: 0 to 5; drops places rated below, keeps those without a rating
    :param max_results: the nearest so many
    :param list_name: a tag for every document
    :param store: what is kept of a place: ``all``, or its id alone (``ids``, which is what Google's terms
        allow, so it is the default there)
    :param endpoint: for ``overpass`` and ``google``: the address of another server
    :param contact: for ``overpass``: whom its operators can write to
    :param api_key: for ``google``; stands in the environment, ``{env.NAME}``
    :raises Failure: a value is missing or out of its range, or the file cannot be read as GeoJSON
    :raises NotAnswered: a server did not answer
    """
    query = query_that_filters(search_query, search_type)
    search = search_for(
        location_latitude,
        location_longitude,
        location_radius,
        # Google has searched by them already, in more of a place than it tells.
        query="" if provider == "google" else query,
        types=filter_type,
        min_rating=filter_min_rating,
        max_results=max_results,
    )
    ids_only = (store or ("ids" if provider == "google" else "all")) == "ids"
    check_keys(step, provider, path, endpoint=endpoint, contact=contact, api_key=api_key)
    if provider == "google":
        where = "Google Places"
        source = await google_places.google_places(step, search, query, endpoint, api_key, ids_only)
    elif provider == "overpass":
        where = "OpenStreetMap"
        source = await overpass.overpass_places(step, search, endpoint, contact)
    else:
        file = source_file(provider, path, step.definition_path)
        where = file.name
        source = await to_thread.run_sync(read_places, file, abandon_on_cancel=True)
    _log_source(step, where, source)
    if search_query and search_type == "nearby_search":
        step.log.debug('search_query "%s" filters nothing: search_type is nearby_search', search_query)
    if filter_min_rating is not None and all(rating(place.tags) is None for place in source.places):
        step.log.warning("the source has no ratings: filter_min_rating is ignored")
    save = partial(_save, step, source, search, list_name, ids_only)
    await to_thread.run_sync(save, abandon_on_cancel=True)


def _save(step: Job, source: PlaceSource, search: Search, list_name: str, ids_only: bool) -> None:
    """Keep the places that fit, and say which and how many."""
    found, left_out = find(source.places, search)
    for hit in found:
        step.save((bare_document if ids_only else document)(hit, source.attribution, list_name))
        step.log.info("found %s, %.0f m away", hit.place.id if ids_only else hit.place.name, hit.distance)
    reasons = ", ".join(f"{count} {reason}" for reason, count in left_out.items())
    step.log.info(
        "saved %s%d of %d places%s",
        "the ids of " if ids_only else "",
        len(found),
        len(source.places),
        f" ({reasons})" if reasons else "",
    )


def document(hit: Found, attribution: str | None, list_name: str = "") -> dict[str, Any]:
    """A found place as a document: prose as its text, and its facts as metadata.

    :param attribution: whom to credit for the data; goes with every document
    """
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
        "attribution": ", ".join(filter(None, (attribution, place.tags.get("attribution")))) or None,
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


def bare_document(hit: Found, attribution: str | None, list_name: str = "") -> dict[str, Any]:
    """A found place as a document that says which one it is, and nothing of what is known about it."""
    saved = document(hit, attribution)
    return {
        "source_type": saved["source_type"],
        "source_id": saved["source_id"],
        "url": saved["url"],
        "tags": [list_name] if list_name else [],
        "metadata": {"attribution": attribution} if attribution else {},
    }


def query_that_filters(search_query: str, search_type: str) -> str:
    """The query as far as it narrows the search. Raises Failure if a text search has none."""
    if search_type != "text_search":
        return ""
    if not any(sign.isalnum() for sign in search_query):
        raise Failure("search_type text_search needs search_query, the words to look for")
    return search_query


def source_file(provider: str, path: str, definition: Path) -> Path:
    """The file that a provider reads. Raises Failure if its path is missing."""
    if provider == "sample":
        return SAMPLE_TOWN
    if not path:
        raise Failure('provider "file" needs path, the name of a GeoJSON file')
    return definition.parent / path


def check_keys(step: Job, provider: str, path: str, **given: str) -> None:
    """Tell which keys a provider has no use for; a definition may serve several, by a parameter.

    :raises Failure: the path, which says where places come from, is one of them
    """
    if path and provider != "file":
        raise Failure(
            f'path is "{path}", but provider is "{provider}": to read a file, set provider = "file"'
        )
    for key, value in given.items():
        if value and provider not in USERS[key]:
            step.log.warning('%s has no effect: provider is "%s"', key, provider)


def _log_source(step: Job, where: str, source: PlaceSource) -> None:
    credit = f" ({source.attribution})" if source.attribution else ""
    step.log.info("%d places in %s%s", len(source.places), where, credit)
    if source.without_name or source.without_position:
        step.log.debug(
            "skipped %d features without a name, %d without a position",
            source.without_name,
            source.without_position,
        )
