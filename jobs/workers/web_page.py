"""What is on this page? One URL as one worker job: asked for in turn, followed where it moved, and kept."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
from anyio import to_thread

from jobs.exception import Failure
from jobs.job import Job
from jobs.workers.decoding import decode
from jobs.workers.fetch import Answer, fetch
from jobs.workers.hosts import ROBOTS_BYTES, Hosts, Robots
from jobs.workers.html_text import Page, charset_inside, read_html
from jobs.workers.markdown_text import read_markdown
from jobs.workers.page_url import host_of, linked, origin_of, path_of
from jobs.workers.path_pattern import fits_any
from jobs.workers.pinned import PinnedTransport
from jobs.workers.turns import retry_after

SOURCE_TYPE = "pages"
MOST_REDIRECTS = 10
# Of one page. Further links of a page are not followed.
MOST_LINKS = 1000
REDIRECTS = (301, 302, 303, 307, 308)
HTML = ("text/html", "application/xhtml+xml")
TEXTS = (*HTML, "text/plain", "text/markdown", "")
# Without a page there, only that page is missing; asked again, the host may say something else.
LATER = (429, 503)

Wants = Callable[[int, httpx.Headers], bool]

HOSTS = Hosts()
"""What this process knows of the hosts that it asks, whichever run asks them."""


@dataclass(frozen=True)
class Rules:
    """What holds for every page of a step."""

    same_host: bool
    include: list[str] | None
    exclude: list[str]
    delay: float
    obey_robots: bool
    allow_private: bool
    max_size_kib: int
    time_limit: float
    user_agent: str
    tags: list[str]

    def only_host(self, url: str) -> str:
        """The only host that links from a given URL may lead to; empty: any."""
        return host_of(url) if self.same_host else ""


async def read_page(job: Job, url: str, host: str, follow: bool, rules: dict[str, Any]) -> dict[str, Any]:
    """Save one page as a document.

    :param host: the only one that it may be redirected to; empty: any
    :param follow: whether its links are wanted
    :param rules: as ``Rules``
    :returns: its URL in the end, the document's id or why there is none, and the links
    :raises Failure: it cannot be read
    """
    its = Rules(**rules)
    async with PinnedTransport(its.allow_private) as transport:
        visit = Visit(job, transport, its)
        for _ in range(MOST_REDIRECTS + 1):
            if not await visit.may_read(url):
                job.log.info("skipped %s: its robots.txt forbids it", url)
                return {"url": url, "skipped": "robots.txt"}
            answer = await visit.get(url)
            if answer.status not in REDIRECTS or not answer.headers.get("Location"):
                break
            target = linked(url, answer.headers["Location"])
            if target is None or (host and host_of(target) != host):
                job.log.info("skipped %s: it redirects to %s", url, answer.headers["Location"][:500])
                return {"url": url, "skipped": "redirected"}
            job.log.debug("%s redirects to %s", url, target)
            url = target
        else:
            raise Failure(f"{url}: more than {MOST_REDIRECTS} redirects")
    if answer.status != 200:
        raise Failure(f"{url}: {answer.words}")
    return await _keep(job, url, answer, follow, host or its.only_host(url), its)


class Visit:
    """The requests of one worker job."""

    def __init__(self, job: Job, transport: httpx.AsyncBaseTransport, rules: Rules) -> None:
        self._job = job
        self._transport = transport
        self._rules = rules

    async def may_read(self, url: str) -> bool:
        """Whether robots may read a page."""
        if not self._rules.obey_robots:
            return True
        robots = await self._robots(url)
        return robots.allows(self._rules.user_agent, url)

    async def get(self, url: str) -> Answer:
        """A page, when its host's turn has come."""
        rules = self._rules
        pause = rules.delay
        if rules.obey_robots:
            pause = max(pause, (await self._robots(url)).pause(rules.user_agent))
        async with HOSTS.turn(host_of(url), pause):
            answer = await self._fetch(url, rules.max_size_kib * 1024, _is_text)
        if answer.status in LATER:
            HOSTS.hold(host_of(url), retry_after(answer.headers.get("Retry-After", "")) or 0.0)
        return answer

    async def _robots(self, url: str) -> Robots:
        origin = origin_of(url)
        return await HOSTS.robots(origin, lambda: self._read_robots(f"{origin}/robots.txt"))

    async def _read_robots(self, url: str) -> Robots:
        """What a robots.txt says. One that is not there allows everything; one that may be there, nothing."""
        for _ in range(MOST_REDIRECTS):
            async with HOSTS.turn(host_of(url), self._rules.delay):
                answer = await self._fetch(url, ROBOTS_BYTES)
            if answer.status not in REDIRECTS:
                break
            target = linked(url, answer.headers.get("Location", ""))
            if target is None:
                return Robots()
            url = target
        if answer.status >= 500 or answer.status == 429 or answer.body is None:
            what = "it is too large" if answer.body is None else answer.words
            raise Failure(f"{url} cannot be read: {what} (obey_robots = false goes on without it)")
        if answer.status != 200:
            return Robots()
        return Robots((decode(answer.body) or "").splitlines())

    async def _fetch(self, url: str, most: int, wants: Wants = lambda status, headers: True) -> Answer:
        headers = {"User-Agent": self._rules.user_agent, "Accept": "text/html, text/*;q=0.8, */*;q=0.1"}
        try:
            return await fetch(self._transport, url, headers, most, self._rules.time_limit, wants)
        except Failure as error:
            raise Failure(f"{url}: {error}") from None


async def _keep(job: Job, url: str, answer: Answer, follow: bool, host: str, rules: Rules) -> dict[str, Any]:
    """Save what was read, and find its links."""
    found: dict[str, Any] = {"url": url}
    kind, charset = content_type(answer.headers)
    if answer.body is None:
        job.log.warning("skipped %s: more than %d KiB", url, rules.max_size_kib)
        return found | {"skipped": "too large"}
    if kind not in TEXTS:
        job.log.info("skipped %s: it is %s", url, kind)
        return found | {"skipped": kind}
    is_html = kind in HTML or (not kind and answer.body.lstrip()[:1] == b"<")
    text = decode(answer.body, charset or (charset_inside(answer.body) if is_html else ""))
    if text is None:
        job.log.info("skipped %s: it is binary", url)
        return found | {"skipped": "binary"}
    page = await to_thread.run_sync(_page, text, "html" if is_html else kind)
    asked = answer.headers.get("X-Robots-Tag", "").lower() if rules.obey_robots else ""
    if follow and not (rules.obey_robots and (page.nofollow or "nofollow" in asked)):
        found["links"] = links(url, page, host, rules)
    if rules.obey_robots and (page.noindex or "noindex" in asked):
        job.log.info("skipped %s: it asks robots not to keep it", url)
        return found | {"skipped": "noindex"}
    title = page.title or path_of(url).rstrip("/").rpartition("/")[2] or host_of(url)
    metadata = {
        "content_type": kind,
        "bytes": len(answer.body),
        "description": page.description,
        "language": page.language,
    }
    found["document"] = job.save(
        {
            "source_type": SOURCE_TYPE,
            "source_id": url,
            "url": url,
            "title": title,
            "text": page.text,
            "tags": rules.tags,
            "metadata": {name: fact for name, fact in metadata.items() if fact},
        }
    )
    more = f", {len(found['links'])} links to follow" if "links" in found else ""
    job.log.info("%s: %s, %d characters%s", url, title, len(page.text), more)
    return found


def links(url: str, page: Page, host: str, rules: Rules) -> list[str]:
    """The links of a page that are followed, each once.

    :param host: the only one that they may lead to; empty: any
    """
    base = linked(url, page.base) or url
    found: dict[str, None] = {}
    for link in page.links:
        target = linked(base, link)
        if target is None or target == url or (host and host_of(target) != host):
            continue
        path = path_of(target)
        if (rules.include is None or fits_any(path, rules.include)) and not fits_any(path, rules.exclude):
            found[target] = None
            if len(found) == MOST_LINKS:
                break
    return list(found)


def content_type(headers: httpx.Headers) -> tuple[str, str]:
    """The type of a body, and the encoding that is said to be its."""
    kind, *parameters = headers.get("Content-Type", "").lower().split(";")
    charset = next((each.partition("=")[2] for each in parameters if each.strip().startswith("charset=")), "")
    return kind.strip(), charset.strip(" \"'")


def _page(text: str, kind: str) -> Page:
    if kind == "html":
        return read_html(text)
    title, text = read_markdown(text) if kind == "text/markdown" else ("", text)
    return Page(title, text)


def _is_text(status: int, headers: httpx.Headers) -> bool:
    return status == 200 and content_type(headers)[0] in TEXTS
