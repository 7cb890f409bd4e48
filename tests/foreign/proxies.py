"""What may stand before the service? nginx or Caddy, each an ordinary process with its own configuration."""

import os
import pwd
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.programs import program

SECONDS = 20
POLL_SECONDS = 0.02
TRIES = 3  # somebody else may take the port in between

# What a configuration says, for a port and a folder.
Config = Callable[[int, Path], str]
NGINX = """
daemon off;
master_process off;
pid nginx.pid;
error_log stderr;
events {}
http {
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
"""
CADDY = """
{
    admin off
"""


@contextmanager
def nginx(server: Config) -> Iterator[int]:
    """nginx; its port.

    :param server: what ``http`` holds besides
    """

    def start(port: int, folder: Path) -> list[str]:
        (folder / "nginx.conf").write_text(f"{NGINX}{server(port, folder)}\n}}\n", encoding="utf-8")
        return [program("nginx"), "-p", f"{folder}/", "-c", "nginx.conf", "-e", "stderr"]

    with _started(start) as port:
        yield port


@contextmanager
def caddy(sites: Config, *options: str) -> Iterator[int]:
    """Caddy; its port.

    :param options: global ones; in them {port} is the port
    """

    def start(port: int, folder: Path) -> list[str]:
        lines = "\n".join(option.format(port=port) for option in options)
        (folder / "Caddyfile").write_text(f"{CADDY}{lines}\n}}\n{sites(port, folder)}\n", encoding="utf-8")
        return [program("caddy"), "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]

    with _started(start) as port:
        yield port


@contextmanager
def _started(command: Callable[[int, Path], list[str]]) -> Iterator[int]:
    """A server, once it takes connections. Root starts it as nobody, in a folder that nobody owns."""
    nobody = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="stepstream-proxy-") as name:
        folder = Path(name)
        for _ in range(TRIES):
            port = _free_port()
            arguments = command(port, folder)
            if nobody:
                for path in (folder, *folder.rglob("*")):
                    os.chown(path, nobody.pw_uid, nobody.pw_gid)
            with (folder / "errors.txt").open("w", encoding="utf-8") as errors:
                process = subprocess.Popen(
                    arguments,
                    cwd=folder,
                    env={"HOME": name, "PATH": os.defpath},
                    stderr=errors,
                    user=nobody and nobody.pw_uid,
                    group=nobody and nobody.pw_gid,
                    extra_groups=[] if nobody else None,
                )
            try:
                if _listens(process, port):
                    yield port
                    return
            finally:
                process.kill()
                process.wait()
        pytest.fail(f"{arguments[0]} does not listen: {(folder / 'errors.txt').read_text()}")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def _listens(process: "subprocess.Popen[bytes]", port: int) -> bool:
    """Whether a process takes connections, as soon as that can be told."""
    deadline = time.monotonic() + SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), SECONDS):
            return process.poll() is None
        time.sleep(POLL_SECONDS)
    return False
