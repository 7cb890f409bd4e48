"""Promise: a word is found whatever colours it, by the search and the filter of a log, in any database."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlite_utils import Database

from jobs.store import schema
from jobs.store.search import Words, search
from jobs.store.words import index_text, parts
from tests.service_process import Service

MESSAGES = (
    "\x1b[31mFAILED\x1b[0m the build",
    "\x1b[1;38;5;196mgefährlich\x1b[m, sehr",
    "31mFAILED without colour",
)
WORKERS = f"""
    from jobs import Job, worker

    @worker("shout")
    async def shout(step: Job) -> None:
        for message in {MESSAGES!r}:
            step.log.info(message)
"""
FOUND = {
    "failed": [1],
    "failed build": [1],
    "gefahrlich": [2],
    "sehr": [2],
    "31mfailed": [3],
    "38": [],
    "0m": [],
}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("coloured"))
    service.add_workers("shout", WORKERS)
    service.define("shout", '[step.a]\ntype = "shout"\n')
    service.start()
    service.run_to_end("shout")
    yield service
    assert service.stop() == 0


@pytest.mark.parametrize("query", FOUND)
def test_words_are_found_beneath_their_colours(service: Service, query: str) -> None:
    hits = service.get("/search", q=query)["items"]
    assert [hit["line_number"] for hit in hits] == FOUND[query]
    assert [hit["snippet"] for hit in hits] == [MESSAGES[number - 1] for number in FOUND[query]]
    lines = service.get("/managers/latest/log", q=query, format="json")["items"]
    assert [line["line_number"] for line in lines] == FOUND[query]


def test_a_database_of_before_gets_its_words(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "old.db")) as db:
        schema.migrations.apply(Database(db), stop_before="index_what_is_coloured")
        for number, message in enumerate(MESSAGES, start=1):
            data = json.dumps({"message": message})
            row = (number, "m", number, "job_log", "", number, data)
            db.execute(
                "INSERT INTO log (id, manager_id, seq, event, created_at, line_number, data)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                row,
            )
            db.execute("INSERT INTO log_words (rowid, message) VALUES (?, ?)", (number, parts(message)))
        schema.migrations.apply(Database(db))
        db.row_factory = sqlite3.Row
        for query, numbers in FOUND.items():
            assert [hit["seq"] for _, hit in search(db, Words(query), None, (), (), 0, 10)] == numbers
        assert index_text(MESSAGES[0]) != parts(MESSAGES[0])
