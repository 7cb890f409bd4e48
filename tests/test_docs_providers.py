"""Promise: the definitions on the pages about providers do what these show, with stand-ins for servers."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.console import matches, normal
from tests.pages import DOCS, blocks
from tests.service_process import Service
from tests.stub_server import Say, StubServer
from tests.test_language_models import chat, gemini
from tests.test_place_servers import elements, masked

HOW_TO = DOCS / "how-to"
KEYS = {"GOOGLE_MAPS_API_KEY": "key-of-nobody-1", "GEMINI_API_KEY": "key-of-nobody-2"}
HERE = {"lat": 47.8129, "lon": 13.0459}
CAFES = elements(
    {"type": "node", "id": 1, **HERE, "lat": 47.813, "tags": {"name": "Café Prellbock", "amenity": "cafe"}},
    {
        "type": "node",
        "id": 2,
        **HERE,
        "lat": 47.815,
        "tags": {"name": "Bakery at the Signal Box", "shop": "bakery"},
    },
)
PIZZA = masked(
    {"id": "ChIJ-invented-1", "location": {"latitude": 47.813, "longitude": 13.0459}},
    {"id": "ChIJ-invented-2", "location": {"latitude": 47.815, "longitude": 13.0459}},
)


def model_says(page: str, answer: Any) -> Say:
    """The answer that a page shows, with the tokens that it shows."""
    (shown,) = blocks(HOW_TO / page, "json")
    (found,) = json.loads(shown.text).values()
    said: Say = answer(found)
    return said


def with_tokens(said: Say, tokens_in: int, tokens_out: int) -> Say:
    body = said.body
    if "usage" in body:
        body["usage"] = {"prompt_tokens": tokens_in, "completion_tokens": tokens_out}
    else:
        body["usageMetadata"] = {"promptTokenCount": tokens_in, "candidatesTokenCount": tokens_out}
    return said


PAGES: dict[str, tuple[Any, str, str]] = {  # what the server says, and how the page's definition finds it
    "search-openstreetmap.md": (CAFES, 'provider = "overpass"', 'endpoint = "URL"'),
    "search-google.md": (PIZZA, 'provider = "google"', 'endpoint = "URL"'),
    "ask-a-model.md": (
        with_tokens(model_says("ask-a-model.md", chat), 412, 31),
        "",
        "http://localhost:11434/v1",
    ),
    "ask-gemini.md": (
        with_tokens(model_says("ask-gemini.md", gemini), 380, 44),
        'provider = "gemini"',
        'base_url = "URL"',
    ),
}
ORIGINALS = {"ask-gemini.md": "https://generativelanguage.googleapis.com/v1beta"}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("providers"), KEYS).start()
    yield service
    service.kill()


@pytest.mark.parametrize("page", PAGES)
def test_a_provider_does_what_its_page_shows(page: str, service: Service, stub: StubServer) -> None:
    said, after, line = PAGES[page]
    stub.says(said)
    (block,) = (each for each in blocks(HOW_TO / page, "toml") if each.title)
    here = line.replace("URL", stub.url)
    toml = block.text.replace(after, f"{after}\n{here}") if after else block.text.replace(line, stub.url)
    toml = re.sub(r"requests_per_minute = .*", "", toml)
    name = Path(block.title).stem
    service.define(name, toml)
    manager = service.run_to_end(name)
    (shown,) = blocks(HOW_TO / page, "text")
    step = shown.text.split()[2]
    log = service.client.get(f"/managers/{manager['id']}/log", params={"step": step, "level": "info"}).text
    log = log.replace(stub.url, ORIGINALS.get(page, line))
    assert manager["status"] == "completed", log
    assert matches(normal(shown.text, []), normal("".join(log.splitlines(True)[:-1]), [])), log
    kept = [json.loads(each.text) for each in blocks(HOW_TO / page, "json")]
    for document in service.get("/documents", manager_id=manager["id"])["items"]:
        for metadata in kept:
            assert document["metadata"].items() >= metadata.items()
