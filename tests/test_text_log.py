"""How does the log read without a browser? As text byte for byte, NDJSON and JSON, at once and followed."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.service_process import Service
from tests.wire import ask

LEVELS = ("debug", "info", "warning", "error")
INDENT = "\n" + " " * 19
# Each message, what is shown of it, and what with colours if that is something else.
CRAFTED: list[tuple[str, str, str | None]] = [
    ("plain", "plain", None),
    ("", "", None),
    ("  spaces stay  ", "  spaces stay  ", None),
    ("a\tb", "a\tb", None),
    ("one\ntwo\n\nfour", f"one{INDENT}two{INDENT}{INDENT}four", None),
    ("one\r\ntwo\rthree", f"one{INDENT}two{INDENT}three", None),
    ("ends\n", f"ends{INDENT}", None),
    ("50%\r", "50%\\x0d", None),
    ("bell \x07, escape \x1b, nul \x00", "bell \\x07, escape \\x1b, nul \\x00", None),
    ("\x1b]0;title\x07\x1b[2J\x1b[1;1H", "\\x1b]0;title\\x07\\x1b[2J\\x1b[1;1H", None),
    ("\x9b31mred\x85", "\\x9b31mred\\x85", None),
    ("\x7f\x80\x9f\xa0", "\\x7f\\x80\\x9f\xa0", None),
    ("up\x0bdown\x0c", "up\\x0bdown\\x0c", None),
    ("line\u2028and\u2029paragraph", "line\\u2028and\\u2029paragraph", None),
    ("half \ud800 and \udcff", "half \\ud800 and \\udcff", None),
    ("Crème brûlée 🍕 한국어", "Crème brûlée 🍕 한국어", None),
    ("a backslash \\x1b stays", "a backslash \\x1b stays", None),
    (
        "\x1b[1;31mred\x1b[0m \x1b[2K",
        "\\x1b[1;31mred\\x1b[0m \\x1b[2K",
        "\x1b[1;31mred\x1b[0m \\x1b[2K\x1b[0m",
    ),
    ("\x1b[mreset \x1b[38;5;1", "\\x1b[mreset \\x1b[38;5;1", "\x1b[mreset \\x1b[38;5;1\x1b[0m"),
    ("x" * 20_000, "x" * 16_384 + " … [cut: 20000 bytes]", None),
    ("== completed in 1.0s: 9 of 9 lines", "== completed in 1.0s: 9 of 9 lines", None),
]
WORKERS = f"""
import anyio
from pathlib import Path
from jobs import Job, worker

CRAFTED = {[message for message, _, _ in CRAFTED]!a}
LEVELS = {LEVELS}

@worker("crafted")
async def crafted(step: Job) -> None:
    for message in CRAFTED:
        step.log.info(message)
    step.log.debug("fine")
    step.log.warning("careful\\nnow")
    step.log.error("bad")

@worker("many")
async def many(step: Job, workers: int, lines: int) -> None:
    step.log.info("spawning")
    for number in range(workers):
        step.spawn(write, number, lines)

async def write(job: Job, number: int, lines: int) -> None:
    for line in range(lines):
        getattr(job.log, LEVELS[(line * 7 + number) % 4])(f"worker {{number}} line {{line}} mod {{line % 5}}")

@worker("wait")
async def wait(step: Job, path: str) -> None:
    step.log.info("waiting")
    while not Path(path).exists():
        await anyio.sleep(0.01)
    step.log.info("released")
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with worker functions of its own."""
    service = Service(tmp_path_factory.mktemp("service"))
    define(service)
    yield service.start()
    service.kill()


def define(service: Service) -> None:
    """Give a service that is not started yet what the tests run."""
    service.add_workers("log", WORKERS)
    service.define("crafted", '[step.say]\ntype = "crafted"\n')
    step = 'type = "many"\nconcurrency = 1\nworkers = 3\nlines = 120\n'
    service.define("many", f'[step.first]\n{step}[step.second]\n{step}depends = "first"\n')
    waiting = 'type = "wait"\npath = "{params.path}"\n'
    service.define("wait", f'max_running = 9\n[params]\npath = ""\n[step.wait]\n{waiting}')


class Rows(list[dict[str, Any]]):
    """Rows that do not fill the screen when a test fails."""

    def __repr__(self) -> str:
        return f"<{len(self)} rows>"


@pytest.fixture(scope="module")
def crafted(served: Service) -> str:
    """The id of a run whose lines are ``CRAFTED`` and one of each other level."""
    identity: str = served.run_to_end("crafted")["id"]
    return identity


@pytest.fixture(scope="module")
def many(served: Service) -> "Rows":
    """All rows of a run of two steps, six worker jobs and 723 lines: several pages of the store."""
    return Rows(served.rows(served.run_to_end("many")["id"]))


def log(service: Service, manager_id: str, **query: Any) -> str:
    """The text log."""
    found = ask(service, "GET", f"/managers/{manager_id}/log?{urlencode(query)}")
    assert found.status == 200, found.body
    return found.body.decode()


def clock(row: dict[str, Any]) -> str:
    return re.fullmatch(r"\d{4}-\d\d-\d\dT(\d\d:\d\d:\d\d\.\d{3})\d{3}Z", row["created_at"])[1]  # type: ignore[index]


# -- text


@pytest.mark.parametrize("color", [False, True])
def test_the_text_of_a_log_byte_for_byte(served: Service, crafted: str, *, color: bool) -> None:
    expected = []
    shown = iter(CRAFTED)
    for row in served.rows(crafted):
        paint, text = "", ""
        who = row.get("step_name", "manager")
        if row["event"] == "job_log":
            text = row["message"]
            if row["level"] == "info" and who == "say":
                _, plain, coloured = next(shown)
                text = coloured if color and coloured is not None else plain
            text = text.replace("careful\nnow", f"careful{INDENT}now")
            label = {"debug": "DEBUG", "info": "INFO ", "warning": "WARN ", "error": "ERROR"}[row["level"]]
            paint = {"debug": "\x1b[2m", "warning": "\x1b[33m", "error": "\x1b[31m"}.get(row["level"], "")
        elif row["event"] == "job_status" and row["previous"]:
            label, paint = "STATE", "\x1b[36m"
            text = row["status"] + (f" after {row['duration']:.1f}s" if "duration" in row else "")
        else:
            continue
        line = f"{clock(row)} {label} {who} › {text}"
        expected.append(f"{paint}{line}\x1b[0m\n" if paint and color else f"{line}\n")
    assert next(shown, None) is None
    manager = served.get(f"/managers/{crafted}")
    total = len(CRAFTED) + 4
    expected.append(f"== completed in {manager['duration']:.1f}s: 1 step, 0 jobs, {total} of {total} lines\n")

    found = ask(served, "GET", f"/managers/{crafted}/log{'?color=true' if color else ''}")
    assert found.headers["content-type"] == "text/plain; charset=utf-8"
    assert found.body.decode().splitlines(keepends=True) == "".join(expected).splitlines(keepends=True)
    assert found.body == "".join(expected).encode()


def test_nothing_that_steers_a_terminal_is_sent(served: Service, crafted: str) -> None:
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]", log(served, crafted))
    coloured = log(served, crafted, color="true")
    assert not re.search(
        r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]", re.sub(r"\x1b\[[0-9;]*m", "", coloured)
    )
    for line in re.split(r"\n(?=\x1b\[\d+m|\d\d:\d\d:)", coloured):
        assert "\x1b" not in line or line.rstrip("\n").split("\n==")[0].endswith("\x1b[0m")


def test_states_of_steps_and_manager_are_lines_and_those_of_worker_jobs_are_not(
    served: Service, many: Rows
) -> None:
    states = [
        line.split(" STATE ")[1]
        for line in log(served, many[0]["manager_id"]).splitlines()
        if " STATE " in line
    ]
    assert [re.sub(r"[\d.]+s", "Ns", state) for state in states] == [
        "manager › running",
        "first › running",
        "first › completed after Ns",
        "second › running",
        "second › completed after Ns",
        "manager › completed after Ns",
    ]


def test_why_is_shown_with_a_state(served: Service) -> None:
    identity = served.run("wait", path=str(served.folder / "never"))
    served.post(f"/managers/{identity}/cancel", {"reason": "two\nlines \x1b[31m"})
    served.finish(identity)
    text = log(served, identity)
    assert f": cancelled by a user: two{INDENT}lines \\x1b[31m\n" in text
    assert re.search(r"\n== cancelled in [\d.]+s: 1 step, 0 jobs, (\d+) of \1 lines\n$", text)


# -- what is chosen


def chosen(rows: list[dict[str, Any]], query: dict[str, Any]) -> list[dict[str, Any]]:
    """The lines that a query means: a plain way to say it, without pages."""
    least = LEVELS.index(query.get("level", "debug"))
    lines = [
        row
        for row in rows
        if row["event"] == "job_log"
        and query.get("after", 0) < row["seq"] < query.get("before", 10**9)
        and ("step" not in query or row.get("step_name") in query["step"].replace(" ", "").split(","))
        and ("job" not in query or row.get("job_id") in query["job"].split(","))
        and LEVELS.index(row["level"]) >= least
        and set(query.get("q", "").lower().split()) <= set(row["message"].lower().split())
    ]
    if "tail" in query and "after" not in query:
        lines = lines[len(lines) - query["tail"] :] if query["tail"] <= len(lines) else lines
    return lines


@st.composite
def queries(draw: st.DrawFn) -> dict[str, Any]:
    """Any combination of what chooses lines; jobs stand for the first, second … worker job."""
    choices = {
        "after": st.integers(0, 1100),
        "before": st.integers(0, 1100),
        "tail": st.integers(0, 800),
        "step": st.sampled_from(["first", "second", "first,second", "nosuch", "nosuch, second"]),
        "job": st.sampled_from(["0", "4", "0,5"]),
        "level": st.sampled_from(LEVELS),
        "q": st.sampled_from(
            ["line", "mod 3", "WORKER 1", "worker 2 mod 4", "spawning", "7", "nosuch", "started"]
        ),
    }
    names = draw(st.lists(st.sampled_from([*choices]), max_size=4, unique=True))
    return {name: draw(choices[name]) for name in names}


@example({"tail": 3, "q": "mod 3"}, 900)
@example({"tail": 100, "q": "mod 3"}, 900)
@example({"tail": 100, "q": "worker 1", "before": 700}, 99)
@example({"tail": 800, "q": "mod 4", "level": "error"}, 5)
@example({"step": "second", "before": 500, "level": "debug"}, 1)
@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(queries(), st.integers(1, 900))
def test_every_form_gives_the_lines_that_a_query_means(
    served: Service, many: Rows, query: dict[str, Any], limit: int
) -> None:
    ids = list(dict.fromkeys(row["job_id"] for row in many if "job_id" in row))
    if "job" in query:
        query["job"] = ",".join(ids[int(number)] for number in query["job"].split(","))
    expected = chosen(many, query)
    path = f"/managers/{many[0]['manager_id']}/log?{urlencode(query)}&"

    lines = ask(served, "GET", f"{path}format=ndjson").body.splitlines()
    assert [json.loads(line) for line in lines] == expected

    found = ask(served, "GET", f"{path}format=json&limit={limit}").json
    assert found["items"] == expected[:limit]
    assert (found["next"] is None) == (len(expected) <= limit)
    if found["next"]:
        assert ask(served, "GET", found["next"]).json["items"] == expected[limit : 2 * limit]

    *entries, last = ask(served, "GET", f"{path}format=text&limit={limit}").body.decode().splitlines()
    labels = {"warning": "WARN"}
    assert [line for line in entries if " STATE " not in line] == [
        f"{clock(row)} {labels.get(row['level'], row['level'].upper()):5} "
        f"{row.get('step_name', 'manager')} › {row['message']}"
        for row in expected[:limit]
    ]
    if len(expected) > limit:
        assert re.fullmatch(r"== cut at (\d+): go on with \?after=\1", last)
        assert expected[limit - 1]["seq"] <= int(last.split("=")[-1]) < expected[limit]["seq"]
    else:
        assert last.endswith(f": 2 steps, 6 jobs, {len(expected)} of 723 lines")


@pytest.mark.parametrize("limit", [1, 7, 120, 361, 722])
def test_going_on_where_it_was_cut_gives_exactly_the_rest(served: Service, many: Rows, limit: int) -> None:
    identity = many[0]["manager_id"]
    whole = log(served, identity).splitlines()[:-1]
    pieces: list[str] = []
    after = 0
    for _ in range(5 if limit < 100 else 10):
        *entries, last = log(served, identity, limit=limit, after=after).splitlines()
        pieces += entries
        if not last.startswith("== cut at "):
            break
        assert sum(" STATE " not in line for line in entries) == limit
        after = int(last.removeprefix("== cut at ").partition(":")[0])
    assert pieces == whole[: len(pieces)]
    assert len(pieces) == len(whole) or limit < 100


@pytest.mark.parametrize(
    ("query", "states"),
    [
        ({"step": "second"}, ["second › running", "second › completed"]),
        ({"level": "debug"}, []),
        ({"q": "line"}, []),
        ({"tail": 0}, []),
        ({"tail": 1}, ["second › completed", "manager › completed"]),
        ({"before": 4}, []),
    ],
)
def test_which_states_are_among_the_lines(
    served: Service, many: Rows, query: dict[str, Any], states: list[str]
) -> None:
    text = log(served, many[0]["manager_id"], **query)
    assert re.findall(r" STATE (\S+ › [a-z]+)", text) == states


# -- forms


@pytest.mark.parametrize(
    ("accept", "query", "form"),
    [
        (None, "", "text"),
        ("*/*", "", "text"),
        ("text/plain", "", "text"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "", "text"),
        ("application/x-ndjson", "", "ndjson"),
        ("Application/X-NDJSON ; q=1", "", "ndjson"),
        ("application/json", "", "json"),
        ("application/json, text/plain, */*", "", "json"),
        ("text/plain, application/json", "", "text"),
        ("text/plain;q=0.5, application/json;q=0.9", "", "json"),
        ("application/json;q=0.1, application/x-ndjson;q=0.2, text/plain;q=0", "", "ndjson"),
        ("application/json;q=0", "", "text"),
        ("image/png", "", "text"),
        ("application/json", "?format=text", "text"),
        ("text/plain", "?format=json", "json"),
        (None, "?format=ndjson", "ndjson"),
    ],
)
def test_the_form_is_asked_for(
    served: Service, crafted: str, accept: str | None, query: str, form: str
) -> None:
    headers = {} if accept is None else {"Accept": accept}
    found = ask(served, "GET", f"/managers/{crafted}/log{query}", headers)
    media_types = {
        "text": "text/plain; charset=utf-8",
        "ndjson": "application/x-ndjson",
        "json": "application/json",
    }
    assert found.headers["content-type"] == media_types[form]
    rows = [row for row in served.rows(crafted) if row["event"] == "job_log"]
    if form == "json":
        assert found.json == {"items": rows, "next": None}
    elif form == "ndjson":
        assert [json.loads(line) for line in found.body.split(b"\n")[:-1]] == rows
        assert found.body.isascii()
    else:
        assert found.body.decode().count("\n== ") == 1


def test_a_truncated_message_says_so(served: Service, crafted: str) -> None:
    rows = ask(served, "GET", f"/managers/{crafted}/log?format=json&limit=1000").json["items"]
    (cut,) = (row for row in rows if "truncated" in row)
    assert cut["truncated"] == 20_000
    assert cut["message"] == "x" * 16_384


# -- following


@pytest.mark.parametrize("form", ["text", "ndjson"])
def test_following_gives_lines_before_the_end_and_ends_by_itself(served: Service, form: str) -> None:
    gate = served.folder / f"gate-{form}"
    identity = served.run("wait", path=str(gate))
    target = f"/managers/{identity}/log"
    with served.client.stream("GET", target, params={"follow": "true", "format": form}) as response:
        got = b""
        for chunk in response.iter_raw():
            got += chunk
            if b"waiting" in got and not gate.exists():
                assert served.get(f"/managers/{identity}")["status"] == "running"
                gate.touch()
    text = got.decode()
    assert text.count("waiting") == text.count("released") == 1
    assert text == ask(served, "GET", f"{target}?format={form}").body.decode()
    if form == "text":
        assert re.search(r"\n== completed in [\d.]+s: 1 step, 0 jobs, 3 of 3 lines\n$", text)


def test_following_with_filters_ends_too(served: Service, many: Rows) -> None:
    identity = many[0]["manager_id"]
    for query in ({}, {"tail": 3}, {"q": "mod 3", "level": "warning"}, {"step": "first"}, {"after": 10**9}):
        assert log(served, identity, follow="true", **query) == log(served, identity, **query)


def test_a_run_that_goes_on_says_so(served: Service) -> None:
    gate = served.folder / "gate-running"
    identity = served.run("wait", path=str(gate))
    first = log(served, identity, follow="true", limit=1)
    assert re.fullmatch(
        r".* › Started wait .*\n(.* STATE .*\n)*== cut at (\d+): go on with \?after=\2\n", first
    )
    after = int(first.rpartition("=")[2])
    second = log(served, identity, follow="true", limit=1, after=after)
    assert " › waiting\n" in second
    assert log(served, identity).endswith("\n== running: 1 step, 0 jobs, 2 of 2 lines\n")
    assert log(served, identity, q="nosuch") == "== running: 1 step, 0 jobs, 0 of 2 lines\n"
    gate.touch()
    assert " of 3 lines\n" in log(served, identity, follow="true", after=after)
    served.finish(identity)


def test_a_stop_of_the_service_says_where_to_go_on(make_service: Callable[..., Service]) -> None:
    service = make_service()
    define(service)
    service.start()
    identity = service.run("wait", path=str(service.folder / "never"))
    got = b""
    with service.client.stream("GET", f"/managers/{identity}/log", params={"follow": "true"}) as response:
        for chunk in response.iter_raw():
            if b"waiting" in got + chunk and b"waiting" not in got:
                service.process.terminate()
            got += chunk
    *entries, last = got.decode().splitlines()
    found = re.fullmatch(r"== cut at (\d+): go on with \?after=\1", last)
    assert found
    assert service.stop() == 0

    service.start()
    assert service.get(f"/managers/{identity}")["status"] == "interrupted"
    rest = log(service, identity, after=int(found[1])).splitlines()
    assert rest[-1].startswith("== interrupted")
    assert entries + rest[:-1] == log(service, identity).splitlines()[:-1]
