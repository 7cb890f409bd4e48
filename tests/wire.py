"""How does a client speak that may be rude? Requests by bytes, each on a connection of its own."""

import http.client
import json
import socket
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Any

from tests.service_process import Service

SECONDS = 5
JSON = "application/json"


@dataclass
class Answer:
    """A response; header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """Its body, decoded."""
        return json.loads(self.body)


def connect(service: Service) -> socket.socket:
    """A connection to a service."""
    host, _, port = service.url.removeprefix("http://").rpartition(":")
    return socket.create_connection((host, int(port)), SECONDS)


def request(method: str, target: str, headers: Iterable[tuple[str, str]], body: bytes = b"") -> bytes:
    """The bytes of a request; nothing is added to the headers given."""
    head = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + body


def answer(connection: socket.socket, method: str = "GET", *, only_head: bool = False) -> Answer:
    """The next response on a connection; of a stream, its head."""
    with closing(http.client.HTTPResponse(connection, method=method)) as response:
        response.begin()
        body = b"" if only_head else response.read()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, headers, body)


def ask(
    service: Service,
    method: str,
    target: str,
    headers: Mapping[str, str] | None = None,
    body: bytes | Iterable[bytes] = b"",
    *,
    host: str = "localhost",
    only_head: bool = False,
) -> Answer:
    """The answer to one request.

    :param body: bytes come with their Content-Length, parts of a body are sent chunked
    """
    lines = [("Host", host), ("Connection", "close"), *(headers or {}).items()]
    if not isinstance(body, bytes):
        lines.append(("Transfer-Encoding", "chunked"))
        body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in body) + b"0\r\n\r\n"
    elif body:
        lines.append(("Content-Length", str(len(body))))
    with connect(service) as connection:
        with suppress(ConnectionError):  # it may be cut off in the middle of what is too long
            connection.sendall(request(method, target, lines, body))
        return answer(connection, method, only_head=only_head)


def check_problem(found: Answer, status: int) -> dict[str, Any]:
    """Check that an answer is a problem document (RFC 9457) of this status; the document."""
    assert found.status == status, found.body[:500]
    assert found.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = found.json
    assert problem["type"] == "about:blank"
    assert problem["title"] == http.client.responses[status]
    assert problem["status"] == status
    assert isinstance(problem["detail"], str)
    assert problem["detail"]
    for error in problem.get("errors", []):
        assert error.keys() == {"where", "message"}
    return problem
