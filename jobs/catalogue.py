"""Which definitions are there? The TOML files of two folders, read again when they change."""

import os
import stat
import threading
import time
from collections.abc import Callable, Mapping, Set
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from jobs.definition import Definition
from jobs.definition_file import parse, unreadable
from jobs.nearest import quoted
from jobs.problem import Problem, line_of

LARGEST = 256 * 1024  # Bytes of a definition file.
SETTLED = 2_000_000_000  # Nanoseconds; two changes within one tick of a file system's clock look like one.


class _Reading(NamedTuple):
    """What a file said, and the marks by which a later change of it is seen."""

    marks: tuple[int, ...]
    is_settled: bool
    definition: Definition


class Catalogue:
    """The shipped definitions, and those of the user's folder, which replace shipped ones of the same id.

    Thread-safe. It reads files: call it in a thread, not on an event loop.
    """

    def __init__(
        self,
        shipped: Path,
        folder: Path | None,
        types: Mapping[str, Callable[..., Any]],
        environ: Mapping[str, str],
        broken_types: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """``types``, ``environ`` and ``broken_types`` are those of ``parse``.

        Raises ValueError if the user's folder cannot be listed.
        """
        self._shipped = shipped
        self._folder = folder
        self._types, self._environ, self._broken_types = types, environ, broken_types
        self._readings: dict[Path, _Reading] = {}
        self._lock = threading.Lock()
        if folder is not None:
            try:
                os.scandir(folder).close()
            except OSError as error:
                raise ValueError(f"definitions folder {folder}: {reason(error)}") from error

    def all(self) -> list[Definition]:
        """Every definition, also those with errors, ordered by id."""
        listed, _ = self._look()
        return sorted(listed, key=lambda definition: definition.id)

    def get(self, id: str) -> Definition | None:
        """The definition of this id; of an id that several files have, the first file's, with its errors."""
        listed, shared = self._look()
        found = {definition.id: definition for definition in listed}
        return found.get(id) or shared.get(id)

    def _look(self) -> tuple[list[Definition], dict[str, Definition]]:
        """All definitions, and the first one of every id that several files have."""
        with self._lock:
            folders = [paths(self._shipped), paths(self._folder) if self._folder else []]
            read = {path: self._read(path) for path in {*folders[0], *folders[1]}}
            self._readings = {path: reading for path, reading in read.items() if reading}
            first, second = (
                [self._readings[path].definition for path in files if path in self._readings]
                for files in folders
            )
        shipped, shared = under_own_ids(first)
        users, users_shared = under_own_ids(second, {each.id for each in shipped})
        replaced = {each.id for each in users} | users_shared.keys()
        kept = [replace(each, shipped=True) for each in shipped if each.id not in replaced]
        return kept + users, shared | users_shared

    def _read(self, path: Path) -> _Reading | None:
        """The file as last read if nothing about it has changed, else as it is now; None if it is gone."""
        now = time.time_ns()
        try:
            found = path.stat()
            # The last two tell of permissions, and of a file moved into this one's place.
            marks = (found.st_mtime_ns, found.st_size, found.st_ctime_ns, found.st_ino)
            earlier = self._readings.get(path)
            if earlier and earlier.is_settled and earlier.marks == marks:
                return earlier
            is_settled = now - max(found.st_mtime_ns, found.st_ctime_ns) > SETTLED
            definition = read(path, found, self._types, self._environ, self._broken_types)
            return _Reading(marks, is_settled, definition)
        except OSError as error:
            if isinstance(error, FileNotFoundError) and not path.is_symlink():
                return None
            return _Reading((), False, unreadable(path, "", f"cannot be read: {reason(error)}"))


def read(
    path: Path,
    found: os.stat_result,
    types: Mapping[str, Callable[..., Any]],
    environ: Mapping[str, str],
    broken_types: Mapping[str, str],
) -> Definition:
    """The definition in one file.

    :param found: what ``stat`` says of it; the other parameters are those of ``parse``
    :raises OSError: it cannot be read
    """
    if not stat.S_ISREG(found.st_mode):  # Opening a pipe would wait for its other end.
        kind = "a folder" if stat.S_ISDIR(found.st_mode) else "no regular file"
        return unreadable(path, "", f"cannot be read: it is {kind}")
    with path.open("rb") as file:
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        return unreadable(path, "", f"too large: expected at most {LARGEST // 1024} KiB")
    try:
        toml = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line, column = before.count(b"\n") + 1, error.start - before.rfind(b"\n")
        return unreadable(path, f":{line}:{column}", f"not UTF-8: byte 0x{content[error.start]:02x}")
    return parse(toml, path, types, environ, broken_types)


def listing(definition: Definition) -> dict[str, Any]:
    """A definition as JSON, without its TOML text. Durations are in seconds."""
    steps = [
        {
            "name": step.name,
            "description": step.description,
            "type": step.type,
            "depends": list(step.depends),
            "on_error": step.on_error,
            "always_run": step.always_run,
            "concurrency": step.concurrency,
            "timeout": step.timeout,
        }
        for step in definition.steps
    ]
    return {
        "id": definition.id,
        "name": definition.name,
        "description": definition.description,
        "enabled": definition.enabled,
        "tags": list(definition.tags),
        "schedule": definition.schedule,
        "timezone": definition.timezone,
        "timeout": definition.timeout,
        "max_running": definition.max_running,
        "params": definition.params,
        "steps": steps,
        "errors": [{"where": each.where, "message": each.message} for each in definition.errors],
        "error_lines": [_line(each, definition.toml) for each in definition.errors],
        "warnings": [{"where": each.where, "message": each.message} for each in definition.warnings],
        "file": definition.path.name,
        "shipped": definition.shipped,
    }


def _line(problem: Problem, toml: str) -> dict[str, Any] | None:
    """The line that a problem is about, if one is."""
    found = line_of(toml, problem.where)
    return {"line": found[0], "text": found[1]} if found else None


def paths(folder: Path) -> list[Path]:
    """The definition files of a folder by name; none if it is gone. Hidden ones are an editor's."""
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    return [folder / name for name in sorted(names) if name.endswith(".toml") and not name.startswith(".")]


def under_own_ids(
    definitions: list[Definition], shipped_ids: Set[str] = frozenset()
) -> tuple[list[Definition], dict[str, Definition]]:
    """The definitions of one folder, each under an id of its own, and the first one of every shared id.

    Files that share an id have an error and are listed by their stems. A stem gives way to an id that is
    written in another file; then the file's full name stands in, which no id can be.
    """
    groups: dict[str, list[Definition]] = {}
    for each in definitions:
        if each.id_is_known:
            groups.setdefault(each.id, []).append(each)
    written = {id for id, group in groups.items() if len(group) == 1}
    listed: list[Definition] = []
    shared: dict[str, Definition] = {}
    for each in definitions:
        group = groups[each.id] if each.id_is_known else []
        if len(group) == 1:
            listed.append(each)
            continue
        # A file that cannot be read keeps its stem even so: it stands where the shipped one stood.
        taken = written | (shipped_ids - groups.keys()) if group else written
        own_id = each.path.stem if each.path.stem not in taken else each.path.name
        others = ", ".join(other.path.name for other in group if other is not each)
        error = Problem(f"{each.path.name} id", f"the id {quoted(each.id)} is also that of {others}")
        listed.append(replace(each, id=own_id, errors=(*each.errors, error) if group else each.errors))
        if group:
            shared.setdefault(each.id, listed[-1])
    return listed, shared


def reason(error: OSError) -> str:
    """What the system says of it."""
    return (error.strerror or str(error)).lower()
