"""Promise: the panel's pure modules pass their own tests under node: fold, connection, routes, heights."""

import re
import subprocess

import pytest

from tests.programs import program
from tests.service import ROOT


def test_the_panels_modules() -> None:
    node = program("node")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    major = int(version.removeprefix("v").partition(".")[0])
    if major < 18:
        pytest.skip(f"node {version.strip()} has no test runner")
    # Without a package.json an older node takes .js files for CommonJS.
    flags = ["--experimental-default-type=module"] if major < 22 else []
    done = subprocess.run(
        [node, *flags, "--test", "tests/panel/"], cwd=ROOT, capture_output=True, text=True, timeout=50
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    passed = re.search(r"^# pass (\d+)|pass (\d+)$", done.stdout, re.MULTILINE)
    assert passed, done.stdout
    assert int(passed[1] or passed[2]) >= 30
