"""Who may call? Pure ASGI middleware: the Host allow-list, the cross-origin check, the token, safety headers.

* Host: a page of another site can make its name point to this machine (DNS rebinding); only names that are
  meant for this service are answered, for GET as well, since logs are secrets.
* Origin: a page of another site can make the browser send a POST here. The rule is that of Go's
  ``http.CrossOriginProtection``: ``Sec-Fetch-Site`` decides; without it an ``Origin`` must name our ``Host``;
  with neither it is no browser.
* Token: where there is one, only what shows nothing of the runs is answered without it.
* No CORS header is ever sent, and the panel may load nothing from elsewhere.
"""

from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from jobs.web.headers import SAFETY
from jobs.web.problem import problem
from jobs.web.token import Login

LOCAL = ("localhost", "127.0.0.1", "[::1]")
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
# What needs no token: the panel, which then asks for it, and whether the service is alive.
OPEN = ("/", "/login", "/healthz")
OPEN_FOLDER = "/static/"


class Guard:
    """The outermost floor: refuses who may not call, and sets the safety headers on every answer.

    :param hosts: names allowed besides ``localhost``, ``127.0.0.1`` and ``[::1]``, without a port
    :param login: the token that is needed, if any
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str] = (), login: Login | None = None) -> None:
        self._app = app
        self._login = login
        self._hosts = {*LOCAL, *(host.lower() for host in hosts)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SAFETY.items():
                    headers[name] = value
            await send(message)

        headers = Headers(scope=scope)
        app: ASGIApp = self._app
        if not self._known_host(headers.getlist("host")):
            names = ", ".join(sorted(self._hosts))
            app = problem(400, f"unknown Host; this service answers to {names} (STEPSTREAM_HOSTS adds names)")
        elif scope["method"] not in SAFE_METHODS and _cross_origin(headers):
            app = problem(403, "a page of another origin may not do this")
        elif self._login and not _is_open(scope):
            app = await self._login.refusal(HTTPConnection(scope)) or app
        await app(scope, receive, send_guarded)

    def _known_host(self, hosts: list[str]) -> bool:
        if len(hosts) != 1:
            return False
        name, port = _split_port(hosts[0].lower())
        return name in self._hosts and (port is None or (port.isascii() and port.isdigit()))


def _is_open(scope: Scope) -> bool:
    path: str = scope["path"].removeprefix(scope.get("root_path", ""))
    return path in OPEN or path.startswith(OPEN_FOLDER)


def _split_port(host: str) -> tuple[str, str | None]:
    """The name and the port of a Host header; an IPv6 address keeps its brackets."""
    name, colon, port = host.rpartition(":")
    if not colon or port.endswith("]"):
        return host, None
    return name, port


def _cross_origin(headers: Headers) -> bool:
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    if origin is None:
        return False
    try:
        return urlsplit(origin).netloc.lower() != headers.get("host", "").lower()
    except ValueError:
        return True
