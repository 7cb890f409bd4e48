"""Promise: the shipped job finds real restaurants, runs one worker job for each, and keeps their keywords."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from tests.service_process import ROOT, Service

SALZBURG = ROOT.parent / "shared" / "places-salzburg.geojson"
CENTRE = (47.8003, 13.0446)
RADIUS = 2000
# The test's own: function words, and what the documents' prose says of every place.
STOP_WORDS = set(
    "a an and are as at be by for from has have in is it its of on or that the there they this to was were "
    "with you your guests serves serving address rated restaurant".split()
)


def metres(one: tuple[float, float], other: tuple[float, float]) -> float:
    """By the spherical law of cosines: another formula than the service's."""
    (a, b), (c, d) = ([math.radians(value) for value in point] for point in (one, other))
    cosine = math.sin(a) * math.sin(c) + math.cos(a) * math.cos(c) * math.cos(b - d)
    return 6_371_008.8 * math.acos(min(1.0, cosine))


def expected_ids() -> set[str]:
    features = json.loads(SALZBURG.read_text())["features"]
    return {
        feature["id"]
        for feature in features
        if feature["properties"].get("amenity") == "restaurant"
        and metres(CENTRE, tuple(reversed(feature["geometry"]["coordinates"]))) <= RADIUS
    }


def documents(service: Service, manager_id: str) -> list[dict[str, Any]]:
    items = service.get("/documents", manager_id=manager_id, limit=1000)["items"]
    return [service.get(f"/documents/{item['id']}") for item in items]


def check_keywords(found: list[dict[str, Any]]) -> None:
    for document in found:
        keywords = document["metadata"]["keyword_extractor"]["keywords"]
        assert len(keywords) <= 10
        confidences = [keyword["confidence"] for keyword in keywords]
        assert confidences == sorted(confidences, reverse=True)
        assert all(0 < confidence <= 1 for confidence in confidences)
        for keyword in keywords:
            words = keyword["keyword"].lower().split()
            assert not set(words) & STOP_WORDS, keyword
            assert all(word in document["text"].lower() for word in words), keyword


@pytest.mark.skipif(not SALZBURG.exists(), reason=f"{SALZBURG.name} is not here")
def test_real_places(service: Service) -> None:
    manager = service.run_to_end(
        "nearby-restaurants",
        provider="file",
        path=str(SALZBURG),
        latitude=CENTRE[0],
        longitude=CENTRE[1],
        radius=RADIUS,
    )
    assert manager["status"] == "completed"
    found = documents(service, manager["id"])
    assert {document["source_id"] for document in found} == expected_ids()
    assert len(found) == 73
    search, extract = manager["steps"]
    assert (search["status"], search["total_jobs"]) == ("completed", 0)
    assert (extract["status"], extract["completed_jobs"]) == ("completed", 73)
    jobs = service.get(f"/managers/{manager['id']}/jobs", step="extract_keywords")["items"]
    assert {job["arguments"]["document_id"] for job in jobs} == {document["id"] for document in found}
    check_keywords(found)
    assert sum(bool(document["metadata"]["keyword_extractor"]["keywords"]) for document in found) > 65
    for document in found:
        assert document["source_type"] == "places"
        assert "OpenStreetMap" in document["metadata"]["attribution"]
        assert "**" not in document["text"]
        assert "\n" not in document["text"].strip()


def test_invented_places_are_the_default_and_are_labelled(service: Service) -> None:
    manager = service.run_to_end("nearby-restaurants")
    assert manager["status"] == "completed"
    assert manager["params"]["provider"] == "sample"
    found = documents(service, manager["id"])
    assert len(found) > 30
    assert {document["metadata"]["attribution"] for document in found} == {"Invented sample data"}
    assert sum("rating" in document["metadata"] for document in found) > 25
    check_keywords(found)
    assert "Invented sample data" in service.client.get(f"/managers/{manager['id']}/log").text


def test_running_it_again_updates_the_documents(service: Service) -> None:
    first = service.run_to_end("nearby-restaurants")
    second = service.run_to_end("nearby-restaurants", radius="500")
    everything = service.get("/documents", limit=1000)["items"]
    assert len(everything) == len(documents(service, first["id"]))
    assert 0 < len(documents(service, second["id"])) < len(everything)


@pytest.mark.skipif(not SALZBURG.exists(), reason=f"{SALZBURG.name} is not here")
def test_unrated_places_stay_and_that_is_said_once(service: Service) -> None:
    service.define(
        "rated",
        f"""
        [params]
        provider = "file"
        path = "{SALZBURG}"
        latitude = {CENTRE[0]}
        longitude = {CENTRE[1]}
        [step.find]
        type = "places_search"
        provider = "{{params.provider}}"
        path = "{{params.path}}"
        location_latitude = "{{params.latitude}}"
        location_longitude = "{{params.longitude}}"
        location_radius = {RADIUS}
        filter_type = "restaurant"
        filter_min_rating = 4.5
        """,
    )
    manager = service.run_to_end("rated")
    assert len(documents(service, manager["id"])) == 73
    text = service.client.get(f"/managers/{manager['id']}/log").text
    assert text.count("no ratings") == 1
    rated = service.run_to_end("rated", provider="sample", path="", latitude=43.6, longitude=14.6)
    ratings = [document["metadata"].get("rating") for document in documents(service, rated["id"])]
    assert min(rating for rating in ratings if rating is not None) >= 4.5
    assert None in ratings
    assert "no ratings" not in service.client.get(f"/managers/{rated['id']}/log").text


@pytest.mark.parametrize(
    ("maximum", "clamped"), [(3, 5), (40, 15)], ids=["below the least", "above the most"]
)
def test_a_clamp_is_logged(service: Service, maximum: int, clamped: int) -> None:
    toml = (ROOT / "jobs/definitions/nearby-restaurants.toml").read_text()
    service.define("clamped", toml.replace("max_keywords = 10", f"max_keywords = {maximum}", 1))
    service.define("clamped", service_id(service.definitions / "clamped.toml"))
    manager = service.run_to_end("clamped")
    found = documents(service, manager["id"])
    longest = max(len(document["metadata"]["keyword_extractor"]["keywords"]) for document in found)
    assert longest == clamped or (clamped == 15 and 10 < longest <= 15)
    assert (
        f"{maximum}"
        in service.client.get(f"/managers/{manager['id']}/log", params={"q": "max_keywords"}).text
    )


def service_id(path: Path) -> str:
    """The definition in a file, under the id of its file name."""
    return path.read_text().replace('id = "nearby-restaurants"', f'id = "{path.stem}"', 1)


def test_no_documents_and_no_text_are_told(service: Service) -> None:
    service.define("none", '[step.find]\ntype = "agent"\nagent_type = "keyword_extractor"\n')
    manager = service.run_to_end("none")
    assert manager["status"] == "completed"
    rows = service.rows(manager["id"], events="job_log", step="find")
    assert [row["level"] for row in rows] == ["warning"]
