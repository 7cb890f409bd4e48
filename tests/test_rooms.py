"""Do the rooms keep their doors? Imports point down only, and what belongs to one room is in no other."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter

import pytest

from tests.service_process import ROOT

FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in [ROOT / "app.py", *sorted((ROOT / "jobs").rglob("*.py"))]
}
MODULES = sorted(FILES)
WEB = ("starlette", "sse_starlette", "uvicorn")
SQL = re.compile(
    r"\b(SELECT\b.*\bFROM|INSERT (OR \w+ )?INTO|UPDATE \w+ SET|DELETE FROM|CREATE \w+|PRAGMA)\b",
    re.DOTALL,
)

# From the top; a floor may import those below it and, where modules are named together, each other.
FLOORS: list[tuple[str, ...]] = [
    ("app",),
    ("jobs.cli",),
    ("jobs.web",),
    ("jobs.settings",),
    ("jobs.engine",),
    ("jobs.scheduler",),
    ("jobs.runner",),
    ("jobs.prepare", "jobs.job_thread"),
    ("jobs.resume", "jobs.manager", "jobs.step"),
    ("jobs.worker_jobs", "jobs.step_eta"),
    ("jobs.cancelled",),
    ("jobs.workers",),
    (
        "jobs.capture",
        "jobs.call",
        "jobs.caller",
        "jobs.process",
        "jobs.ending",
        "jobs.job",
        "jobs.worker_types",
        "jobs.watchdog",
        "jobs.loop_call",
        "jobs",
    ),
    ("jobs.hub", "jobs.tail", "jobs.page", "jobs.recovery", "jobs.log", "jobs.creation"),
    ("jobs.state", "jobs.text"),
    ("jobs.store",),
    (),  # all others: they know of no database, no job and no run
]


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(FILES[module].read_text(encoding="utf-8"), str(FILES[module]))


@cache
def imported(module: str) -> set[str]:
    """Everything that a module imports, wherever in it, as full names."""
    found: set[str] = set()
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: imports here are absolute"
            found |= {f"{node.module}.{each.name}" for each in node.names}
    return found


@cache
def own(module: str) -> set[str]:
    """The project's modules that a module imports."""
    found = set()
    for name in imported(module):
        while name and name not in FILES:
            name = name.rpartition(".")[0]
        if name and name != module:
            found.add(name)
    return found


def floor(module: str) -> int:
    def is_in(room: str) -> bool:
        return module == room or (room != "jobs" and module.startswith(f"{room}."))

    return next((index for index, rooms in enumerate(FLOORS) if any(map(is_in, rooms))), len(FLOORS) - 1)


def is_outside(module: str, room: str) -> bool:
    return module != room and not module.startswith(f"{room}.")


def texts(module: str) -> Iterator[str]:
    """The strings of a module, but not its docstrings."""
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


def test_every_floor_exists() -> None:
    for rooms in FLOORS:
        for room in rooms:
            assert room in FILES


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_down(module: str) -> None:
    for name in own(module):
        assert floor(name) >= floor(module), f"{module} imports {name}, which is above it"


def test_there_are_no_cycles() -> None:
    # "jobs" itself only passes on what users import.
    graph = {module: own(module) - {"jobs"} for module in MODULES if module != "jobs"}
    assert len(list(TopologicalSorter(graph).static_order())) >= len(graph)


@pytest.mark.parametrize("module", [module for module in MODULES if is_outside(module, "jobs.web")])
def test_only_the_web_floor_knows_http(module: str) -> None:
    if module == "app":
        return
    assert not {name for name in imported(module) if name.partition(".")[0] in WEB}
    assert not {name for name in own(module) if not is_outside(name, "jobs.web")}


@pytest.mark.parametrize("module", [module for module in MODULES if is_outside(module, "jobs.store")])
def test_only_the_store_knows_sql(module: str) -> None:
    assert [text for text in texts(module) if SQL.search(text)] == []
    assert not {name for name in imported(module) if name.partition(".")[0] == "sqlite_utils"}
    uses = {
        node.attr
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "sqlite3"
    }
    # As a type that is passed on, and for the version that /healthz tells.
    assert uses <= {"Connection", "sqlite_version"}


@pytest.mark.parametrize("module", [module for module in MODULES if module != "app"])
def test_only_the_composition_root_reads_the_environment(module: str) -> None:
    reading = {"environ", "environb", "getenv", "getenvb"}
    assert not {name for name in imported(module) if name.rpartition(".")[2] in reading}
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "os":
            assert node.attr not in reading, f"{module}:{node.lineno}"


@pytest.mark.parametrize("module", MODULES)
def test_a_module_says_which_question_it_answers(module: str) -> None:
    """The docstring begins with one question; what follows it on that line is its answer, in a sentence."""
    docstring = ast.get_docstring(tree(module))
    assert docstring, f"{module} has no docstring"
    first = docstring.splitlines()[0]
    question, mark, answer = first.partition("?")
    assert mark, f"{module}: {first}"
    assert question[0].isupper()
    assert "?" not in answer
    assert answer == "" or (answer.startswith(" ") and answer.endswith((".", ":"))), f"{module}: {first}"


def test_the_rules_can_be_broken() -> None:
    """What the expressions and walks look for is found where it is."""
    assert any(SQL.search(text) for text in texts("jobs.store.runs"))
    assert own("jobs.web.log") >= {"jobs.web.stream", "jobs.store.rows"}
    assert floor("app") < floor("jobs.web.routes") < floor("jobs.job") < floor("jobs.store.writer")
    assert floor("jobs.store.writer") < floor("jobs.status") == len(FLOORS) - 1
