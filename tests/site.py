"""A site for a test: a real HTTP server on a free port, whose pages are set from outside."""

import http.server
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Handler = http.server.BaseHTTPRequestHandler
Pause = Callable[[], object]


@dataclass
class Reply:
    """What is answered for a path; the pieces of the body are sent one by one, with pauses between them."""

    body: bytes | str = b""
    kind: str = "text/html"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    pieces: int = 1
    pause: Pause = lambda: None


@dataclass(frozen=True)
class Request:
    """A request as it came."""

    path: str
    headers: Mapping[str, str]
    at: float


class Site:
    """Serves pages until it is closed. Paths that are not set are answered with 404.

    :param pages: replies by path; a text is a page of HTML
    """

    def __init__(self, pages: Mapping[str, Reply | str] | None = None, address: str = "127.0.0.1") -> None:
        self.pages: dict[str, Reply | str] = dict(pages or {})
        self.requests: list[Request] = []
        self.closing = threading.Event()
        site = self

        class Answering(Handler):
            def do_GET(self) -> None:
                site.requests.append(Request(self.path, dict(self.headers), time.monotonic()))
                site._answer(self, site.pages.get(self.path, Reply("not here", status=404)))

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer((address, 0), Answering)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.url = f"http://{address}:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def _answer(self, handler: Handler, reply: Reply | str) -> None:
        if isinstance(reply, str):
            reply = Reply(reply)
        body = reply.body.encode() if isinstance(reply.body, str) else reply.body
        try:
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
        except OSError:  # the client has hung up
            pass

    @property
    def paths(self) -> list[str]:
        """What was asked for, in order."""
        return [request.path for request in self.requests]

    def close(self) -> None:
        """Stop serving."""
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
