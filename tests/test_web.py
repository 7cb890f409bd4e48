"""Promise: the pages of a site become documents, politely, within bounds, and only where they may be."""

import gzip
import itertools
import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from jobs.workers.html_text import read_html
from jobs.workers.page_url import linked, page_url
from jobs.workers.web_page import MOST_LINKS, Rules, content_type, links
from tests.service_process import Service
from tests.site import Reply, Site


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("web")).start()
    yield service
    assert service.stop() == 0


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    yield site
    site.close()


def read(service: Service, *urls: str, **keys: Any) -> dict[str, Any]:
    """The manager of a run. Without other words: no pauses, and this machine is allowed."""
    keys = {"urls": urls, "delay": 0, "allow_private": True, **keys}
    own = "".join(f"{name} = {json.dumps(value)}\n" for name, value in keys.items())
    service.define("job", f'[step.only]\ntype = "web"\n{own}')
    return service.run_to_end("job")


def documents(service: Service, manager: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """By the paths of their URLs."""
    found = service.get("/documents", manager_id=manager["id"])["items"]
    return {"/" + each["url"].split("/", 3)[3]: service.get(f"/documents/{each['id']}") for each in found}


def jobs(service: Service, manager: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = service.get(f"/managers/{manager['id']}/jobs")["items"]
    return found


def lines(service: Service, manager: dict[str, Any]) -> list[str]:
    rows = service.rows(manager["id"], events="job_log", step="only")
    return [f"{row['level']}: {row['message']}" for row in rows]


def test_each_kind_of_page(service: Service, site: Site) -> None:
    site.pages |= {
        "/": '<html lang=de><title>Home</title><meta name=description content="A site"><h1>Hi</h1><p>Grüße',
        "/latin": Reply("<title>größer</title>x".encode("latin-1"), "text/html; charset=ISO-8859-1"),
        "/plain.txt": Reply("plain words", "text/plain; charset=utf-8"),
        "/notes": Reply("# Notes\n\n*some*", "text/markdown"),
        "/packed": Reply(gzip.compress(b"<p>unpacked"), headers={"Content-Encoding": "gzip"}),
        "/untyped": Reply("<title>Untyped</title>", ""),
        "/picture": Reply(b"\x89PNG", "image/png"),
        "/data": Reply(b"a\0b", "text/plain"),
    }
    manager = read(service, *(f"{site.url}{path}" for path in site.pages), tags=["site"])
    assert manager["status"] == "completed"
    found = documents(service, manager)
    shown = {path: (each["title"], each["text"]) for path, each in found.items()}
    assert shown == {
        "/": ("Home", "Hi\n\nGrüße"),
        "/latin": ("größer", "x"),
        "/plain.txt": ("plain.txt", "plain words"),
        "/notes": ("Notes", "Notes\n\nsome"),
        "/packed": ("packed", "unpacked"),
        "/untyped": ("Untyped", ""),
    }
    home = found["/"]
    assert (home["source_type"], home["source_id"], home["tags"]) == ("pages", f"{site.url}/", ["site"])
    assert home["metadata"] == {
        "content_type": "text/html",
        "bytes": len(str(site.pages["/"]).encode()),
        "description": "A site",
        "language": "de",
    }
    shown_lines = lines(service, manager)
    assert f"info: skipped {site.url}/picture: it is image/png" in shown_lines
    assert f"info: skipped {site.url}/data: it is binary" in shown_lines
    assert site.asked[0].path == "/robots.txt"
    assert {request.headers["User-Agent"] for request in site.asked} == {"Stepstream"}


def link(*targets: str) -> str:
    return "".join(f'<a href="{target}">x</a>' for target in targets) + "text"


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({}, ["/"]),
        ({"depth": 1}, ["/", "/a", "/docs/b"]),
        ({"depth": 2}, ["/", "/a", "/docs/b", "/docs/c"]),
        ({"depth": 5}, ["/", "/a", "/docs/b", "/docs/c", "/docs/d"]),
        ({"depth": 5, "max_pages": 3}, ["/", "/a", "/docs/b"]),
        ({"depth": 5, "include": ["docs/"]}, ["/", "/docs/b", "/docs/c", "/docs/d"]),
        ({"depth": 5, "exclude": ["c"]}, ["/", "/a", "/docs/b"]),
    ],
)
def test_which_links_are_followed(
    service: Service, site: Site, keys: dict[str, Any], expected: list[str]
) -> None:
    site.pages |= {
        "/": link("a", "a#part", "docs/b", "mailto:x@example.org", "http://[bad", "javascript:x", "//"),
        "/a": link("/", "docs/b"),
        "/docs/b": link("c", "../a"),
        "/docs/c": link("d"),
        "/docs/d": link("/"),
    }
    manager = read(service, f"{site.url}", **keys)
    assert manager["status"] == "completed"
    assert sorted(documents(service, manager)) == expected
    assert sorted(site.paths) == [*expected, "/robots.txt"]  # each once
    if "max_pages" in keys:
        assert "warning: more than 3 pages (max_pages): the others are left out" in lines(service, manager)


def test_links_to_other_hosts_are_followed_only_if_wanted(service: Service, site: Site) -> None:
    other = Site({"/": "other"})
    try:
        site.pages["/"] = link(f"{other.url}/")
        read(service, f"{site.url}/", depth=1)
        assert other.paths == []
        manager = read(service, f"{site.url}/", depth=1, same_host=False)
        assert manager["total_jobs"] == 2
        assert other.paths == ["/robots.txt", "/"]
    finally:
        other.close()


def test_of_a_page_with_very_many_links_the_first_are_followed() -> None:
    rules = Rules(True, None, [], 0, True, False, 1, 1, "Stepstream", [])
    page = read_html("".join(f'<a href="{number}">x</a>' for number in range(2 * MOST_LINKS)))
    found = links("http://a.example/", page, "a.example", rules)
    assert found == [f"http://a.example/{number}" for number in range(MOST_LINKS)]


def test_redirects(service: Service, site: Site) -> None:
    other = Site({"/": link("more"), "/more": "more"})
    try:
        site.pages |= {
            "/": link("moved", "away", "loop"),
            "/moved": Reply(status=301, headers={"Location": "new"}),
            "/new": "new",
            "/away": Reply(status=302, headers={"Location": f"{other.url}/"}),
            "/loop": Reply(status=307, headers={"Location": "/loop"}),
        }
        manager = read(service, f"{site.url}/", depth=1)
        assert sorted(documents(service, manager)) == ["/", "/new"]
        assert other.paths == []
        assert f"info: skipped {site.url}/away: it redirects to {other.url}/" in lines(service, manager)
        failed = [job["reason"] for job in jobs(service, manager) if job["status"] == "failed"]
        assert failed == [f"{site.url}/loop: more than 10 redirects"]
        # A URL that was given may lead elsewhere, and its links belong there.
        manager = read(service, f"{site.url}/away", depth=1)
        assert sorted(documents(service, manager)) == ["/", "/more"]
    finally:
        other.close()


def test_robots_txt_is_heeded(service: Service, site: Site) -> None:
    site.pages |= {
        "/robots.txt": Reply(
            "User-agent: other\nDisallow: /\n\nUser-agent: *\nDisallow: /private\n", "text/plain"
        ),
        "/private/a": "secret",
        "/open": link("private/b") + '<meta name=robots content="nofollow">',
        "/unlisted": '<meta name=robots content="noindex">hidden',
        "/header": Reply("hidden", headers={"X-Robots-Tag": "noindex"}),
        "/to": Reply(status=302, headers={"Location": "/private/a"}),
    }
    urls = [f"{site.url}{path}" for path in ("/private/a", "/open", "/unlisted", "/header", "/to")]
    manager = read(service, *urls, depth=1)
    assert list(documents(service, manager)) == ["/open"]
    assert "/private/a" not in site.paths
    assert f"info: skipped {site.url}/private/a: its robots.txt forbids it" in lines(service, manager)
    assert [job["result"].get("skipped") for job in jobs(service, manager)] == [
        "robots.txt",
        None,
        "noindex",
        "noindex",
        "robots.txt",
    ]
    manager = read(service, *urls, obey_robots=False)
    assert sorted(documents(service, manager)) == ["/header", "/open", "/private/a", "/unlisted"]
    assert site.paths.count("/robots.txt") == 1
    manager = read(service, urls[1], user_agent="other/1.0 (+https://example.org)")
    assert jobs(service, manager)[0]["result"]["skipped"] == "robots.txt"


@pytest.mark.parametrize(
    "reply", [Reply(status=503), Reply(b"x" * 600 * 1024, "text/plain"), Reply(status=429)]
)
def test_without_its_robots_txt_a_host_is_not_read(service: Service, site: Site, reply: Reply) -> None:
    site.pages |= {"/": "page", "/robots.txt": reply}
    manager = read(service, f"{site.url}/")
    (job,) = jobs(service, manager)
    assert job["reason"].startswith(f"{site.url}/robots.txt cannot be read: ")
    assert "/" not in site.paths
    site.pages["/robots.txt"] = Reply("User-agent: *\nCrawl-delay: ²\nDisallow:", "text/plain")
    assert service.post(f"/managers/{manager['id']}/retry").status_code == 202
    assert service.finish(manager["id"])["status"] == "completed"


def test_pauses_between_requests(service: Service, site: Site) -> None:
    site.pages |= {f"/{number}": "page" for number in range(4)}
    read(service, *(f"{site.url}/{number}" for number in range(4)), delay="150ms")
    times = [request.at for request in site.asked]
    assert len(times) == 5
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert min(gaps) > 0.05  # of 0.15: what is late shortens the next one


def test_a_host_gets_one_request_at_a_time(service: Service, site: Site) -> None:
    site.pages |= {f"/{number}": Reply("page", pause=lambda: site.closing.wait(0.05)) for number in range(4)}
    manager = read(service, *(f"{site.url}/{number}" for number in range(4)), concurrency=4)
    assert manager["completed_jobs"] == 4
    assert site.most_at_once == 1


def test_a_longer_pause_that_the_host_asks_for(service: Service, site: Site) -> None:
    site.pages |= {"/robots.txt": Reply("User-agent: *\nCrawl-delay: 1", "text/plain"), "/a": "a", "/b": "b"}
    read(service, f"{site.url}/a", f"{site.url}/b")
    first, second = (request.at for request in site.asked[1:])
    assert second - first > 0.5


def test_a_host_that_is_busy_is_let_be(service: Service, site: Site) -> None:
    site.pages["/"] = Reply(status=503, headers={"Retry-After": "1"})
    manager = read(service, f"{site.url}/", obey_robots=False)
    assert jobs(service, manager)[0]["reason"] == f"{site.url}/: HTTP 503 Service Unavailable"
    site.pages["/"] = "now"
    assert service.post(f"/managers/{manager['id']}/retry").status_code == 202
    assert service.finish(manager["id"])["status"] == "completed"
    assert site.asked[1].at - site.asked[0].at > 0.5


def test_what_cannot_be_read_fails_alone(service: Service, site: Site) -> None:
    site.pages |= {
        "/good": "good",
        "/odd": Reply("odd", status=599),
        "/br": Reply(b"x", headers={"Content-Encoding": "br"}),
        "/torn": Reply(b"no gzip", headers={"Content-Encoding": "gzip"}),
        "/short": Reply(b"x", headers={"Content-Length": "100"}),
    }
    names = ("good", "missing", "odd", "br", "torn", "short")
    manager = read(service, *(f"{site.url}/{name}" for name in names), "http://127.0.0.1:1/")
    assert manager["status"] == "completed_with_warnings"
    reasons = [job["reason"] for job in jobs(service, manager)]
    assert reasons[:5] == [
        None,
        f"{site.url}/missing: HTTP 404 Not Found",
        f"{site.url}/odd: HTTP 599",
        f"{site.url}/br: no answer that can be read: it is encoded as br, which was not asked for",
        f"{site.url}/torn: no answer that can be read: its gzip is broken"
        " (Error -3 while decompressing data: incorrect header check)",
    ]
    assert reasons[5].startswith(f"{site.url}/short: no answer: peer closed connection")
    assert reasons[6].startswith("http://127.0.0.1:1/robots.txt: no answer: ")
    assert not any("Traceback" in line for line in lines(service, manager))


def test_bounds_of_size(service: Service, site: Site) -> None:
    site.pages |= {
        "/fits": Reply("x" * 1024, "text/plain"),
        "/large": Reply("x" * 1025, "text/plain"),
        "/bomb": Reply(gzip.compress(b"x" * 50_000_000), headers={"Content-Encoding": "gzip"}),
    }
    manager = read(service, *(f"{site.url}{path}" for path in site.pages), max_size_kib=1)
    assert list(documents(service, manager)) == ["/fits"]
    assert [job["result"].get("skipped") for job in jobs(service, manager)] == [
        None,
        "too large",
        "too large",
    ]


def test_bounds_of_time(service: Service, site: Site) -> None:
    """A site that sends a byte now and then is always about to answer."""
    site.pages["/"] = Reply("x" * 100, pieces=100, pause=lambda: site.closing.wait(0.1))
    started = time.monotonic()
    manager = read(service, f"{site.url}/", time_limit="300ms", obey_robots=False)
    assert jobs(service, manager)[0]["reason"] == f"{site.url}/: no whole answer within 0.3 s"
    assert time.monotonic() - started < 8


def test_a_run_is_cancelled_while_it_waits(service: Service, site: Site) -> None:
    site.pages["/"] = Reply("x" * 100, pieces=100, pause=lambda: site.closing.wait(1))
    service.define(
        "slow",
        f'[step.only]\ntype = "web"\nurls = ["{site.url}/"]\nallow_private = true\nobey_robots = false',
    )
    manager_id = service.run("slow")
    while not site.asked:
        time.sleep(0.01)
    assert service.post(f"/managers/{manager_id}/cancel").status_code == 202
    assert service.finish(manager_id)["status"] == "cancelled"


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({"urls": []}, "urls is empty, expected at least one, as in"),
        (
            {"urls": ["ftp://a/"]},
            'urls[0]: expected a URL that begins with http:// or https://, got "ftp://a/"',
        ),
        (
            {"urls": ["http://a/", "b"]},
            'urls[1]: expected a URL that begins with http:// or https://, got "b"',
        ),
        ({"urls": ["http://me:pw@a/"]}, "urls[0]: a URL with a user's name is not taken: a"),
        ({"depth": 21}, "depth is 21, expected 0 to 20"),
        ({"max_pages": 0}, "max_pages is 0, expected 1 to 100000"),
        ({"max_size_kib": 0}, "max_size_kib is 0, expected 1 to 65536"),
        ({"delay": "-1s"}, 'delay: expected a duration such as "30s"'),
        ({"time_limit": 0}, "time_limit: expected a duration longer than zero, got an integer 0"),
        ({"user_agent": "ü"}, "user_agent: expected some characters of ASCII"),
    ],
)
def test_what_is_of_no_use_is_told(service: Service, keys: dict[str, Any], reason: str) -> None:
    manager = read(service, **{"urls": ["http://127.0.0.1:1/"], **keys})
    assert manager["steps"][0]["reason"].startswith(reason)
    assert manager["total_jobs"] == 0


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://Example.ORG", "http://example.org/"),
        (" http://example.org:80/a#b ", "http://example.org/a"),
        ("https://example.org/%41%2f?q=ü", "https://example.org/%41%2f?q=%C3%BC"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
    ],
)
def test_a_url_in_one_form(text: str, url: str) -> None:
    assert page_url(text) == url


@pytest.mark.parametrize("link", ["mailto:a", "javascript:x", "http://[", "http://a\x00/", "http://x:y@z/"])
def test_links_to_no_page(link: str) -> None:
    assert linked("http://a/", link) is None


def test_the_type_of_a_page() -> None:
    assert content_type(httpx.Headers({"Content-Type": 'Text/HTML; Charset="UTF-8"'})) == (
        "text/html",
        "utf-8",
    )
    assert content_type(httpx.Headers()) == ("", "")
