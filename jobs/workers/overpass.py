"""Which places does OpenStreetMap have around a point? Asked of an Overpass server.

The language of the questions is that of https://wiki.openstreetmap.org/wiki/Overpass_API/Overpass_QL, the
manners are those of https://dev.overpass-api.de/overpass-doc/en/preface/commons.html: public servers give a
client two slots, answer 429 or 504 when they are busy, and want to know who asks. So one question at a time
is asked of a server, with a name, and the same question within an hour is answered from memory. A question
that ran out of time or memory is answered with 200, a part of the places, and a ``remark``.

The data is OpenStreetMap's, under the Open Database Licence: https://www.openstreetmap.org/copyright.
"""

import time
from collections.abc import Mapping
from math import ceil
from typing import Any

import anyio
from anyio import to_thread
from anyio.lowlevel import RunVar

from jobs.exception import Failure
from jobs.job import Job
from jobs.workers.geojson import Place, PlaceSource
from jobs.workers.place_filter import Search
from jobs.workers.place_prose import TYPE_KEYS
from jobs.workers.polite_http import NotAnswered, Request, check_url, post, user_agent

ENDPOINT = "https://overpass-api.de/api/interpreter"
ATTRIBUTION = "© OpenStreetMap contributors, ODbL 1.0, https://www.openstreetmap.org/copyright"
FRESH = 3600.0
"""Seconds for which an answer is good."""
MOST_KEPT = 16
SERVER_SECONDS = 60
LARGEST_RADIUS = 50_000.0
"""Metres; beyond that, files are the way: https://planet.openstreetmap.org."""

_kept: dict[tuple[str, str], tuple[float, PlaceSource]] = {}
"""When each question was answered, and how; the newest last."""

_asking: RunVar[dict[str, anyio.Lock]] = RunVar("servers asked by overpass")


async def overpass_places(job: Job, search: Search, endpoint: str, contact: str) -> PlaceSource:
    """The named places within a search's radius and of its types, as far as a server can tell.

    :param endpoint: empty: the public server
    :param contact: who runs this service, for the server's operators
    :raises Failure: the endpoint is none, or the radius too large
    :raises NotAnswered: the server did not answer, or not with places
    """
    endpoint = endpoint or ENDPOINT
    check_url("endpoint", endpoint)
    if search.radius > LARGEST_RADIUS:
        limit = f"{LARGEST_RADIUS:g} for overpass"
        raise Failure(f"location_radius is {search.radius:g}, expected at most {limit}")
    question = query(search)
    async with _server(endpoint):
        at, source = _kept.get((endpoint, question), (0.0, None))
        if source is not None and time.monotonic() - at < FRESH:
            job.log.info("the same was asked %.0f min ago: not asking again", (time.monotonic() - at) / 60)
            return source
        job.log.debug("asking %s: %s", endpoint, question)
        answer = await post(
            job,
            Request(
                endpoint,
                {"User-Agent": user_agent(contact)},
                form={"data": question},
                timeout=SERVER_SECONDS + 15,
            ),
        )
        try:
            # In a thread: it may be many MiB.
            source = await to_thread.run_sync(lambda: read_answer(answer.json()), abandon_on_cancel=True)
        except ValueError as error:
            job.log.error("not an answer of Overpass (%s): %s", error, answer.body[:2000])
            raise NotAnswered(f"{endpoint} does not answer as Overpass does: {error}") from None
        _kept.pop((endpoint, question), None)
        _kept[endpoint, question] = time.monotonic(), source
        while len(_kept) > MOST_KEPT:
            del _kept[next(iter(_kept))]
        return source


def query(search: Search) -> str:
    """The question for a search: whatever has a name and is of its types. What comes is filtered again."""
    around = f"(around:{ceil(search.radius)},{search.latitude:.7f},{search.longitude:.7f})"
    if search.types:
        words = "|".join(_pattern(word) for word in sorted(search.types))
        kinds = [f'["{key}"~"(^|;) *({words}) *(;|$)",i]' for key in (*TYPE_KEYS, "cuisine")]
    else:
        kinds = [f'["{key}"]' for key in TYPE_KEYS]
    union = "".join(f'nwr["name"]{kind}{around};' for kind in kinds)
    return f"[out:json][timeout:{SERVER_SECONDS}];({union});out center tags;"


def read_answer(said: Any) -> PlaceSource:
    """The places of an answer; an area stands at its centre.

    :raises ValueError: it is none, or not the whole
    """
    if not isinstance(said, dict) or not isinstance(said.get("elements"), list):
        raise ValueError("no elements in it")
    remark = said.get("remark")
    if isinstance(remark, str) and "error" in remark:
        raise ValueError(remark)
    places: dict[str, Place] = {}
    without_name = without_position = 0
    for element in said["elements"]:
        place = _place(element)
        if place is None:
            without_position += 1
        elif not place.name:
            without_name += 1
        else:
            places[place.id] = place
    return PlaceSource(list(places.values()), ATTRIBUTION, without_name, without_position)


def _place(element: Any) -> Place | None:
    if not isinstance(element, Mapping):
        return None
    position = element.get("center") or element
    try:
        latitude, longitude = float(position["lat"]), float(position["lon"])
        identity = f"{element['type']}/{element['id']}"
    except (KeyError, TypeError, ValueError):
        return None
    if not (abs(latitude) <= 90 and abs(longitude) <= 180):
        return None
    raw = element.get("tags")
    tags = {str(key): str(value) for key, value in raw.items()} if isinstance(raw, dict) else {}
    return Place(identity, tags.get("name", "").strip(), latitude, longitude, tags)


def _pattern(word: str) -> str:
    """A regular expression that a type fits, and perhaps others: what comes is filtered again."""
    return "".join("[ _]" if sign == "_" else sign if sign.isalnum() else "." for sign in word)


def _server(endpoint: str) -> anyio.Lock:
    try:
        locks = _asking.get()
    except LookupError:
        locks = {}
        _asking.set(locks)
    return locks.setdefault(endpoint, anyio.Lock())
