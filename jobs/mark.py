"""How is a worker function marked? With ``@worker``: the name of its type, where it runs and its limits."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Options:
    """Where a worker function runs, and its limits.

    :param process: in a process of its own, forked for each call
    :param timeout: seconds that one call may take; None is no limit
    :param memory_mib: MiB of address space that its process may have; None is no limit
    """

    process: bool = False
    timeout: float | None = None
    memory_mib: int | None = None


PLAIN = Options()


def options_of(function: Callable[..., Any]) -> Options:
    """The options of a worker function, marked or not."""
    options: Options = getattr(function, "worker_options", PLAIN)
    return options


def worker(
    name: str | None = None,
    *,
    process: bool = False,
    timeout: float | None = None,
    memory_mib: int | None = None,
) -> Callable[[F], F]:
    """Mark a function as a step's type, or say how a spawned function runs.

    :param name: the type's name, for example ``"greet"``: the value of ``type`` in a definition's step
    :param process: run each call in a process of its own; the function stands at the top level of a module
    :param timeout: seconds that one call may take; then its job fails
    :param memory_mib: MiB of address space that the process of a call may have; only with ``process``
    :raises TypeError: one of them is of no use
    """
    if name is not None and not isinstance(name, str):
        raise TypeError('@worker needs the name of the type: @worker("greet")')
    if not isinstance(process, bool):
        raise TypeError(f"@worker: process is True or False, not {process!r}")
    if timeout is not None and not (_is_number(timeout) and 0 < timeout < math.inf):
        raise TypeError(f"@worker: timeout is a number of seconds above 0, not {timeout!r}")
    if memory_mib is not None and not (_is_number(memory_mib) and memory_mib == int(memory_mib) > 0):
        raise TypeError(f"@worker: memory_mib is a whole number of MiB above 0, not {memory_mib!r}")
    if memory_mib is not None and not process:
        raise TypeError("@worker: memory_mib needs process=True; threads share the memory of the service")
    options = Options(process, timeout, None if memory_mib is None else int(memory_mib))
    if name is None and options == PLAIN:
        raise TypeError('@worker needs the name of the type, or an option: @worker("greet")')

    def mark(function: F) -> F:
        if process and getattr(function, "__qualname__", "") != getattr(function, "__name__", None):
            raise TypeError("@worker: process=True needs a function at the top level of a module")
        marked: Any = function  # a type of functions that have such attributes would be everybody's burden
        if name is not None:
            marked.worker_type = name
        marked.worker_options = options
        return function

    return mark


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
