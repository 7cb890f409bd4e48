"""Are these definitions good? Files read as the service does, each error with its line where known."""

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from jobs import worker_types
from jobs.catalogue import paths, read, reason, under_own_ids
from jobs.cli.exit_status import CommandError
from jobs.cli.key_position import position
from jobs.definition import Definition
from jobs.definition_file import unreadable
from jobs.nearest import nearest, quoted
from jobs.problem import Problem
from jobs.text import plain
from jobs.workers import SHIPPED

POSITION = re.compile(r":([0-9]+):([0-9]+)")


def checked(names: Iterable[str], workers: Path | None, environ: Mapping[str, str]) -> list[Definition]:
    """The definitions in files, and in all files of folders; those of one folder have an id each.

    :param workers: a folder of worker functions besides the shipped ones and those of packages
    :raises CommandError: a file or folder does not exist
    """
    try:
        types = worker_types.load(SHIPPED, workers)
    except ValueError as error:
        raise CommandError(str(error)) from None
    folders: dict[Path, list[Definition]] = {}
    for path in dict.fromkeys(path for name in names for path in _files(Path(name))):
        try:
            definition = read(path, path.stat(), types.functions, environ, types.broken)
        except OSError as error:
            definition = unreadable(path, "", f"cannot be read: {reason(error)}")
        folders.setdefault(path.parent, []).append(definition)
    return [each for definitions in folders.values() for each in under_own_ids(definitions)[0]]


def _files(path: Path) -> list[Path]:
    """The file itself, or the definitions of a folder."""
    if path.is_dir():
        return paths(path)
    if not os.path.lexists(path):
        try:
            near = nearest(path.name, os.listdir(path.parent))
        except OSError:
            near = None
        hint = f", did you mean {quoted(near)}?" if near else ""
        raise CommandError(f"{plain(str(path))}: there is no such file{hint}")
    return [path]


def report(definition: Definition, problem: Problem) -> dict[str, Any]:
    """A problem with its place: ``key``, ``line`` and ``column``, None where they are not known."""
    place = problem.where.removeprefix(definition.path.name)
    line = column = None
    if found := POSITION.fullmatch(place):
        line, column = int(found[1]), int(found[2])
    key = place[1:] if place.startswith(" ") else None
    if key and (there := position(definition.toml, key)):
        line, column = there
    return {"key": key, "line": line, "column": column, "message": problem.message}


def sentence(definition: Definition, kind: str, found: Mapping[str, Any]) -> str:
    """A problem as compilers write it: ``file:line:column: error: key: message``."""
    place = f":{found['line']}:{found['column']}" if found["line"] else ""
    key = f"{found['key']}: " if found["key"] else ""
    return plain(f"{definition.path}{place}: {kind}: {key}{found['message']}")
