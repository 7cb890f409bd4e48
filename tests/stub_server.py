"""What does an API's server say? Answers that a test sets, one after the other."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.local_server import Asked, LocalServer


@dataclass(frozen=True)
class Say:
    """An answer. A body that is no text is sent as JSON."""

    body: Any = ""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    cut: bool = False  # whether the connection ends before the body does


Answer = Say | Callable[[Asked], Say]


class StubServer(LocalServer):
    """Gives the answers of a script in turn, then the last of them again and again."""

    def __init__(self) -> None:
        self._script: list[Answer] = []
        super().__init__()

    def says(self, *script: Answer) -> None:
        """Set what it answers from now on, and forget what it was asked."""
        with self._lock:
            self._script, self.asked, self.most_at_once = list(script), [], 0

    def answer(self, handler: BaseHTTPRequestHandler, asked: Asked) -> None:
        """Give the next answer."""
        with self._lock:
            answer = self._script.pop(0) if len(self._script) > 1 else self._script[0]
        said = answer(asked) if callable(answer) else answer
        time.sleep(said.delay)
        body = (said.body if isinstance(said.body, str) else json.dumps(said.body)).encode()
        handler.send_response(said.status)
        for name, value in said.headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body) + said.cut))
        handler.end_headers()
        handler.wfile.write(body)
