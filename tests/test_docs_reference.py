"""Is the reference complete, and does it name nothing else? Compared with the code, both ways."""

import ast
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest
from starlette.routing import Mount, Route

import jobs
from app import Settings, static_folder
from jobs.job import Handle, Job
from jobs.job_log import JobLog
from jobs.row import EVENTS
from jobs.status import STATUSES
from jobs.web.routes import routes
from jobs.web.stream import BATCH
from tests.pages import DOCS, README, names, prose, reference, rows, section, text
from tests.service_process import ROOT, Service

WEB = sorted((ROOT / "jobs" / "web").glob("*.py"))
VARIABLES = {f"STEPSTREAM_{each.name.upper()}" for each in fields(Settings) if each.name != "environ"}


def calls(*called: str) -> Iterator[ast.Call]:
    """The calls of some functions in ``jobs/web``."""
    for path in WEB:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in called:
                yield node


def literals(nodes: Iterator[ast.Call] | list[ast.expr]) -> Iterator[object]:
    for node in nodes:
        value = node.args[0] if isinstance(node, ast.Call) and node.args else node
        if isinstance(value, ast.Constant):
            yield value.value


def served() -> set[str]:
    """Methods and paths, as the reference writes them."""
    found = set()
    for route in routes(static_folder()):
        if isinstance(route, Mount):
            found.add(f"GET {route.path}/FILE")
            continue
        assert isinstance(route, Route)
        handlers = {name.upper() for name in vars(route.endpoint) if name in ("get", "post", "delete", "put")}
        methods = handlers if inspect.isclass(route.endpoint) else (route.methods or set()) - {"HEAD"}
        path = re.sub(r"\{(\w+)\}", lambda match: match[1].upper(), route.path)
        found |= {f"{method} {path}" for method in methods}
    return found


def documented() -> list[str]:
    return re.findall(r"^### `([A-Z]+ /.*)`$", reference("http"), re.MULTILINE)


def test_every_route_is_documented_and_the_other_way_round() -> None:
    assert sorted(documented()) == sorted(served())
    listed = re.findall(r"^\| \[`([A-Z]+ /.*?)`\]", reference("http"), re.MULTILINE)
    assert listed == documented()


def parameters(route: str, head: str) -> list[str]:
    """What a route's section lists in a table of this head."""
    part = section(reference("http"), f"`{route}`")
    start = part.find(f"| {head}")
    return names(part[start:].partition("\n\n")[0]) if start >= 0 else []


@pytest.mark.parametrize("route", documented())
def test_the_parameters_of_a_route_are_those_that_it_knows(route: str, shared_service: Service) -> None:
    method, path = route.split(" ")
    known = set(literals([arg for call in calls("Query") for arg in call.args[1:]]))
    known |= {
        "q",
        "follow",
        "format",
        "color",
        "before",
        "tail",
        "line",
        "job",
    }  # of the log: a tuple of names
    known |= {"events", "batch"}  # of streams: another
    path = path.replace("NAME", "load-test").replace("FILE", "main.js")
    if "/managers/ID" in path:
        path = path.replace("ID", "nosuch")
    taken = set()
    for name in known:
        with shared_service.client.stream(method, path, params={str(name): "1"}) as answer:
            refused = answer.status_code == 400 and "unknown query parameter" in answer.read().decode()
        if not refused:
            taken.add(name)
    if path.startswith("/static/"):
        taken = set()  # a file has none, and takes any
    assert set(parameters(route, "parameter")) == taken


def test_the_keys_of_bodies_are_those_that_the_routes_know() -> None:
    known = set()
    for call in calls("json_body"):
        assert isinstance(call.args[1], ast.Dict)
        known |= set(literals([key for key in call.args[1].keys if key]))
    assert {key for route in documented() for key in parameters(route, "key of the body")} == known


def test_every_error_status_is_documented() -> None:
    raised = {status for status in literals(calls("Refusal", "problem", "HTTPException")) if status != 200}
    raised |= {404, 405}  # unknown paths and methods, which Starlette refuses
    table = names(section(reference("http"), "Errors"))
    assert {int(str(status)) for status in raised} | {503} == {int(name) for name in table}


def test_every_event_is_documented() -> None:
    made = set(literals(calls("event"))) | set(EVENTS) | {BATCH}
    assert set(names(section(reference("stream"), "Events"))) == made


def test_rows_and_other_events_are_told_apart() -> None:
    marked = {cells[0].strip("`"): cells[1] for cells in rows(section(reference("stream"), "Events"))}
    assert {name for name, is_row in marked.items() if is_row == "yes"} == set(EVENTS)


def test_every_variable_is_in_the_reference_and_in_the_readme() -> None:
    for page in (reference("settings"), text(README)):
        listed = {name for name in names(page) if name.startswith("STEPSTREAM_")}
        assert listed == VARIABLES
    code = [ROOT / "app.py", *(ROOT / "jobs").rglob("*.py")]
    used = {found for path in code for found in re.findall(r"STEPSTREAM_[A-Z_]+[A-Z]", path.read_text())}
    assert used
    for variable in used | VARIABLES:
        assert f"`{variable}`" in reference("settings")
        assert f"`{variable}`" in text(README)


@pytest.mark.parametrize("page", [DOCS / "reference" / "settings.md", README], ids=["settings", "readme"])
def test_the_defaults_of_settings_are_those_of_the_code(page: Path) -> None:
    defaults = {f"STEPSTREAM_{each.name.upper()}": each.default for each in fields(Settings)}
    for cells in rows(text(page)):
        name, default = cells[0].strip("`"), cells[-2].strip("`")
        if name in VARIABLES:
            assert default == (str(defaults[name]) if defaults[name] not in (None, ()) else "none")


def test_every_flag_is_documented() -> None:
    command = [sys.executable, str(ROOT / "app.py"), "--help"]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout
    flags = set(re.findall(r"--[a-z-]+", shown)) - {"--help"}
    assert {flag.strip("`") for cells in rows(reference("settings")) for flag in cells[1:2]} & flags == flags
    assert set(re.findall(r"`(--[a-z-]+)`", reference("settings"))) == flags


def public(kind: type) -> set[str]:
    own = set(vars(kind)) | set(getattr(kind, "__annotations__", {}))
    return {name for name in own if not name.startswith("_")}


# What the runner asks of a job, not its function.
INTERNAL = {"write", "check"}


@pytest.mark.parametrize(
    ("title", "kind", "more"),
    [("`Job`", Job, {"log", "name"}), ("`JobLog`", JobLog, set()), ("`Handle`", Handle, {"await handle"})],
)
def test_every_member_of_a_class_is_documented(title: str, kind: type, more: set[str]) -> None:
    listed = [name.partition("(")[0] for name in names(section(reference("python"), title))]
    assert sorted(listed) == sorted((public(kind) - INTERNAL) | more)


@pytest.mark.parametrize("kind", [Job, JobLog])
def test_the_parameters_of_methods_are_documented(kind: type) -> None:
    for cells in rows(reference("python")):
        name, _, listed = cells[0].strip("`").partition("(")
        method = vars(kind).get(name)
        if inspect.isfunction(method):
            shown = re.sub(r"=[^,)]+", "", listed.rstrip(")").replace("*", "")).split(", ")
            assert shown == list(inspect.signature(method).parameters)[1:], name


def test_what_can_be_imported_is_documented() -> None:
    titles = set(re.findall(r"^## `(\w+)`$", reference("python"), re.MULTILINE))
    assert set(jobs.__all__) <= titles


def test_every_status_is_in_the_glossary() -> None:
    assert tuple(names(section(reference("glossary"), "Statuses"))) == STATUSES


def test_the_pages_speak_of_no_machine_but_the_readers() -> None:
    for page in [README, *DOCS.rglob("*.md")]:
        assert not re.search(r"/(work|tmp|root|home)/", prose(page)), page


def test_the_readme_is_short() -> None:
    assert len(text(README).splitlines()) < 200
