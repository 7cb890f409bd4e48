"""Which worker types are there? Those that ship, and those in a folder of Python files."""

import importlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

PACKAGE = "stepstream_workers"


@dataclass
class WorkerTypes:
    """Worker functions by the name of their type, and the files that could not be loaded, with the error."""

    functions: dict[str, Callable[..., Any]]
    broken: dict[str, str] = field(default_factory=dict)


def load(shipped: dict[str, Callable[..., Any]], folder: Path | None) -> WorkerTypes:
    """The shipped worker types and those of a folder, whose types replace shipped ones of the same name.

    A file that cannot be loaded hurts no other. One that begins with ``_`` is only for others to import.

    :param folder: its Python files may import each other by name
    :raises ValueError: the folder does not exist
    """
    types = WorkerTypes(dict(shipped))
    if folder is None:
        return types
    if not folder.is_dir():
        raise ValueError(f"{folder}: there is no such folder of worker functions")
    sys.path.append(str(folder.resolve()))
    origin: dict[str, str] = {}
    for path in sorted(folder.glob("*.py")):
        if path.name.startswith("_"):
            continue
        try:
            found = _functions(_import(path))
        except BaseException as error:  # also what a module raises to stop: SystemExit
            if isinstance(error, KeyboardInterrupt):
                raise
            types.broken[path.name] = _place(error, path)
            continue
        for name, function in found.items():
            if name in origin:
                types.broken[path.name] = f'worker type "{name}" is already in {origin[name]}'
                continue
            origin[name] = path.name
            types.functions[name] = function
    return types


def find(path: str, folder: Path | None = None) -> Callable[..., Any]:
    """A spawned function by where it is, ``module:name``.

    :param folder: where files of worker functions that were not imported yet are
    :raises LookupError: it is not there any more
    """
    module, _, name = path.partition(":")
    package, _, stem = module.partition(".")
    try:
        if folder is not None and package == PACKAGE and module not in sys.modules:
            _import(folder / f"{stem}.py")
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise LookupError(f"the function {path} is not there any more: {error}") from None
    if not callable(found):
        raise LookupError(f"{path} is no function any more")
    return found  # type: ignore[no-any-return]


def _import(path: Path) -> ModuleType:
    """The module of a file, known by a name of its own so that it cannot hide an installed one."""
    name = f"{PACKAGE}.{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path.name} is no Python file")
    if PACKAGE not in sys.modules:
        sys.modules[PACKAGE] = ModuleType(PACKAGE)
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _functions(module: ModuleType) -> dict[str, Callable[..., Any]]:
    """The functions of a module that ``@worker`` marked, but not those that it only imported."""
    return {
        function.worker_type: function
        for function in vars(module).values()
        if inspect.isfunction(function)
        and hasattr(function, "worker_type")
        and function.__module__ == module.__name__
    }


def _place(error: BaseException, path: Path) -> str:
    """What went wrong, and in which line of the file."""
    if isinstance(error, SyntaxError):
        return f"SyntaxError: {error.msg} (line {error.lineno})"
    lines = [
        frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)
    ]
    where = f" (line {lines[-1]})" if lines else ""
    return f"{type(error).__name__}: {error}{where}"
