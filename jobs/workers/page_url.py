"""Which page does this text name? Its URL in one form, so that the same page is not read twice."""

from urllib.parse import urljoin

import httpx

from jobs.nearest import quoted

LONGEST = 2000


def page_url(text: str) -> str:
    """The URL of a page, without its fragment.

    :raises ValueError: it is none, with what was expected
    """
    wrong = f"expected a URL that begins with http:// or https://, got {quoted(text[:200])}"
    try:
        url = httpx.URL(text.strip())
    except (httpx.InvalidURL, ValueError):
        raise ValueError(wrong) from None
    if url.scheme not in ("http", "https") or not url.host:
        raise ValueError(wrong)
    if url.userinfo:
        raise ValueError(f"a URL with a user's name is not taken: {url.host}")
    if len(text) > LONGEST:
        raise ValueError(f"a URL of more than {LONGEST} characters is not taken")
    return str(url.copy_with(fragment=None, raw_path=url.raw_path))


def linked(page: str, link: str) -> str | None:
    """The URL that a link of a page leads to; None where it leads to no page."""
    try:
        return page_url(urljoin(page, link.strip()))
    except ValueError:
        return None


def host_of(url: str) -> str:
    """The host of a URL, with its port if that is not the usual one."""
    return httpx.URL(url).netloc.decode("ascii")


def origin_of(url: str) -> str:
    """The scheme and the host of a URL."""
    parts = httpx.URL(url)
    return f"{parts.scheme}://{parts.netloc.decode('ascii')}"


def path_of(url: str) -> str:
    """The path of a URL, without the slash that it begins with."""
    return httpx.URL(url).path.removeprefix("/")
