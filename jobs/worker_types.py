"""Which worker types are there? Those that ship, those of installed packages, and those of a folder."""

import importlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

PACKAGE = "stepstream_workers"
GROUP = "stepstream.workers"  # of entry points


@dataclass
class WorkerTypes:
    """Worker functions by the name of their type, and what could not be loaded of files, with the error."""

    functions: dict[str, Callable[..., Any]]
    broken: dict[str, str] = field(default_factory=dict)


def load(shipped: dict[str, Callable[..., Any]], folder: Path | None) -> WorkerTypes:
    """The shipped worker types, those of installed packages, and those of a folder.

    A package's types replace shipped ones of the same name, and a folder's replace both. What cannot be
    loaded hurts no other. A file that begins with ``_`` is only for others to import.

    :param folder: its Python files may import each other by name
    :raises ValueError: the folder does not exist
    """
    types = WorkerTypes(dict(shipped))
    packages = sorted(entry_points(group=GROUP), key=lambda point: (_label(point), point.value))
    _add(types, ((_label(point), partial(_of_package, point)) for point in packages))
    if folder is None:
        return types
    if not folder.is_dir():
        raise ValueError(f"{folder}: there is no such folder of worker functions")
    sys.path.append(str(folder.resolve()))
    paths = [path for path in sorted(folder.glob("*.py")) if not path.name.startswith("_")]
    _add(types, ((path.name, partial(_of_file, path)) for path in paths))
    return types


def _add(
    types: WorkerTypes, sources: Iterable[tuple[str, Callable[[], dict[str, Callable[..., Any]]]]]
) -> None:
    """Add the types of several sources, by the sources' names; none may have a type of another."""
    origin: dict[str, str] = {}
    for source, functions in sources:
        try:
            found = functions()
        except BaseException as error:  # also what a module raises to stop: SystemExit
            if isinstance(error, KeyboardInterrupt):
                raise
            types.broken[source] = _place(error, source)
            continue
        for name, function in found.items():
            if name in origin:
                types.broken[source] = f'worker type "{name}" is already in {origin[name]}'
                continue
            origin[name] = source
            types.functions[name] = function


def _label(point: EntryPoint) -> str:
    """How an entry point is called: by the package that has it, and its name there."""
    return f"entry point {point.name} of {point.dist.name if point.dist else 'a package'}"


def _of_package(point: EntryPoint) -> dict[str, Callable[..., Any]]:
    """The types that an entry point leads to: one function, or all of a module and of what is below it."""
    found = point.load()
    if isinstance(found, ModuleType):
        return _functions(found, below=True)
    if not hasattr(found, "worker_type"):
        raise ImportError(f"{point.value} is no module and no function that @worker marks")
    return {found.worker_type: found}


def _of_file(path: Path) -> dict[str, Callable[..., Any]]:
    return _functions(_import(path))


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
        function: Callable[..., Any] = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise LookupError(f"the function {path} is not there any more: {error}") from None
    if not callable(function):
        raise LookupError(f"{path} is no function any more")
    return function


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


def _functions(module: ModuleType, *, below: bool = False) -> dict[str, Callable[..., Any]]:
    """The functions of a module that ``@worker`` marked, but not those that it only imported.

    :param below: also what it imported from modules below it
    """
    return {
        function.worker_type: function
        for function in vars(module).values()
        if inspect.isfunction(function)
        and hasattr(function, "worker_type")
        and (
            function.__module__ == module.__name__
            or (below and function.__module__.startswith(f"{module.__name__}."))
        )
    }


def _place(error: BaseException, source: str) -> str:
    """What went wrong, and in which line of the file."""
    if isinstance(error, SyntaxError):
        return f"SyntaxError: {error.msg} (line {error.lineno})"
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).name == source
    ]
    where = f" (line {lines[-1]})" if lines else ""
    return f"{type(error).__name__}: {error}{where}"
