"""Promise: what ships can be run on the first day, on folders, sites and backups of one's own."""

import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jobs.engine import DEFINITIONS
from tests.service_process import Service
from tests.site import Reply, Site

TEXT = "The lighthouse keeper repairs brass lanterns. Brass lanterns guide fishing boats past the lighthouse."


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("shipped")).start()
    yield service
    assert service.stop() == 0


def keywords(service: Service, manager: dict[str, Any]) -> dict[str, list[str]]:
    """By the titles of the documents."""
    found = service.get("/documents", manager_id=manager["id"])["items"]
    return {
        each["title"]: [one["keyword"] for one in each["metadata"]["keyword_extractor"]["keywords"]]
        for each in found
    }


def test_all_are_listed_without_errors(service: Service) -> None:
    listed = {each["id"]: each for each in service.get("/definitions")["items"]}
    assert set(listed) == {path.stem for path in DEFINITIONS.glob("*.toml")}
    assert [each["errors"] + each["warnings"] for each in listed.values()] == [[]] * len(listed)
    assert [name for name, each in listed.items() if not each["enabled"]] == ["nightly-backup"]
    assert listed["nightly-backup"]["next_run_at"] is None


def test_keywords_of_a_folder(service: Service, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(f"# Keeper\n\n{TEXT}")
    (tmp_path / "b.html").write_text(f"<title>Page</title><p>{TEXT}")
    (tmp_path / "c.bin").write_bytes(b"\0\1")
    manager = service.run_to_end("keywords-of-a-folder", path=str(tmp_path))
    assert manager["status"] == "completed"
    found = keywords(service, manager)
    assert found.keys() == {"Keeper", "Page"}
    assert any("brass lanterns" in keyword.lower() for keyword in found["Page"])
    assert service.run_to_end("keywords-of-a-folder")["status"] == "completed"  # of its own folder


@pytest.mark.slow  # it asks once a second
def test_site_to_keywords(service: Service) -> None:
    site = Site({"/": f'<title>Home</title><a href="two">x</a>{TEXT}', "/two": f"<title>Two</title>{TEXT}"})
    site.pages["/robots.txt"] = Reply("", "text/plain")
    try:
        manager = service.run_to_end("site-to-keywords", url=f"{site.url}/", allow_private=True)
    finally:
        site.close()
    assert manager["status"] == "completed"
    found = keywords(service, manager)
    assert found.keys() == {"Home", "Two"}
    assert all(found.values())


def test_nightly_backup(service: Service, tmp_path: Path) -> None:
    answer = service.post("/definitions/nightly-backup/runs")
    assert answer.status_code == 409
    toml = (DEFINITIONS / "nightly-backup.toml").read_text()
    service.define("nightly-backup", toml.replace("enabled = false\n", "", 1))
    assert service.get("/definitions/nightly-backup")["next_run_at"] is not None
    folder, archive = tmp_path / "mine", tmp_path / "backup.tar.gz"
    folder.mkdir()
    (folder / "a.txt").write_text("kept")
    manager = service.run_to_end("nightly-backup", folder=str(folder), archive=str(archive))
    assert manager["status"] == "completed"
    assert [path.name for path in tmp_path.iterdir() if "part" in path.name] == []
    with tarfile.open(archive) as packed:
        file = packed.extractfile("./a.txt")
        assert file is not None
        assert file.read() == b"kept"
    before = archive.read_bytes()
    manager = service.run_to_end("nightly-backup", folder=str(tmp_path / "no"), archive=str(archive))
    assert manager["status"] == "failed"
    assert [step["status"] for step in manager["steps"]] == ["failed", "skipped", "skipped"]
    assert archive.read_bytes() == before
    (service.definitions / "nightly-backup.toml").unlink()
