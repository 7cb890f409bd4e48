"""Promise: the panel is small, needs nobody else, and its pure modules pass their own tests under node."""

import gzip
import re
import subprocess

import pytest

from tests.programs import program
from tests.service_process import ROOT

STATIC = ROOT / "static"
FILES = sorted(path for path in STATIC.rglob("*") if path.is_file())
TEXT = {path.name: path.read_text(encoding="utf-8") for path in FILES}
LARGEST = 40_000  # bytes of all files, compressed as one stream
LARGEST_APART = 42_250  # one by one, as a browser gets them
LONGEST = 250  # lines of a file


def test_the_panel_is_small() -> None:
    assert len(gzip.compress("".join(TEXT.values()).encode(), 9)) < LARGEST
    sizes = {name: len(gzip.compress(text.encode(), 9)) for name, text in TEXT.items()}
    assert sum(sizes.values()) < LARGEST_APART, sizes
    long = {name: lines for name, text in TEXT.items() if (lines := len(text.splitlines())) > LONGEST}
    assert long == {}


def test_the_panel_needs_nobody_else_and_never_reads_text_as_markup() -> None:
    text = "\n".join(TEXT.values())
    assert not re.search(r"innerHTML|insertAdjacentHTML|document\.write|\beval\(|\.srcdoc|DOMParser", text)
    assert re.findall(r"https?://(?!www\.w3\.org/2000/svg)[^\s\"']+", text) == []


def test_all_modules_are_fetched_at_once() -> None:
    """One that is not named in the page is found only when the module that imports it has come."""
    preloaded = re.findall(r'rel="modulepreload" href="static/([^"]+)"', TEXT["index.html"])
    assert sorted([*preloaded, "main.js"]) == [name for name in TEXT if name.endswith(".js")]


def test_the_panels_modules() -> None:
    node = program("node")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    major = int(version.removeprefix("v").partition(".")[0])
    if major < 20:
        pytest.skip(f"node {version.strip()} has no AbortSignal.any")
    # Without a package.json an older node takes .js files for CommonJS.
    flags = ["--experimental-default-type=module"] if major < 22 else []
    done = subprocess.run(
        [node, *flags, "--test", "tests/panel/"], cwd=ROOT, capture_output=True, text=True, timeout=50
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    passed = re.search(r"^# pass (\d+)|pass (\d+)$", done.stdout, re.MULTILINE)
    assert passed, done.stdout
    assert int(passed[1] or passed[2]) >= 50
