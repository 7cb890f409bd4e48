"""Is nothing used of the web libraries but what they promise? A private name may go with any new version."""

import ast
import inspect
from pathlib import Path

import pytest
from sse_starlette import EventSourceResponse
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from jobs.web import files, problem, protocol, server, streaming
from tests.service_process import ROOT

WEB = ("starlette", "sse_starlette", "uvicorn")
DERIVED = (files.Static, files.WholeFile, problem.Json, protocol.Protocol, server.Server, streaming.Stream)
# What is private there and used here, for want of another way; and for what.
USED: dict[tuple[type, str], str] = {
    (EventSourceResponse, "_listen_for_exit_signal"): "say_goodbye hears by it that a server stops"
}


def names(source: str, *, of_self: bool) -> set[str]:
    """The private names that are used of ``self`` or are methods, or those that are used of anything else."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and (ast.unparse(node.value) == "self") == of_self:
            found.add(node.attr)
        elif of_self and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found.add(node.name)
    return {name for name in found if name.startswith("_") and not name.endswith("__")}


def own(kind: type) -> set[str]:
    """The private names of a class, and of those of a web library that it is derived from."""
    libraries = [each for each in kind.__mro__ if each.__module__.partition(".")[0] in WEB]
    return set().union(*(names(inspect.getsource(each), of_self=True) for each in libraries))


@pytest.mark.parametrize("kind", DERIVED)
def test_a_class_of_ours_uses_and_replaces_nothing_private(kind: type) -> None:
    assert names(inspect.getsource(kind), of_self=True) & own(kind) == set()


@pytest.mark.parametrize("path", [ROOT / "app.py", *(ROOT / "jobs" / "web").rglob("*.py")], ids=str)
def test_nothing_private_is_used(path: Path) -> None:
    private = set().union(*map(own, (*DERIVED, FlowControl, RequestResponseCycle)))
    found = names(path.read_text(encoding="utf-8"), of_self=False) & private
    assert found - {name for _, name in USED} == set()


@pytest.mark.parametrize(("library", "name"), USED)
def test_what_is_used_is_still_there(library: type, name: str) -> None:
    assert inspect.iscoroutinefunction(getattr(library, name, None)), (
        f"{library.__module__} has no {library.__name__}.{name} any more: {USED[library, name]}"
    )


def test_private_names_are_found() -> None:
    assert "_stream_response" in own(streaming.Stream)
    assert "_unset_keepalive_if_required" in own(protocol.Protocol) & own(H11Protocol)
    assert "_listen_for_exit_signal" in names(inspect.getsource(streaming), of_self=False)
