"""Which places does Google know around a point? Asked of its Places API (New).

The shapes are those of https://developers.google.com/maps/documentation/places/web-service/nearby-search and
https://developers.google.com/maps/documentation/places/web-service/text-search: a POST with the key and the
compulsory list of fields as headers, at most 20 places an answer; a text search has further pages, by token.
What is asked for sets the price, see
https://developers.google.com/maps/documentation/places/web-service/data-fields, so ratings are asked for only
where they filter. Of what is answered, place IDs may be kept for ever and little else:
https://developers.google.com/maps/documentation/places/web-service/policies.
"""

from math import cos, radians
from typing import Any

from jobs.exception import Failure
from jobs.job import Job
from jobs.workers.geojson import Place, PlaceSource
from jobs.workers.place_filter import Search, find
from jobs.workers.polite_http import NotAnswered, Request, check_url, checked_key, post

ENDPOINT = "https://places.googleapis.com"
ATTRIBUTION = "Google Maps"
PAGE = 20
MOST_PAGES = 3  # A text search ends after 60 places.
LARGEST_RADIUS = 50_000.0
METRES_PER_DEGREE = 111_195.0  # of latitude


async def google_places(
    job: Job, search: Search, query: str, endpoint: str, api_key: str, ids_only: bool
) -> PlaceSource:
    """The places within a search's radius and of its types, the nearest first.

    :param query: words to search for; empty: a nearby search
    :param endpoint: empty: Google's
    :param ids_only: ask for nothing that must not be kept, beside what the search itself needs
    :raises Failure: the key is missing, or the radius too large
    :raises NotAnswered: Google did not answer, or not with places
    """
    endpoint = (endpoint or ENDPOINT).rstrip("/")
    check_url("endpoint", endpoint)
    if not api_key:
        raise Failure('provider "google" needs api_key, for example api_key = "{env.GOOGLE_MAPS_API_KEY}"')
    if search.radius > LARGEST_RADIUS:
        raise Failure(f"location_radius is {search.radius:g}, expected at most {LARGEST_RADIUS:g} for google")
    headers = {
        "X-Goog-Api-Key": checked_key("api_key", api_key),
        "X-Goog-FieldMask": field_mask(search, ids_only=ids_only, text=bool(query)),
    }
    url = f"{endpoint}/v1/places:{'searchText' if query else 'searchNearby'}"
    body = text_body(search, query) if query else nearby_body(search)
    places: list[Place] = []
    without_position = 0
    for number in range(1, (MOST_PAGES if query else 1) + 1):
        answer = await post(job, Request(url, headers, json=body))
        try:
            page, skipped, token = read_answer(answer.json())
        except ValueError as error:
            said = "" if ids_only else f": {answer.body[:2000]}"  # it may hold what must not be kept
            job.log.error("not an answer of Google Places (%s)%s", error, said)
            raise NotAnswered(f"{endpoint} does not answer as Google Places does: {error}") from None
        places += page
        without_position += skipped
        job.log.debug("page %d: %d places", number, len(page))
        if not token or len(find(places, search)[0]) == search.max_results:
            break
        body = {**body, "pageToken": token}
    if not query and len(places) == PAGE and (search.max_results or PAGE + 1) > PAGE:
        job.log.info("a nearby search of Google has at most %d places: there may be more", PAGE)
    return PlaceSource(places, ATTRIBUTION, 0, without_position)


def field_mask(search: Search, *, ids_only: bool, text: bool) -> str:
    """The fields that are asked for: what is kept, and what the search needs."""
    fields = ["id", "location"]
    if not ids_only:
        fields += ["displayName", "formattedAddress", "primaryType", "types", "attributions"]
    elif search.types:
        fields.append("types")
    if search.min_rating is not None:
        fields.append("rating")
    return ",".join([f"places.{field}" for field in fields] + ["nextPageToken"] * text)


def nearby_body(search: Search) -> dict[str, Any]:
    """What a nearby search asks."""
    centre = {"latitude": search.latitude, "longitude": search.longitude}
    body: dict[str, Any] = {
        "maxResultCount": min(search.max_results or PAGE, PAGE) if search.min_rating is None else PAGE,
        "rankPreference": "DISTANCE",
        "locationRestriction": {"circle": {"center": centre, "radius": search.radius}},
    }
    if search.types:
        body["includedTypes"] = sorted(search.types)
    return body


def text_body(search: Search, query: str) -> dict[str, Any]:
    """What a text search asks. It takes one type at most, and a rectangle instead of a circle."""
    north = search.radius / METRES_PER_DEGREE
    east = min(180.0, north / max(0.01, cos(radians(search.latitude))))
    low = {"latitude": max(-90.0, search.latitude - north), "longitude": _turned(search.longitude - east)}
    high = {"latitude": min(90.0, search.latitude + north), "longitude": _turned(search.longitude + east)}
    body: dict[str, Any] = {
        "textQuery": query,
        "pageSize": PAGE,
        "rankPreference": "DISTANCE",
        "locationRestriction": {"rectangle": {"low": low, "high": high}},
    }
    if len(search.types) == 1:
        body["includedType"] = next(iter(search.types))
        body["strictTypeFiltering"] = True
    return body


def read_answer(said: Any) -> tuple[list[Place], int, str]:
    """The places of an answer, how many have no position, and the token of the next page.

    :raises ValueError: it is no such answer
    """
    if not isinstance(said, dict) or not isinstance(said.get("places", []), list):
        raise ValueError("no places in it")
    read = [_place(each) for each in said.get("places", [])]  # where nothing is found, the key is absent
    places = [place for place in read if place]
    token = said.get("nextPageToken")
    return places, len(read) - len(places), token if isinstance(token, str) else ""


def link(place_id: str) -> str:
    """A page of Google Maps on a place (https://developers.google.com/maps/documentation/urls/get-started)."""
    return f"https://www.google.com/maps/search/?api=1&query=Google&query_place_id={place_id}"


def _place(each: Any) -> Place | None:
    """A place, with what is known of it under the tags that OpenStreetMap has for it."""
    try:
        identity, position = str(each["id"]), each["location"]
        # As in all of Google's JSON, a number that is 0 is left out.
        latitude, longitude = float(position.get("latitude", 0)), float(position.get("longitude", 0))
        name = str((each.get("displayName") or {}).get("text") or identity)
        types = [str(kind) for kind in each.get("types") or []]
        credits = [str(credit["provider"]) for credit in each.get("attributions") or []]
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    primary = each.get("primaryType")
    tags = {
        "name": name,
        "amenity": ";".join(dict.fromkeys([primary, *types] if isinstance(primary, str) else types)),
        "addr:place": str(each.get("formattedAddress") or ""),
        "website": link(identity),
        "attribution": ", ".join(credits),
    }
    if isinstance(each.get("rating"), int | float):
        tags["rating"] = str(each["rating"])
    return Place(identity, name, latitude, longitude, {key: value for key, value in tags.items() if value})


def _turned(longitude: float) -> float:
    """A longitude from -180 to 180; a rectangle whose west is east of its east crosses the date line."""
    return (longitude + 180) % 360 - 180
