"""What does somebody else's server say? A real HTTP server on a free port, with answers that a test sets."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs


@dataclass(frozen=True)
class Asked:
    """A request as it came: over the socket, read by somebody else's code."""

    path: str
    headers: Mapping[str, str]
    text: str
    at: float

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.text)

    @property
    def form(self) -> dict[str, str]:
        """The body as a form."""
        return {key: values[0] for key, values in parse_qs(self.text).items()}


@dataclass(frozen=True)
class Say:
    """An answer. A body that is no text is sent as JSON."""

    body: Any = ""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    cut: bool = False  # whether the connection ends before the body does


Answer = Say | Callable[[Asked], Say]


class StubServer:
    """Gives the answers of ``script`` one after the other, then the last of them again and again."""

    def __init__(self) -> None:
        self.script: list[Answer] = []
        self.asked: list[Asked] = []
        self.most_at_once = 0
        self._at_once = 0
        self._lock = threading.Lock()
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                stub._serve(self)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    def says(self, *script: Answer) -> None:
        """Set what it answers from now on, and forget what it was asked."""
        with self._lock:
            self.script, self.asked, self.most_at_once = list(script), [], 0

    def close(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        text = handler.rfile.read(int(handler.headers.get("Content-Length", 0))).decode()
        asked = Asked(handler.path, dict(handler.headers.items()), text, time.monotonic())
        with self._lock:
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            answer = self.script[min(len(self.asked), len(self.script) - 1)]
            self.asked.append(asked)
        try:
            self._answer(handler, answer(asked) if callable(answer) else answer)
        except (BrokenPipeError, ConnectionResetError):
            pass  # who asked has given up
        finally:
            with self._lock:
                self._at_once -= 1

    def _answer(self, handler: BaseHTTPRequestHandler, said: Say) -> None:
        time.sleep(said.delay)
        body = (said.body if isinstance(said.body, str) else json.dumps(said.body)).encode()
        handler.send_response(said.status)
        for name, value in said.headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body) + said.cut))
        handler.end_headers()
        handler.wfile.write(body)


@contextmanager
def stub_server() -> Iterator[StubServer]:
    """A server that runs as long as the block does."""
    stub = StubServer()
    try:
        yield stub
    finally:
        stub.close()
