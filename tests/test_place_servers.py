"""Promise: places are searched on servers as their APIs are documented, politely, and kept as terms allow.

The servers are stand-ins that speak the documented shapes over a real socket.
"""

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import anyio
import pytest

from jobs.workers import google_places, overpass
from jobs.workers.place_filter import Search, search_for
from tests.local_server import Asked
from tests.service_process import Service
from tests.stub_server import Say, StubServer

KEY = "AIza-t0p-s3cret-of-nobody"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("places"), {"MAPS_KEY": KEY})
    service.start()
    yield service
    service.kill()


def search(service: Service, stub: StubServer, provider: str, **keys: Any) -> dict[str, Any]:
    """Run a search around 47.8, 13.04; the manager."""
    key = {"api_key": "{env.MAPS_KEY}"} if provider == "google" else {}
    place = {"location_latitude": 47.8, "location_longitude": 13.04, "endpoint": f"{stub.url}/api"}
    table = {"type": "places_search", "provider": provider, **place, **key, **keys}
    service.define(
        "search",
        "[step.search]\n"
        + "\n".join(f"{name} = {json.dumps(value)}" for name, value in table.items() if value is not None),
    )
    return service.run_to_end("search")


def lines(service: Service, manager: dict[str, Any]) -> str:
    return service.client.get(f"/managers/{manager['id']}/log", params={"level": "debug"}).text


def documents(service: Service, manager: dict[str, Any]) -> list[dict[str, Any]]:
    found = service.get("/documents", manager_id=manager["id"])["items"]
    return [service.get(f"/documents/{each['id']}") for each in found]


# --- OpenStreetMap ------------------------------------------------------------------------------------------


def elements(*found: dict[str, Any], **more: Any) -> Say:
    """An answer of Overpass: https://wiki.openstreetmap.org/wiki/Overpass_API/Overpass_QL, [out:json]."""
    osm3s = {
        "timestamp_osm_base": "2026-11-25T12:00:00Z",
        "copyright": "The data included in this document is …",
    }
    return Say({"version": 0.6, "generator": "Overpass API", "osm3s": osm3s, "elements": found, **more})


def node(number: int, north: float = 0.0, **tags: str) -> dict[str, Any]:
    return {"type": "node", "id": number, "lat": 47.8 + north, "lon": 13.04, "tags": tags}


LADLE = node(1, name="The Copper Ladle", amenity="restaurant", cuisine="soup;regional")


def test_openstreetmap_places_become_documents_with_attribution(service: Service, stub: StubServer) -> None:
    way = {
        "type": "way",
        "id": 2,
        "center": {"lat": 47.801, "lon": 13.04},
        "tags": {"name": "W", "shop": "bakery"},
    }
    stub.says(elements(LADLE, way, node(3), {"type": "relation", "id": 4, "tags": {"name": "Nowhere"}}))
    manager = search(service, stub, "overpass", contact="ops@example.org", list_name="near")
    assert manager["status"] == "completed", lines(service, manager)
    first, second = documents(service, manager)
    assert (first["source_id"], first["title"], first["tags"]) == (
        "node/1",
        "The Copper Ladle",
        ["near", "restaurant"],
    )
    assert "restaurant for soup and regional food" in first["text"]
    assert second["source_id"] == "way/2"
    for each in (first, second):
        assert "© OpenStreetMap contributors" in each["metadata"]["attribution"]
        assert "ODbL" in each["metadata"]["attribution"]
    (asked,) = stub.asked
    assert asked.path == "/api"
    assert asked.headers["User-Agent"].startswith("Stepstream/")
    assert asked.headers["User-Agent"].endswith("(ops@example.org)")
    assert asked.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert asked.form["data"].startswith("[out:json][timeout:60];(nwr")
    assert "(around:2000,47.8000000,13.0400000)" in asked.form["data"]
    log = lines(service, manager)
    assert "2 places in OpenStreetMap (© OpenStreetMap contributors" in log
    assert "skipped 1 features without a name, 1 without a position" in log


def test_an_answer_is_good_for_an_hour(service: Service, stub: StubServer) -> None:
    stub.says(elements(LADLE))
    wanted = {"location_radius": 1234.0}
    once = search(service, stub, "overpass", **wanted)
    again = search(service, stub, "overpass", search_type="text_search", search_query="soup", **wanted)
    assert len(stub.asked) == 1, "words are looked for in what has come"
    assert "not asking again" in lines(service, again)
    assert len(documents(service, again)) == len(documents(service, once)) == 1
    search(service, stub, "overpass", location_radius=1235.0)
    assert len(stub.asked) == 2


def test_after_an_hour_a_server_is_asked_again(stub: StubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(overpass, "time", SimpleNamespace(monotonic=lambda: now))
    stub.says(elements(LADLE))
    log = SimpleNamespace(info=lambda *args: None, debug=lambda *args: None)

    async def ask(radius: float) -> int:
        job: Any = SimpleNamespace(log=log)
        source = await overpass.overpass_places(job, search_for(1.0, 2.0, radius), stub.url, "")
        return len(source.places)

    asked = []
    for now in (100.0, 100.0 + 3599, 100.0 + 3600, 100.0 + 3601):  # noqa: B007 (the clock reads it)
        assert anyio.run(ask, 300.0) == 1
        asked.append(len(stub.asked))
    assert asked == [1, 1, 2, 2]
    for other in range(overpass.MOST_KEPT):
        anyio.run(ask, 301.0 + other)
    anyio.run(ask, 300.0)
    assert len(stub.asked) == 3 + overpass.MOST_KEPT, "what was asked longest ago is forgotten first"


def test_one_question_at_a_time(service: Service, stub: StubServer) -> None:
    stub.says(Say({"elements": []}, delay=0.2))
    steps = "".join(
        f"[step.s{n}]\ntype = 'places_search'\nprovider = 'overpass'\nendpoint = '{stub.url}/api'\n"
        f"location_latitude = {n}\nlocation_longitude = 1\n"
        for n in range(3)
    )
    service.define("three", steps)
    assert service.run_to_end("three")["status"] == "completed"
    assert len(stub.asked) == 3
    assert stub.most_at_once == 1


BUSY = (
    "<html><head><title>OSM3S Response</title></head>"
    "<body><p>The server is probably too busy</p></body></html>"
)


def test_a_busy_server_is_asked_again(service: Service, stub: StubServer) -> None:
    now = {"Retry-After": "0"}
    stub.says(Say(BUSY, 429, now), Say(BUSY, 504, now), elements(LADLE))
    manager = search(service, stub, "overpass", location_radius=501.0)
    assert manager["status"] == "completed"
    log = lines(service, manager)
    assert "429 Too Many Requests: The server is probably too busy (try 1 of 5" in log
    assert "504 Gateway Timeout: The server is probably too busy (try 2 of 5" in log


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (
            elements(LADLE, remark='runtime error: Query timed out in "query"'),
            "runtime error: Query timed out",
        ),
        (Say(BUSY), "does not answer as Overpass does"),
        (Say({"elements": "none"}), "no elements in it"),
        (Say("[" * 100_000), "does not answer as Overpass does"),
        (Say("<p>line 1: parse error</p>", 400), "answered 400 Bad Request: line 1: parse error"),
    ],
)
def test_answers_that_are_none(service: Service, stub: StubServer, said: Say, why: str) -> None:
    stub.says(said)
    manager = search(service, stub, "overpass", location_radius=502.0)
    assert manager["status"] == "failed"
    assert why in manager["steps"][0]["reason"]
    assert len(stub.asked) == 1
    assert documents(service, manager) == []


def test_ratings_are_no_filter_where_there_are_none(service: Service, stub: StubServer) -> None:
    stub.says(elements(LADLE))
    manager = search(service, stub, "overpass", filter_min_rating=4.5, location_radius=503.0)
    assert len(documents(service, manager)) == 1
    assert "the source has no ratings: filter_min_rating is ignored" in lines(service, manager)


def test_questions_to_overpass() -> None:
    plain = overpass.query(search_for(1.5, -2.25, 300.4))
    assert plain.startswith(
        '[out:json][timeout:60];(nwr["name"]["amenity"](around:301,1.5000000,-2.2500000);'
    )
    typed = overpass.query(search_for(1.5, 2.5, 300, types='Ice cream; bar"];(node;);out;'))
    assert '["cuisine"~"(^|;) *(' in typed
    assert "ice[ _]cream" in typed
    assert typed.count('"') == 10 * 3, "no value ends its string"
    assert "node" in typed
    assert "(node" not in typed


def test_a_radius_beyond_measure_is_not_asked_for(service: Service, stub: StubServer) -> None:
    stub.says(elements())
    for provider in ("overpass", "google"):
        manager = search(service, stub, provider, location_radius=60_000.0)
        assert f"expected at most 50000 for {provider}" in manager["steps"][0]["reason"]
    assert not stub.asked


# --- Google -------------------------------------------------------------------------------------------------


def google_place(number: int, north: float = 0.0, rating: float | None = 4.5) -> dict[str, Any]:
    """As https://developers.google.com/maps/documentation/places/web-service/reference/rest/v1/places#Place."""
    place = {
        "id": f"ChIJ{number}",
        "displayName": {"text": f"Place {number}", "languageCode": "en"},
        "location": {"latitude": 47.8 + north, "longitude": 13.04},
        "formattedAddress": "Main Street 1, 5020 Salzburg, Austria",
        "primaryType": "italian_restaurant",
        "types": ["italian_restaurant", "restaurant", "point_of_interest", "food", "establishment"],
        "rating": rating,
    }
    return {key: value for key, value in place.items() if value is not None}


def masked(*places: dict[str, Any], token: str = "") -> Any:
    """An answer that has the fields that were asked for, and no others; without the list it is an error."""

    def answer(asked: Asked) -> Say:
        fields = asked.headers.get("X-Goog-FieldMask", "").split(",")
        if not fields[0]:
            return google_error(400, "FieldMask is a required parameter.", "INVALID_ARGUMENT")
        names = {field.removeprefix("places.") for field in fields}
        found = [{key: value for key, value in place.items() if key in names} for place in places]
        body: dict[str, Any] = {"places": found} if found else {}
        return Say(body | ({"nextPageToken": token} if token and "nextPageToken" in names else {}))

    return answer


def google_error(status: int, message: str, name: str) -> Say:
    return Say({"error": {"code": status, "message": message, "status": name}}, status)


def test_a_nearby_search_of_google(service: Service, stub: StubServer) -> None:
    stub.says(masked(google_place(1), google_place(2, 0.001)))
    manager = search(
        service, stub, "google", filter_type="restaurant", max_results=2, store="all", list_name="near"
    )
    assert manager["status"] == "completed", lines(service, manager)
    (asked,) = stub.asked
    assert asked.path == "/api/v1/places:searchNearby"
    assert asked.headers["X-Goog-Api-Key"] == KEY
    assert "rating" not in asked.headers["X-Goog-FieldMask"]
    centre = {"latitude": 47.8, "longitude": 13.04}
    assert asked.json == {
        "includedTypes": ["restaurant"],
        "maxResultCount": 2,
        "rankPreference": "DISTANCE",
        "locationRestriction": {"circle": {"center": centre, "radius": 2000.0}},
    }
    first, _ = documents(service, manager)
    assert first["title"] == "Place 1"
    assert first["tags"] == ["near", "italian_restaurant"]
    assert first["metadata"]["attribution"] == "Google Maps"
    assert first["metadata"]["address"] == "Main Street 1, 5020 Salzburg, Austria"
    assert "rating" not in first["metadata"]
    assert KEY not in lines(service, manager) + json.dumps(service.rows(manager["id"]))


def test_by_default_nothing_but_ids_is_kept_of_google(service: Service, stub: StubServer) -> None:
    stub.says(masked(google_place(7)))
    manager = search(service, stub, "google", list_name="ids")
    (document,) = documents(service, manager)
    assert document["source_id"] == "ChIJ7"
    assert document["url"] == google_places.link("ChIJ7")
    assert (document["title"], document["text"], document["tags"]) == ("", "", ["ids"])
    assert document["metadata"] == {"attribution": "Google Maps"}
    assert stub.asked[0].headers["X-Goog-FieldMask"] == "places.id,places.location"
    everything = lines(service, manager) + json.dumps(service.rows(manager["id"]))
    assert "Place 7" not in everything
    assert "Main Street" not in everything
    stub.says(Say({"places": {"displayName": "Place 8"}}))
    assert "Place 8" not in lines(service, search(service, stub, "google"))


@pytest.mark.parametrize("provider", ["sample", "overpass"])
def test_ids_of_other_providers(service: Service, stub: StubServer, provider: str) -> None:
    stub.says(elements(node(77, name="Nobody's Place", amenity="pub")))
    place = {} if provider == "overpass" else {"location_latitude": 43.6, "location_longitude": 14.6}
    manager = search(service, stub, provider, store="ids", max_results=1, endpoint=stub.url, **place)
    (document,) = documents(service, manager)
    assert document["source_id"].startswith("node/")
    assert (document["title"], document["text"], set(document["metadata"])) == ("", "", {"attribution"})


def test_ratings_are_asked_for_only_to_filter_by(service: Service, stub: StubServer) -> None:
    stub.says(masked(google_place(1, 0, 4.5), google_place(2, 0.001, 3.0), google_place(3, 0.002, None)))
    manager = search(service, stub, "google", filter_min_rating=4.0, store="all", max_results=5)
    assert [each["title"] for each in documents(service, manager)] == ["Place 1", "Place 3"]
    assert "places.rating" in stub.asked[0].headers["X-Goog-FieldMask"].split(",")
    assert stub.asked[0].json["maxResultCount"] == 20, "some of them may be rated below"


def test_a_text_search_of_google_goes_by_pages(service: Service, stub: StubServer) -> None:
    pages = [[google_place(20 * page + n, n / 1e5) for n in range(20)] for page in range(3)]
    stub.says(masked(*pages[0], token="t1"), masked(*pages[1], token="t2"), masked(*pages[2], token="t3"))
    manager = search(
        service,
        stub,
        "google",
        search_type="text_search",
        search_query="late pizza",
        filter_type="restaurant",
    )
    assert len(documents(service, manager)) == 60
    assert [asked.json.get("pageToken") for asked in stub.asked] == [None, "t1", "t2"]
    first, *others = [{k: v for k, v in asked.json.items() if k != "pageToken"} for asked in stub.asked]
    assert others == [first, first]
    assert first["textQuery"] == "late pizza"
    assert (first["includedType"], first["pageSize"]) == ("restaurant", 20)
    assert "nextPageToken" in stub.asked[0].headers["X-Goog-FieldMask"].split(",")
    stub.says(masked(*pages[0], token="t1"))
    few = search(service, stub, "google", search_type="text_search", search_query="pizza", max_results=5)
    assert len(documents(service, few)) == 5
    assert len(stub.asked) == 1


def test_a_full_page_may_not_be_all(service: Service, stub: StubServer) -> None:
    stub.says(masked(*(google_place(n) for n in range(20))))
    assert "has at most 20 places: there may be more" in lines(service, search(service, stub, "google"))
    stub.says(masked())
    manager = search(service, stub, "google")
    assert manager["status"] == "completed"
    assert "saved the ids of 0 of 0 places" in lines(service, manager)


@pytest.mark.parametrize(
    ("said", "why", "times"),
    [
        (
            google_error(403, "Places API (New) has not been used", "PERMISSION_DENIED"),
            "answered 403 Forbidden",
            1,
        ),
        (google_error(400, "Unsupported types: pizza.", "INVALID_ARGUMENT"), "Unsupported types: pizza.", 1),
        (Say({"places": {}}), "no places in it", 1),
        (Say("<html>"), "does not answer as Google Places does", 1),
        (Say({}, 503, {"Retry-After": "0"}), "(try 5 of 5)", 5),
        (Say("", 520, {"Retry-After": "0"}), "answered 520 (try 5 of 5)", 5),
    ],
)
def test_refusals_of_google(service: Service, stub: StubServer, said: Say, why: str, times: int) -> None:
    stub.says(said)
    manager = search(service, stub, "google")
    assert manager["status"] == "failed"
    assert why in manager["steps"][0]["reason"]
    assert len(stub.asked) == times
    assert "Traceback" not in lines(service, manager)


def test_google_needs_a_key(service: Service, stub: StubServer) -> None:
    manager = search(service, stub, "google", api_key="")
    assert 'provider "google" needs api_key' in manager["steps"][0]["reason"]


def test_the_rectangle_of_a_text_search_holds_the_circle() -> None:
    body = google_places.text_body(Search(60.0, 179.99, 10_000), "x")["locationRestriction"]["rectangle"]
    assert body["low"]["latitude"] == pytest.approx(60 - 0.0899, abs=0.001)
    assert body["low"]["longitude"] == pytest.approx(179.99 - 0.1799, abs=0.001)
    assert body["high"]["longitude"] == pytest.approx(-180 + 0.1699, abs=0.001), "beyond the date line"


def test_a_key_without_effect_is_told(service: Service, stub: StubServer) -> None:
    place = {"location_latitude": 43.6, "location_longitude": 14.6}
    manager = search(service, stub, "sample", contact="a@b.example", max_results=1, **place)
    assert manager["status"] == "completed"
    assert 'contact has no effect: provider is "sample"' in lines(service, manager)
