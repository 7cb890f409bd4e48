"""Worker type ``web``: which texts are on the pages of a site?"""

from collections.abc import Sequence
from dataclasses import asdict

from jobs import duration
from jobs.exception import Failure
from jobs.job import Handle, Job, JobFailed
from jobs.mark import worker
from jobs.workers.page_url import page_url
from jobs.workers.web_page import Rules, read_page

AGENT = "Stepstream"
MOST_KIB = 64 * 1024
MOST_DEPTH = 20


@worker("web")
async def web(
    step: Job,
    urls: list[str],
    depth: int = 0,
    same_host: bool = True,
    include: list[str] | None = None,
    exclude: list[str] | None = None,
    max_pages: int = 100,
    delay: str | float = "1s",
    obey_robots: bool = True,
    allow_private: bool = False,
    max_size_kib: int = 2048,
    time_limit: str | float = "30s",
    user_agent: str = AGENT,
    tags: list[str] | None = None,
) -> None:
    """Save pages as documents of source type ``pages``, one worker job a URL.

    Level by level: first the URLs that are given, then what they link to, and so on.

    :param depth: how many links away from the given URLs pages are read; 0: only those
    :param same_host: follow only links to the host of the given URL that led there
    :param include: follow only links whose paths fit one of these patterns; see ``path_pattern``
    :param exclude: follow no links whose paths fit one of these
    :param max_pages: of all of them
    :param delay: between two requests to a host: a duration, or seconds
    :param obey_robots: ask robots.txt first, and heed what pages say to robots
    :param allow_private: also hosts of this machine and of private networks
    :param max_size_kib: larger pages are skipped
    :param time_limit: for each request: a duration, or seconds
    :param user_agent: how the robot calls itself
    :param tags: of every document
    :raises Failure: a value is of no use
    """
    starts = _start_urls(urls)
    for name, value, most in (("max_size_kib", max_size_kib, MOST_KIB), ("max_pages", max_pages, 100_000)):
        if not 1 <= value <= most:
            raise Failure(f"{name} is {value}, expected 1 to {most}")
    if not 0 <= depth <= MOST_DEPTH:
        raise Failure(f"depth is {depth}, expected 0 to {MOST_DEPTH}")
    if not user_agent.isascii() or not user_agent.isprintable() or not user_agent.strip():
        raise Failure("user_agent: expected some characters of ASCII")
    rules = Rules(
        same_host,
        include,
        exclude or [],
        _seconds("delay", delay),
        obey_robots,
        allow_private,
        max_size_kib,
        _seconds("time_limit", time_limit),
        user_agent.strip(),
        tags or [],
    )
    seen: set[str] = set()
    level = [(url, "") for url in starts]
    for left in range(depth, -1, -1):
        handles: list[tuple[str, Handle]] = []
        for url, host in level:
            if url in seen:
                continue
            if len(seen) == max_pages:
                step.log.warning("more than %d pages (max_pages): the others are left out", max_pages)
                break
            seen.add(url)
            handles.append((host, step.spawn(read_page, url, host, left > 0, asdict(rules))))
        level = []
        for host, handle in handles:
            try:
                found = await handle
            except JobFailed:  # it has said so itself
                continue
            seen.add(found["url"])
            level += [(link, host or rules.only_host(found["url"])) for link in found.get("links", ())]
        if len(seen) >= max_pages and not level:
            break


def _start_urls(urls: Sequence[str]) -> list[str]:
    if not urls:
        raise Failure('urls is empty, expected at least one, as in ["https://example.org/"]')
    found = []
    for number, url in enumerate(urls):
        try:
            found.append(page_url(url))
        except ValueError as error:
            raise Failure(f"urls[{number}]: {error}") from None
    return found


def _seconds(key: str, value: str | float) -> float:
    """A duration; 0 is one here.

    :raises Failure: it is none
    """
    try:
        return 0.0 if value in (0, "0s") and key == "delay" else duration.seconds(value)
    except ValueError as error:
        raise Failure(f"{key}: {error}") from None
