"""Which programs do tests use that pip does not install? Without one a test is skipped, or it fails where all
are meant to be there: ``STEPSTREAM_REQUIRE_PROGRAMS=1``."""

import os
import shutil
from typing import NoReturn

import pytest

REQUIRED = os.environ.get("STEPSTREAM_REQUIRE_PROGRAMS") == "1"
# Servers are not on everybody's path.
PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/local/sbin:/usr/sbin"


def find(*names: str) -> str | None:
    """The path of the first of these programs that is installed."""
    return next((path for path in (shutil.which(name, path=PATH) for name in names) if path), None)


def missing(reason: str) -> NoReturn:
    """Skip or fail the test."""
    if REQUIRED:
        pytest.fail(reason)
    pytest.skip(reason)


def program(*names: str) -> str:
    """The path of the first of these programs that is installed; without any, the test is not run."""
    return find(*names) or missing(f"{' or '.join(names)} is not installed")


def needs(name: str) -> pytest.MarkDecorator:
    """Marks tests that cannot be run without a program."""
    return pytest.mark.skipif(not REQUIRED and find(name) is None, reason=f"{name} is not installed")
