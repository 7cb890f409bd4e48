"""Promise: every example of the documentation works as it stands there, and every link leads somewhere."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

from jobs import worker_types
from jobs.definition_file import parse
from jobs.workers import SHIPPED
from tests.console import Console, commands, localise, matches, normal
from tests.pages import DOCS, README, Block, all_blocks, anchors, blocks, links, pages, prose, text
from tests.programs import needs
from tests.service_process import ROOT, Service

TUTORIAL = DOCS / "tutorial.md"
needs_curl = needs("curl")
CLEAN_UP = DOCS / "how-to" / "clean-up.md"
READERS = DOCS / "how-to" / "read-the-stream.md"  # whose programs tests/foreign runs
# Two pages stop and start the service themselves; all others look at one that runs.
OTHERS = [page for page in pages() if page not in (TUTORIAL, CLEAN_UP, READERS)]


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def write(block: Block, service: Service) -> None:
    path = service.folder / block.title
    path.parent.mkdir(exist_ok=True)
    path.write_text(localise(block.text, service), encoding="utf-8")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with the files of all pages that do not start their own."""
    service = Service(tmp_path_factory.mktemp("docs"))
    files = [block for page in OTHERS for block in blocks(page) if block.title]
    assert len({block.title for block in files}) == len(files), "two pages show different files of one name"
    for block in files:
        path = service.folder / block.title
        path.parent.mkdir(exist_ok=True)
        path.write_text(block.text, encoding="utf-8")
    service.start()
    for block in files:  # once more, with the port
        write(block, service)
    yield service
    service.kill()


@needs_curl
@pytest.mark.parametrize("page", [page for page in OTHERS if blocks(page, "console")], ids=name)
def test_the_commands_of_a_page_print_what_it_shows(page: Path, service: Service) -> None:
    console = Console(service)
    for block in blocks(page, "console"):
        console.run(block)
    shown = [command for block in blocks(page, "console") for command, _ in commands(block)]
    assert console.executed or all(command.startswith(("sudo", "journalctl")) for command in shown)


@needs_curl
def test_the_tutorial_can_be_followed(make_service: Callable[..., Service]) -> None:
    service = make_service()
    console = Console(service, starts=True)
    for block in blocks(TUTORIAL):
        if block.language == "console":
            console.run(block)
        elif block.title:
            write(block, service)
    assert console.executed > 10
    own = [block for block in blocks(TUTORIAL, "toml") if block.title]
    assert len(own) >= 2


@needs_curl
def test_the_database_is_smaller_after_cleaning_up(make_service: Callable[..., Service]) -> None:
    service = make_service().start()
    console = Console(service, starts=True)
    before = 0
    for block in blocks(CLEAN_UP, "console"):
        if "vacuum" in block.text:
            before = service.db.stat().st_size
            assert not (service.folder / "stepstream.db.lock").read_text()
        console.run(block)
    assert 0 < service.db.stat().st_size < before


@pytest.mark.parametrize("block", [block for block in all_blocks("python") if block.title], ids=str)
def test_a_worker_on_a_page_is_run_by_a_definition_on_it(block: Block, service: Service) -> None:
    if not block.title.startswith("workers/"):
        assert any(block.title in command.text for command in blocks(block.page, "console"))
        return
    types = [line.split('"')[1] for line in block.text.splitlines() if line.startswith('@worker("')]
    assert types
    using = [
        toml
        for toml in blocks(block.page, "toml")
        if any(f'type = "{worker}"' in toml.text for worker in types)
    ]
    assert using, f"{block}: no definition on the page uses {types}"
    if block.page == TUTORIAL:
        return  # which has run them all by its commands
    for toml in using:
        manager = service.run_to_end(Path(toml.title).stem)
        assert manager["status"] in ("completed", "completed_with_warnings"), manager
        assert manager["log_counts"]["info"] > 1


@pytest.mark.parametrize("page", [README, TUTORIAL], ids=name)
def test_the_first_worker_takes_ten_lines(page: Path) -> None:
    (worker,) = (block for block in blocks(page, "python") if block.title)
    lines = [line for line in worker.text.splitlines() if line.strip()]
    assert len([line for line in lines if not line.startswith(("import ", "from "))]) <= 10


@pytest.mark.parametrize("block", all_blocks("python"), ids=str)
def test_python_compiles(block: Block) -> None:
    compile(block.text, str(block), "exec")


@pytest.mark.parametrize("block", all_blocks("toml"), ids=str)
def test_definitions_have_no_errors(block: Block, tmp_path: Path) -> None:
    for own in blocks(block.page, "python"):
        if own.title.startswith("workers/"):
            (tmp_path / Path(own.title).name).write_text(own.text, encoding="utf-8")
    types = worker_types.load(SHIPPED, tmp_path)
    assert types.broken == {}
    environ = dict.fromkeys(re.findall(r"\{env\.(\w+)\}", block.text), "a key of the reader's")
    read = parse(block.text, tmp_path / (Path(block.title).name or "example.toml"), types.functions, environ)
    assert [str(error) for error in read.errors] == []


@pytest.mark.parametrize("page", pages(), ids=name)
def test_links_and_pictures_exist(page: Path) -> None:
    for link in links(page):
        if link.startswith(("https://", "http://")):
            continue
        target, _, anchor = link.partition("#")
        there = (page.parent / unquote(target)).resolve() if target else page
        assert there.is_file(), f"{name(page)} points to {link}"
        assert ROOT in there.parents
        if anchor:
            assert anchor in anchors(there), f"{name(page)} points to {link}"


def test_every_page_is_in_the_index() -> None:
    index = DOCS / "README.md"
    listed = {(DOCS / link).resolve() for link in links(index)}
    missing = {name(page) for page in DOCS.rglob("*.md") if page != index and page not in listed}
    assert not missing, "the index, docs/README.md, should link to these"


@pytest.mark.parametrize("page", pages(), ids=name)
def test_a_page_names_the_files_that_it_shows(page: Path) -> None:
    for block in blocks(page):
        if block.title:
            assert f"`{block.title}`" in prose(page), str(block)
    assert text(page).count("\n```") % 2 == 0
    assert text(page).startswith("# ")


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        ("a b", "a b"),
        ("a … c", "a b c"),
        ("a\n…\nd", "a\nb\nc\nd"),
        ("…\nd", "d"),
        ('{"id":"x",…}', '{"id":"x","y":1}'),
    ],
)
def test_the_matcher_forgives_what_is_left_out(expected: str, actual: str) -> None:
    assert matches(expected, actual)


@pytest.mark.parametrize(
    ("expected", "actual"),
    [("a b", "a c"), ("a", "a\nb"), ("a … c", "a b d"), ("a\n…\nd", "a\nb"), ("a … c", "a\nc"), ("", "a")],
)
def test_the_matcher_forgives_nothing_else(expected: str, actual: str) -> None:
    assert not matches(expected, actual)


def test_only_what_differs_from_run_to_run_is_made_equal() -> None:
    shown = '12:00:01.123 INFO  abcdefghij › after 1.5s "seq":7, "duration":0.5, "last_seq":9, 9-end'
    wanted = 'CLOCK INFO  k3f7w9q2xa › after SECONDS "seq":7, "duration":SECONDS, "last_seq":SEQ, SEQ-end'
    assert normal(shown, ["abcdefghij"]) == wanted
