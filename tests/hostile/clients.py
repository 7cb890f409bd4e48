"""How do clients misbehave? Connections from raw sockets, each kind left in the state that is its own."""

import socket
from collections.abc import Callable

from tests.hostile.watched_service import WatchedService
from tests.wire import connect

HOST = "Host: localhost"
NARROW_BYTES = 4096


def get(path: str, *headers: str, version: str = "1.1", method: str = "GET") -> bytes:
    """The bytes of a request without a body."""
    return "\r\n".join([f"{method} {path} HTTP/{version}", HOST, *headers, "", ""]).encode("latin-1")


def events(manager_id: str) -> str:
    """The path of a manager's stream."""
    return f"/managers/{manager_id}/events"


def asks(service: WatchedService, *parts: bytes) -> socket.socket:
    """A connection that has sent something."""
    connection = connect(service)
    connection.sendall(b"".join(parts))
    return connection


def narrow(service: WatchedService, request: bytes, window: int | None = None) -> socket.socket:
    """A connection that takes little before it is read from.

    :param window: bytes that it takes at a time
    """
    host, _, port = service.url.removeprefix("http://").rpartition(":")
    connection = socket.socket()
    connection.settimeout(10)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, NARROW_BYTES)
    if window is not None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_WINDOW_CLAMP, window)
    connection.connect((host, int(port)))
    connection.sendall(request)
    return connection


# -- one of each kind; ``live`` is a manager that writes, ``many`` one with more rows than connections hold


def says_nothing(service: WatchedService, live: str, many: str) -> socket.socket:
    return connect(service)


def half_a_head(service: WatchedService, live: str, many: str) -> socket.socket:
    return asks(service, get(events(live))[:-2])


def half_a_body(service: WatchedService, live: str, many: str) -> socket.socket:
    return asks(service, get("/definitions/three/runs", "Content-Length: 9", method="POST"), b"{")


def half_a_body_before_a_stream(service: WatchedService, live: str, many: str) -> socket.socket:
    return asks(service, get(events(live), "Content-Length: 9"), b"{")


def reads_nothing_new(service: WatchedService, live: str, many: str) -> socket.socket:
    return narrow(service, get(events(live)))


def reads_nothing_old(service: WatchedService, live: str, many: str) -> socket.socket:
    return narrow(service, get(events(many)))


def reads_no_text(service: WatchedService, live: str, many: str) -> socket.socket:
    return narrow(service, get(f"/managers/{many}/log"))


def reads_no_followed_text(service: WatchedService, live: str, many: str) -> socket.socket:
    return narrow(service, get(f"/managers/{live}/log?follow=true"))


def reads_no_panel(service: WatchedService, live: str, many: str) -> socket.socket:
    return narrow(service, get(f"/events?manager_id={live}"))


def pipelines(service: WatchedService, live: str, many: str) -> socket.socket:
    return asks(service, get(events(live)) * 2)


def pipelines_and_reads_nothing(service: WatchedService, live: str, many: str) -> socket.socket:
    return narrow(service, get(events(many)) * 20)


def half_closes(service: WatchedService, live: str, many: str) -> socket.socket:
    connection = asks(service, get(events(live)))
    connection.shutdown(socket.SHUT_WR)
    return connection


def asks_for_a_head(service: WatchedService, live: str, many: str) -> socket.socket:
    return asks(service, get(events(live), method="HEAD"))


def sends_garbage(service: WatchedService, live: str, many: str) -> socket.socket:
    return asks(service, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")


def sends_garbage_behind(service: WatchedService, live: str, many: str) -> socket.socket:
    return asks(service, get(events(live), "Transfer-Encoding: chunked"), b"zzz\r\n")


Client = Callable[[WatchedService, str, str], socket.socket]
KINDS: list[Client] = [
    says_nothing,
    half_a_head,
    half_a_body,
    half_a_body_before_a_stream,
    reads_nothing_new,
    reads_nothing_old,
    reads_no_text,
    reads_no_followed_text,
    reads_no_panel,
    pipelines,
    pipelines_and_reads_nothing,
    half_closes,
    asks_for_a_head,
    sends_garbage,
    sends_garbage_behind,
]
