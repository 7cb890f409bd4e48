"""Promise: any line of a step is found by its number, filtered or not, also in a database of before."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils import Database

from jobs.store import lines, schema, search
from jobs.store.rows import RowFilter
from tests.instructions import instructions
from tests.service_process import Service

WORKERS = """
    from jobs import Job, worker

    @worker("talk")
    async def talk(step: Job, lines: int) -> None:
        for number in range(1, lines + 1):
            level = "error" if number % 100 == 0 else "warning" if number % 10 == 0 else "info"
            getattr(step.log, level)("line %d", number)
        await step.spawn(one)

    async def one(job: Job) -> None:
        job.log.debug("of a worker job")
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("lines"))
    service.add_workers("talk", WORKERS)
    service.define("two", "".join(f'[step.{name}]\ntype = "talk"\nlines = 999\n' for name in "ab"))
    service.start().run_to_end("two")
    yield service
    service.kill()


def asked(service: Service, **parameters: Any) -> list[tuple[str | None, int, str]]:
    response = service.client.get("/managers/latest/log", params={"format": "ndjson", **parameters})
    assert response.status_code == 200, response.text
    rows = map(json.loads, response.text.splitlines())
    return [(row.get("step_name"), row["line_number"], row["message"]) for row in rows]


@pytest.mark.parametrize("line", [1, 2, 255, 256, 257, 511, 512, 768, 999, 1000])
def test_a_line_is_found_by_its_number(service: Service, line: int) -> None:
    """Two steps write side by side; what follows is of the one that was named."""
    expected = [("b", n, f"line {n}" if n < 1000 else "of a worker job") for n in range(line, 1001)][:300]
    assert asked(service, step="b", line=line, limit=300) == expected


def test_the_first_and_every_256th_line_after_it_is_marked(service: Service) -> None:
    with closing(sqlite3.connect(f"file:{service.db}?mode=ro", uri=True)) as db:
        marks = db.execute("SELECT step_name, line_number, seq FROM line_marks").fetchall()
        before = db.execute("SELECT debug_lines, info_lines, warning_lines, error_lines FROM line_marks")
        assert before.fetchall() == [
            (0, 0, 0, 0),
            *2 * [(0, n - n // 10, n // 10 - n // 100, n // 100) for n in (0, 256, 512, 768)],
        ]
        lines = db.execute("SELECT coalesce(step_name, ''), line_number, seq FROM log WHERE level NOTNULL")
        assert set(marks) < set(lines)
    assert [(step, number) for step, number, _ in marks] == [
        ("", 1),
        *(("a", number) for number in (1, 257, 513, 769)),
        *(("b", number) for number in (1, 257, 513, 769)),
    ]


def test_numbers_go_with_the_other_parameters(service: Service) -> None:
    assert asked(service, step="a", line=1001) == []
    assert asked(service, step="a", line=101, level="error", limit=2) == [
        ("a", 200, "line 200"),
        ("a", 300, "line 300"),
    ]
    assert [number for _, number, _ in asked(service, step="a", line=300, q="line 301")] == [301]
    text = service.client.get("/managers/latest/log?step=a&line=998&level=debug").text
    assert [line[13:] for line in text.splitlines()[:2]] == ["INFO  a › line 998", "INFO  a › line 999"]
    own = asked(service, line=1)
    assert [(step, number) for step, number, _ in own] == [(None, n + 1) for n in range(len(own))] != []
    assert asked(service, line=2) == own[1:]


@pytest.mark.parametrize(
    ("query", "where"), [("line=0&step=a", "line"), ("line=1&step=a,b", "step"), ("linee=1", "linee")]
)
def test_wrong_numbers_are_refused(service: Service, query: str, where: str) -> None:
    response = service.client.get(f"/managers/latest/log?{query}")
    assert response.status_code == 400
    assert response.json()["errors"][0]["where"] == where


def test_pages_of_a_filtered_log_begin_where_they_are_said_to(service: Service) -> None:
    def pages(**parameters: Any) -> Any:
        return service.get("/managers/latest/log/pages", **parameters)

    last_seq = service.get("/managers/latest")["last_seq"]
    assert pages(step="a", level="warning") == {
        "total": 99,
        "pages": [{"line": 1, "before": 0}],
        "last_seq": last_seq,
    }
    infos = pages(step="a", level="info")
    assert infos["total"] == 999
    assert infos["pages"] == [{"line": n, "before": n - 1} for n in (1, 257, 513, 769)]
    job_id = service.get("/managers/latest/jobs", step="b")["items"][0]["job_id"]
    assert pages(step="b", job=job_id)["pages"] == [{"line": 1000, "before": 0}]
    assert pages(step="nobody") == {"total": 0, "pages": [], "last_seq": last_seq}
    assert pages()["total"] == len(asked(service, line=1))
    assert service.client.get("/managers/latest/log/pages?step=a,b").status_code == 400


def test_the_late_line_of_one_worker_job_is_found_by_its_level(service: Service) -> None:
    """Of the level are many lines before it, of the worker job none."""
    job_id = service.get("/managers/latest/jobs", step="b")["items"][0]["job_id"]
    late = ("b", 1000, "of a worker job")
    assert asked(service, step="b", job=job_id, level="debug") == [late]
    assert asked(service, step="b", job=job_id, level="debug", line=1000) == [late]


def test_lines_are_counted_by_level_for_each_step(service: Service) -> None:
    for step in service.get("/managers/latest")["steps"]:
        assert step["log_counts"] == {"debug": 1, "info": 900, "warning": 90, "error": 9}
        assert step["lines"] == 1000


def test_a_search_in_one_step(service: Service) -> None:
    items = service.get("/search", q="line 77", step="b")["items"]
    assert [(hit["step_name"], hit["line_number"]) for hit in items] == [("b", 77)]


def test_a_database_of_before_gets_counts_and_marks(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "old.db") as db:
        schema.migrations.apply(Database(db), stop_before="add_line_marks")
        db.execute(
            "INSERT INTO managers (id, definition, status, last_seq) VALUES ('m', 'd', 'completed', 600)"
        )
        db.execute(
            "INSERT INTO steps (step_id, manager_id, name, status, lines)"
            " VALUES ('s', 'm', 'a', 'completed', 600)"
        )
        db.executemany(
            "INSERT INTO log (manager_id, seq, event, step_name, level, line_number, created_at, data)"
            " VALUES ('m', ?, 'job_log', 'a', ?, ?, '', '{\"message\":\"x\"}')",
            [(n, "error" if n % 3 == 0 else "info", n) for n in range(1, 601)],
        )
        schema.migrations.apply(Database(db))
        assert db.execute("SELECT debug_lines, info_lines, error_lines FROM steps").fetchone() == (
            0,
            400,
            200,
        )
        assert [lines.before_line(db, "m", "a", number, 600) for number in (1, 515)] == [0, 514]
        assert db.execute("SELECT info_lines, error_lines FROM line_marks").fetchall() == [
            (0, 0),
            (171, 85),
            (342, 170),
        ]
        assert db.execute("SELECT step_name, line_number, seq FROM line_marks").fetchall() == [
            ("a", 1, 1),
            ("a", 257, 257),
            ("a", 513, 513),
        ]
    db.close()


LEVELS = ("info", "warning", "error")
MOST = 500_000  # instructions of SQLite for an answer


def _level(number: int) -> str:
    return "error" if number % 1000 == 300 else "warning" if number % 100 == 0 else "info"


def _fill(db: sqlite3.Connection, count: int) -> None:
    """So many lines of step ``a``, few of them errors, and behind them as many of ``b``."""
    schema.migrations.apply(Database(db), stop_before="add_line_marks")
    db.execute(
        "INSERT INTO managers (id, definition, status, last_seq) VALUES ('m', 'd', 'completed', ?)",
        [2 * count],
    )
    db.executemany(
        "INSERT INTO steps (step_id, manager_id, name, status, lines) VALUES (?, 'm', ?, 'completed', ?)",
        [("id of a", "a", count), ("id of b", "b", count)],
    )
    db.executemany(
        "INSERT INTO log (manager_id, seq, event, step_name, level, line_number, created_at, data)"
        " VALUES ('m', ?, 'job_log', ?, ?, ?, '', '{\"message\":\"x\"}')",
        [(n, "a", _level(n), n) for n in range(1, count + 1)]
        + [(n + count, "b", "info", n) for n in range(1, count + 1)],
    )
    schema.migrations.apply(Database(db))


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("count", [10_000, 100_000])
def test_pages_by_level_hold_each_line_once_and_cost_little_however_long_the_log(
    level: str, count: int
) -> None:
    levels = LEVELS[LEVELS.index(level) :]
    wanted = RowFilter(steps=frozenset("a"), levels=frozenset(levels))
    expected = [number for number in range(1, count + 1) if _level(number) in levels]
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        _fill(db, count)
        with instructions(db) as run:
            told = lines.pages(db, "m", wanted)
        assert told["total"] == len(expected)
        most = run.count
        ends = [*(page["before"] for page in told["pages"][1:]), len(expected)]
        for page, end in zip(told["pages"], ends, strict=True):
            with instructions(db) as run:
                after = lines.before_line(db, "m", "a", page["line"], 2 * count)
                found = lines.chosen(db, "m", wanted, after, 2 * count)
            size = end - page["before"]
            assert 0 < size <= schema.MARK_EVERY
            assert [row.seq for row in found[:size]] == expected[page["before"] : end]
            most = max(most, run.count)
    assert most < MOST, most


def test_a_search_in_one_run_costs_little_beside_very_many_hits_in_another() -> None:
    rows = [
        (id_, manager_id, id_, "word")
        for manager_id, ids in (("old", range(1, 50_001)), ("new", range(50_001, 50_011)))
        for id_ in ids
    ]
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        db.row_factory = sqlite3.Row
        schema.migrations.apply(Database(db))
        db.executemany(
            "INSERT INTO log (id, manager_id, seq, event, created_at, data)"
            " VALUES (?, ?, ?, 'job_log', '', json_object('message', ?))",
            rows,
        )
        db.executemany(
            "INSERT INTO log_words (rowid, message) VALUES (?, ?)", [(row[0], row[3]) for row in rows]
        )
        with instructions(db) as run:
            for manager_id, hits in (("new", 10), ("old", 100), ("nobody", 0)):
                found = search.search(db, search.Words("word"), manager_id, (), (), 0, 100)
                assert [hit["manager_id"] for _, hit in found] == [manager_id] * hits
    assert run.count < MOST // 10, run.count


def test_a_search_for_what_is_in_no_index_reads_a_run_once() -> None:
    """However long it is: a page of it must not cost the whole run."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        db.row_factory = sqlite3.Row
        schema.migrations.apply(Database(db))
        db.executemany(
            "INSERT INTO log (manager_id, seq, event, created_at, data)"
            " VALUES ('m', ?, 'job_log', '', '{\"message\":\"word\"}')",
            [(n,) for n in range(1, 20_001)],
        )
        with instructions(db) as run:
            assert search.search(db, search.Words("++"), "m", (), (), 0, 100) == []
    assert run.count < 20_000 * 50, run.count


def test_a_line_that_a_step_does_not_have_is_not_looked_for() -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        _fill(db, 50_000)
        with instructions(db) as run:
            assert [lines.before_line(db, "m", step, 50_001, 100_000) for step in ("a", "nobody")] == 2 * [
                100_000
            ]
    assert run.count < MOST // 100, run.count


@pytest.mark.parametrize("step", ["", "a"])
def test_a_run_that_is_deleted_meanwhile_has_no_lines(step: str) -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        schema.migrations.apply(Database(db))
        assert lines.before_line(db, "gone", step, 1, 7) == 7
        assert lines.pages(db, "gone", RowFilter(steps=frozenset({step}))) == {
            "total": 0,
            "pages": [],
            "last_seq": 0,
        }
        assert sum(lines.rate(db, "gone")["lines"]) == 0
