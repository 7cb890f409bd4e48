"""Which definitions are listed, under which id, and what happens to files that cannot be read?"""

import json
import os
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs.catalogue import LARGEST, Catalogue, listing
from jobs.definition import Definition

STEP = '[step.a]\ntype = "fetch"\n'


async def fetch(step: object, url: str = "") -> None: ...


class Folders:
    """A folder of shipped definitions and one of the user's."""

    def __init__(self, root: Path) -> None:
        self.shipped = root / "shipped"
        self.user = root / "user"
        self.shipped.mkdir()
        self.user.mkdir()

    def catalogue(self, user: Path | None = None) -> Catalogue:
        return Catalogue(self.shipped, user or self.user, {"fetch": fetch}, {})


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(tmp_path)


def named(name: str) -> str:
    return f'name = "{name}"\n{STEP}'


def with_id(id: str) -> str:
    return f'id = "{id}"\n{STEP}'


def shown(catalogue: Catalogue) -> list[tuple[str, str, list[str]]]:
    """Id, file and errors of every definition."""
    return [(each.id, each.path.name, [str(error) for error in each.errors]) for each in catalogue.all()]


def old(path: Path, seconds: int = 1_000_000_000) -> None:
    os.utime(path, (seconds, seconds))


def test_the_files_of_both_folders_by_id(folders: Folders) -> None:
    (folders.shipped / "beta.toml").write_text(STEP)
    (folders.user / "z.toml").write_text(with_id("alpha"))
    (folders.user / "gamma.toml").write_text(STEP)
    (folders.user / ".hidden.toml").write_text("x")
    (folders.user / "notes.txt").write_text("x")
    catalogue = folders.catalogue()
    assert [(each.id, each.path.name, each.shipped) for each in catalogue.all()] == [
        ("alpha", "z.toml", False),
        ("beta", "beta.toml", True),
        ("gamma", "gamma.toml", False),
    ]
    found = catalogue.get("beta")
    assert found
    assert found.path == folders.shipped / "beta.toml"
    assert catalogue.get("z") is None


def test_without_a_users_folder(folders: Folders) -> None:
    (folders.shipped / "beta.toml").write_text(STEP)
    catalogue = Catalogue(folders.shipped, None, {"fetch": fetch}, {})
    assert [each.id for each in catalogue.all()] == ["beta"]


@pytest.mark.parametrize(
    ("name", "reason"), [("gone", "no such file or directory"), ("file", "not a directory")]
)
def test_a_users_folder_that_cannot_be_listed(folders: Folders, name: str, reason: str) -> None:
    (folders.user / "file").touch()
    with pytest.raises(ValueError, match=f"^definitions folder {folders.user / name}: {reason}$"):
        folders.catalogue(folders.user / name)


def test_files_added_changed_and_removed(folders: Folders) -> None:
    catalogue = folders.catalogue()
    path = folders.user / "one.toml"
    assert catalogue.all() == []
    path.write_text(named("a"))
    assert [each.name for each in catalogue.all()] == ["a"]
    path.write_text(named("b"))  # As long as before, and within one tick of a coarse clock.
    assert [each.name for each in catalogue.all()] == ["b"]
    path.rename(folders.user / "two.toml")
    assert [each.id for each in catalogue.all()] == ["two"]
    (folders.user / "two.toml").unlink()
    assert catalogue.all() == []
    folders.user.rmdir()
    assert catalogue.all() == []


def test_an_unchanged_file_is_not_read_again(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folders.user / "one.toml"
    path.write_text(named("a"))
    old(path)
    monkeypatch.setattr("time.time_ns", lambda: path.stat().st_ctime_ns + 60_000_000_000)
    catalogue = folders.catalogue()
    first = catalogue.get("one")
    assert catalogue.get("one") is first
    path.write_text(named("b"))
    old(path, 1_000_000_001)
    second = catalogue.get("one")
    assert second
    assert second.name == "b"
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1))
    third = catalogue.get("one")
    assert third == second
    assert third is not second


def test_a_users_file_replaces_a_shipped_one_of_the_same_id(folders: Folders) -> None:
    (folders.shipped / "one.toml").write_text(named("shipped"))
    (folders.shipped / "other.toml").write_text(STEP)
    catalogue = folders.catalogue()
    copy = folders.user / "copy.toml"
    copy.write_text('name = "mine"\n' + with_id("one"))
    assert [(each.id, each.name, each.shipped) for each in catalogue.all()] == [
        ("one", "mine", False),
        ("other", "other", True),
    ]
    copy.unlink()
    assert [(each.id, each.name) for each in catalogue.all()] == [("one", "shipped"), ("other", "other")]


def test_a_users_file_that_cannot_be_read_stands_where_the_shipped_one_stood(folders: Folders) -> None:
    (folders.shipped / "one.toml").write_text(STEP)
    (folders.user / "one.toml").write_text("[step")
    assert shown(folders.catalogue()) == [
        ("one", "one.toml", ["one.toml:1:6: invalid TOML: expected ']' at the end of a table declaration"])
    ]


def test_two_users_files_of_one_id_are_an_error_on_both(folders: Folders) -> None:
    (folders.shipped / "same.toml").write_text(STEP)
    for name in ("a", "b", "c"):
        (folders.user / f"{name}.toml").write_text(with_id("same"))
    (folders.user / "fine.toml").write_text(STEP)
    catalogue = folders.catalogue()
    assert shown(catalogue) == [
        ("a", "a.toml", ['a.toml id: the id "same" is also that of b.toml, c.toml']),
        ("b", "b.toml", ['b.toml id: the id "same" is also that of a.toml, c.toml']),
        ("c", "c.toml", ['c.toml id: the id "same" is also that of a.toml, b.toml']),
        ("fine", "fine.toml", []),
    ]
    shared = catalogue.get("same")
    assert shared
    assert shared.id == "a"
    (folders.user / "b.toml").unlink()
    (folders.user / "c.toml").unlink()
    assert [(each.id, each.path.name) for each in catalogue.all()] == [
        ("fine", "fine.toml"),
        ("same", "a.toml"),
    ]


def test_of_two_files_of_one_id_the_one_of_that_name_keeps_it(folders: Folders) -> None:
    (folders.shipped / "one.toml").write_text(STEP)
    (folders.user / "one.toml").write_text(STEP)
    (folders.user / "copy.toml").write_text(with_id("one"))
    catalogue = folders.catalogue()
    assert shown(catalogue) == [
        ("copy", "copy.toml", ['copy.toml id: the id "one" is also that of one.toml']),
        ("one", "one.toml", ['one.toml id: the id "one" is also that of copy.toml']),
    ]
    found = catalogue.get("one")
    assert found
    assert found.path.name == "one.toml"


def test_a_stem_gives_way_to_an_id_that_is_written_elsewhere(folders: Folders) -> None:
    (folders.shipped / "shipped.toml").write_text(STEP)
    (folders.user / "a.toml").write_text(with_id("taken"))
    (folders.user / "taken.toml").write_text("[step")
    (folders.user / "shipped.toml").write_text(with_id("twice"))
    (folders.user / "d.toml").write_text(with_id("twice"))
    assert [(each.id, each.path.name, each.shipped) for each in folders.catalogue().all()] == [
        ("d", "d.toml", False),
        ("shipped", "shipped.toml", True),
        ("shipped.toml", "shipped.toml", False),
        ("taken", "a.toml", False),
        ("taken.toml", "taken.toml", False),
    ]


def test_a_file_without_a_good_id_is_listed_by_its_stem(folders: Folders) -> None:
    (folders.user / "My Job.toml").write_text(STEP)
    (folders.user / "two.toml").write_text(with_id("A"))
    assert [each.id for each in folders.catalogue().all()] == ["My Job", "two"]


def test_files_that_cannot_be_read_are_listed_and_hurt_no_other(folders: Folders) -> None:
    (folders.user / "folder.toml").mkdir()
    (folders.user / "bytes.toml").write_bytes(b'id = "bytes"\nname = "\xff"\n' + STEP.encode())
    (folders.user / "large.toml").write_bytes(STEP.encode().ljust(LARGEST + 1))
    (folders.user / "link.toml").symlink_to(folders.user / "nowhere")
    (folders.user / "loop.toml").symlink_to(folders.user / "loop.toml")
    (folders.user / "broken.toml").write_text("a = \n")
    os.mkfifo(folders.user / "pipe.toml")
    (folders.user / "fine.toml").write_text(STEP)
    assert shown(folders.catalogue()) == [
        ("broken", "broken.toml", ["broken.toml:1:5: invalid TOML: invalid value"]),
        ("bytes", "bytes.toml", ["bytes.toml:2:9: not UTF-8: byte 0xff"]),
        ("fine", "fine.toml", []),
        ("folder", "folder.toml", ["folder.toml: cannot be read: it is a folder"]),
        ("large", "large.toml", ["large.toml: too large: expected at most 256 KiB"]),
        ("link", "link.toml", ["link.toml: cannot be read: no such file or directory"]),
        ("loop", "loop.toml", ["loop.toml: cannot be read: too many levels of symbolic links"]),
        ("pipe", "pipe.toml", ["pipe.toml: cannot be read: it is no regular file"]),
    ]


def test_the_largest_file_is_read(folders: Folders) -> None:
    (folders.user / "large.toml").write_bytes(STEP.encode().ljust(LARGEST))
    assert shown(folders.catalogue()) == [("large", "large.toml", [])]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_without_permission_is_read_as_soon_as_it_is_permitted(folders: Folders) -> None:
    path = folders.user / "one.toml"
    path.write_text(STEP)
    old(path)
    path.chmod(0)
    catalogue = folders.catalogue()
    assert shown(catalogue) == [("one", "one.toml", ["one.toml: cannot be read: permission denied"])]
    path.chmod(0o600)
    assert shown(catalogue) == [("one", "one.toml", [])]


def test_a_byte_order_mark_is_no_text(folders: Folders) -> None:
    (folders.user / "one.toml").write_bytes(b"\xef\xbb\xbf" + named("Grüße").encode())
    assert [(each.name, each.errors) for each in folders.catalogue().all()] == [("Grüße", ())]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary() | st.text(st.characters(exclude_categories=["Cs"])).map(str.encode))
def test_any_bytes_are_listed_with_errors_or_steps(folders: Folders, content: bytes) -> None:
    (folders.user / "any.toml").write_bytes(content)
    (folders.user / "fine.toml").write_text(STEP)
    listed = {each.path.name: each for each in folders.catalogue().all()}
    assert set(listed) == {"any.toml", "fine.toml"}
    assert listed["any.toml"].errors or listed["any.toml"].steps
    assert listed["fine.toml"].errors == ()
    json.dumps([listing(each) for each in listed.values()], allow_nan=False)


def test_many_threads_see_whole_definitions(folders: Folders) -> None:
    catalogue = folders.catalogue()
    seen: list[list[Definition]] = []
    failed: list[BaseException] = []

    def look() -> None:
        try:
            seen.extend(catalogue.all() for _ in range(30))
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(30):
        written = folders.user / "being-written"
        written.write_text(STEP)
        path = written.rename(folders.user / f"new{number}.toml")
        if number % 2:
            path.unlink()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(seen) == 120
    assert [each for listed in seen for each in listed if each.errors] == []
    assert len(catalogue.all()) == 15


def test_the_listing_of_a_definition(folders: Folders) -> None:
    (folders.shipped / "one.toml").write_text("""
name = "One"
description = "d"
timeout = "5m"
type = "x"
tags = ["t"]
[params]
radius = 2000
[step.a]
type = "fetch"
description = "first"
url = "u"
[step.b]
type = "fetsh"
depends = "a"
on_error = "fail"
always_run = true
concurrency = 2
timeout = 1
""")
    found = folders.catalogue().get("one")
    assert found
    assert json.loads(json.dumps(listing(found))) == {
        "id": "one",
        "name": "One",
        "description": "d",
        "enabled": True,
        "tags": ["t"],
        "schedule": "",
        "timezone": "UTC",
        "timeout": 300.0,
        "max_running": 1,
        "params": {"radius": 2000},
        "steps": [
            {
                "name": "a",
                "description": "first",
                "type": "fetch",
                "depends": [],
                "on_error": "continue",
                "always_run": False,
                "concurrency": 4,
                "timeout": None,
            },
            {
                "name": "b",
                "description": "",
                "type": "fetsh",
                "depends": ["a"],
                "on_error": "fail",
                "always_run": True,
                "concurrency": 2,
                "timeout": 1.0,
            },
        ],
        "errors": [
            {
                "where": "one.toml step.b.type",
                "message": 'unknown worker type "fetsh", did you mean "fetch"?',
            }
        ],
        "error_lines": [{"line": 14, "text": 'type = "fetsh"'}],
        "warnings": [
            {
                "where": "one.toml type",
                "message": "has no effect: accepted so that files written for Quaero load unchanged",
            }
        ],
        "file": "one.toml",
        "shipped": True,
    }
