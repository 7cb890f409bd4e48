"""Promise: ``@worker`` takes options that are of use, and refuses all others where they stand."""

from typing import Any

import pytest

from jobs import Job, worker
from jobs.mark import Options, options_of


def plain(job: Job) -> None:
    """A function without a mark."""


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": plain}, 'needs the name of the type: @worker("greet")'),
        ({}, "needs the name of the type, or an option"),
        ({"name": None}, "needs the name of the type, or an option"),
        ({"process": 1}, "process is True or False, not 1"),
        ({"timeout": 0}, "timeout is a number of seconds above 0, not 0"),
        ({"timeout": -1}, "timeout is a number of seconds above 0, not -1"),
        ({"timeout": True}, "timeout is a number of seconds above 0, not True"),
        ({"timeout": "5s"}, "timeout is a number of seconds above 0, not '5s'"),
        ({"timeout": float("nan")}, "timeout is a number of seconds above 0, not nan"),
        ({"timeout": float("inf")}, "timeout is a number of seconds above 0, not inf"),
        ({"memory_mib": 512}, "memory_mib needs process=True"),
        ({"process": True, "memory_mib": 0}, "memory_mib is a whole number of MiB above 0, not 0"),
        ({"process": True, "memory_mib": 0.5}, "memory_mib is a whole number of MiB above 0, not 0.5"),
        ({"process": True, "memory_mib": True}, "memory_mib is a whole number of MiB above 0, not True"),
    ],
)
def test_what_is_of_no_use_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError) as refused:
        worker(**options)(plain)
    assert message in str(refused.value)


def test_a_process_needs_a_function_that_can_be_found_again() -> None:
    def inner(job: Job) -> None: ...

    with pytest.raises(TypeError, match="a function at the top level of a module"):
        worker(process=True)(inner)
    assert options_of(inner) == Options()


def test_options_alone_name_no_type() -> None:
    def inner(job: Job) -> None: ...

    assert options_of(worker(timeout=5)(inner)) == Options(timeout=5)
    assert not hasattr(inner, "worker_type")
    assert options_of(worker("inner", timeout=0.5)(inner)) == Options(timeout=0.5)
    assert vars(inner)["worker_type"] == "inner"
    assert options_of(plain) == Options()
