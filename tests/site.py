"""What is on a site? Pages by their paths, which a test sets."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

from tests.local_server import Asked, LocalServer


@dataclass
class Reply:
    """What is answered for a path; the pieces of the body are sent one by one, with pauses between them."""

    body: bytes | str = b""
    kind: str = "text/html"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    pieces: int = 1
    pause: Callable[[], object] = lambda: None


class Site(LocalServer):
    """Serves pages. Paths that are not set are answered with 404.

    :param pages: replies by path; a text is a page of HTML
    """

    def __init__(self, pages: Mapping[str, Reply | str] | None = None, address: str = "127.0.0.1") -> None:
        self.pages: dict[str, Reply | str] = dict(pages or {})
        self.closing = threading.Event()
        super().__init__(address)

    def answer(self, handler: BaseHTTPRequestHandler, asked: Asked) -> None:
        """Send the page, if there is one."""
        reply = self.pages.get(asked.path, Reply("not here", status=404))
        if isinstance(reply, str):
            reply = Reply(reply)
        body = reply.body.encode() if isinstance(reply.body, str) else reply.body
        handler.send_response(reply.status)
        if reply.kind:
            handler.send_header("Content-Type", reply.kind)
        for name, value in reply.headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        size = -(-len(body) // reply.pieces)
        for start in range(0, len(body), size or 1):
            handler.wfile.write(body[start : start + size])
            handler.wfile.flush()
            reply.pause()

    @property
    def paths(self) -> list[str]:
        """What was asked for, in order."""
        return [asked.path for asked in self.asked]

    def close(self) -> None:
        """Stop serving."""
        self.closing.set()
        super().close()
