"""Promise: the texts of a folder become documents, and nothing outside of it is ever read."""

import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jobs.exception import Failure
from jobs.workers.beneath import read_beneath, walk
from jobs.workers.local_dir import read_file
from tests.service_process import Service


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("local_dir")).start()
    yield service
    assert service.stop() == 0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "notes"


def fill(folder: Path, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def read(service: Service, **keys: Any) -> dict[str, Any]:
    """The manager of a run."""
    own = "".join(f"{name} = {json.dumps(value)}\n" for name, value in keys.items())
    service.define("job", f'[step.only]\ntype = "local_dir"\n{own}')
    return service.run_to_end("job")


def paths(service: Service, manager: dict[str, Any]) -> list[str]:
    return sorted(each["metadata"]["path"] for each in documents(service, manager))


def documents(service: Service, manager: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = service.get("/documents", manager_id=manager["id"])["items"]
    return [service.get(f"/documents/{each['id']}") for each in found]


def lines(service: Service, manager: dict[str, Any]) -> list[str]:
    rows = service.rows(manager["id"], events="job_log", step="only")
    return sorted(f"{row['level']}: {row['message']}" for row in rows)


def test_each_kind_of_file(service: Service, folder: Path) -> None:
    files = {
        "a.txt": "Grüße".encode(),
        "b.md": b"# Title *one*\n\nText.",
        "c.html": "<title>Page</title><meta charset=latin1><p>größer".encode("latin-1"),
        "d": b"<!doctype html><h1>By its look</h1>",
        "e.txt": "Привет".encode("utf-16"),
        "f.bin": b"\x7fELF\0\1",
        "g.txt": b"",
    }
    fill(folder, files)
    manager = read(service, path=str(folder), tags=["notes"])
    assert manager["status"] == "completed"
    assert manager["total_jobs"] == len(files)
    found = {each["metadata"]["path"]: each for each in documents(service, manager)}
    shown = {path: (each["title"], each["text"], each["metadata"]["format"]) for path, each in found.items()}
    assert shown == {
        "a.txt": ("a.txt", "Grüße", "text"),
        "b.md": ("Title one", "Title one\n\nText.", "markdown"),
        "c.html": ("Page", "größer", "html"),
        "d": ("By its look", "By its look", "html"),
        "e.txt": ("e.txt", "Привет", "text"),
        "g.txt": ("g.txt", "", "text"),
    }
    one = found["a.txt"]
    assert (one["source_type"], one["source_id"], one["tags"]) == ("files", str(folder / "a.txt"), ["notes"])
    assert one["metadata"]["bytes"] == 7
    assert one["metadata"]["modified_at"].endswith("Z")
    assert "info: skipped f.bin: it is binary" in lines(service, manager)
    jobs = service.get(f"/managers/{manager['id']}/jobs")["items"]
    assert {"skipped": "binary"} in [job["result"] for job in jobs]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({}, ["a.md", "b.txt", "x/c.md", "x/y/d.md"]),
        ({"include": ["*.md"]}, ["a.md", "x/c.md", "x/y/d.md"]),
        ({"include": ["x/**"], "exclude": ["x/y"]}, ["x/c.md"]),
        ({"include": ["*.md"], "exclude": ["x/"]}, ["a.md"]),
        ({"hidden": True, "include": ["*.cfg", "*.md"], "exclude": ["x"]}, [".git/e.cfg", ".h.md", "a.md"]),
        ({"max_files": 2}, ["a.md", "b.txt"]),
    ],
)
def test_which_files(service: Service, folder: Path, keys: dict[str, Any], expected: list[str]) -> None:
    names = ("a.md", "b.txt", "x/c.md", "x/y/d.md", ".h.md", ".git/e.cfg")
    fill(folder, {name: name.encode() for name in names})
    manager = read(service, path=str(folder), **keys)
    assert paths(service, manager) == expected
    if "max_files" in keys:
        assert "warning: more than 2 files (max_files): the others are left out" in lines(service, manager)


def test_the_path_is_relative_to_the_definition(service: Service) -> None:
    fill(service.definitions / "mine", {"a.txt": b"here"})
    assert paths(service, read(service, path="mine")) == ["a.txt"]


def test_large_files_are_skipped(service: Service, folder: Path) -> None:
    fill(folder, {"a.txt": b"x" * 1024, "b.txt": b"x" * 1025})
    manager = read(service, path=str(folder), max_size_kib=1)
    assert paths(service, manager) == ["a.txt"]
    assert "warning: skipped b.txt: 1 KiB, more than 1" in lines(service, manager)


def test_links_and_odd_files_are_left_out(service: Service, folder: Path, tmp_path: Path) -> None:
    fill(tmp_path / "outside", {"secret.txt": b"secret"})
    fill(folder, {"a.txt": b"a", "x/b.txt": b"b"})
    (folder / "file").symlink_to(tmp_path / "outside" / "secret.txt")
    (folder / "inside").symlink_to("a.txt")
    (folder / "up").symlink_to("..")
    (folder / "x" / "outside").symlink_to(tmp_path / "outside")
    os.mkfifo(folder / "pipe")
    (folder / os.fsdecode(b"\xff.txt")).write_text("name")
    manager = read(service, path=str(folder))
    assert paths(service, manager) == ["a.txt", "x/b.txt"]
    shown = lines(service, manager)
    for name, kind in (("file", "a symbolic link"), ("x/outside", "a symbolic link"), ("pipe", "a pipe")):
        assert f"debug: left out {name}: it is {kind}" in shown
    assert any("its name is not UTF-8" in line for line in shown)


def test_the_folder_itself_may_be_a_link(service: Service, folder: Path, tmp_path: Path) -> None:
    fill(folder, {"a.txt": b"a"})
    (tmp_path / "link").symlink_to(folder)
    assert paths(service, read(service, path=str(tmp_path / "link"))) == ["a.txt"]


@pytest.mark.parametrize("path", ["../a", "x/../../a", "/etc/passwd", "x//a", ".", "", "a\0b"])
def test_a_path_that_leads_out_is_refused(folder: Path, path: str) -> None:
    fill(folder, {"x/a": b"a"})
    fill(folder.parent, {"a": b"secret"})
    with pytest.raises(ValueError, match="no path beneath a folder"):
        read_beneath(folder, path, 100)


def test_what_has_become_a_link_is_not_followed(folder: Path) -> None:
    fill(folder.parent / "outside", {"a.txt": b"secret"})
    folder.mkdir()
    (folder / "file").symlink_to(folder.parent / "outside" / "a.txt")
    (folder / "x").symlink_to(folder.parent / "outside")
    for path in ("file", "x/a.txt"):
        with pytest.raises(OSError, match=r"symbolic link|Not a directory"):
            read_beneath(folder, path, 100)
    failed: list[str] = []
    assert list(walk(folder, lambda path: True, lambda path, error: failed.append(path), "x")) == []
    assert failed == ["x"]


def test_a_race_leads_nowhere_else(folder: Path) -> None:
    """A folder that is now a folder and now a link to another: what is read is never from there."""
    outside = folder.parent / "outside"
    fill(outside, {"a.txt": b"secret"})
    fill(folder, {"x/a.txt": b"mine"})
    os.symlink(outside, folder / "link")
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            os.rename(folder / "x", folder / "aside")
            os.rename(folder / "link", folder / "x")
            os.rename(folder / "x", folder / "link")
            os.rename(folder / "aside", folder / "x")

    thread = threading.Thread(target=swap)
    thread.start()
    seen: set[bytes] = set()
    try:
        for _ in range(1000):
            try:
                seen.add(read_beneath(folder, "x/a.txt", 100).data)
            except OSError:
                seen.add(b"")
            found = {each.path for each in walk(folder, lambda path: True, lambda path, error: None)}
            assert found <= {"x/a.txt", "aside/a.txt", "link", "x"}
    finally:
        stop.set()
        thread.join()
    assert b"mine" in seen
    assert seen <= {b"mine", b""}


def test_what_is_no_file_any_more(folder: Path) -> None:
    nobody: Any = None  # it does not come to saying anything
    with pytest.raises(Failure, match=r"^b\.txt cannot be read: no such file or directory$"):
        read_file(nobody, str(folder), "b.txt", 1, "", [])
    fill(folder, {"a.txt": b"a"})
    with pytest.raises(FileNotFoundError):
        read_beneath(folder, "b.txt", 100)
    fill(folder, {"c/d": b""})
    with pytest.raises(OSError, match="it is a folder"):
        read_beneath(folder, "c", 100)


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({"path": ""}, "path is empty, expected the name of a folder"),
        ({"path": "nowhere"}, 'path is "nowhere": no such file or directory ('),
        ({"path": "/etc/passwd"}, 'path is "/etc/passwd": it is no folder ('),
        ({"path": ".", "max_size_kib": 0}, "max_size_kib is 0, expected 1 to 65536"),
        ({"path": ".", "max_files": 0}, "max_files is 0, expected 1 or more"),
        ({"path": ".", "encoding": "utf-9"}, 'encoding is "utf-9", expected the name of one'),
    ],
)
def test_what_is_of_no_use_is_told(service: Service, keys: dict[str, Any], reason: str) -> None:
    manager = read(service, **keys)
    assert manager["status"] == "failed"
    assert manager["steps"][0]["reason"].startswith(reason)


def test_an_empty_folder_is_told(service: Service, folder: Path) -> None:
    folder.mkdir()
    manager = read(service, path=str(folder))
    assert manager["status"] == "completed"
    assert lines(service, manager) == [f"warning: no files to read in {folder}: none is there that fits"]
