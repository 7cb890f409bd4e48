"""What can be set, and to which values? Flags win over the environment, the environment over defaults."""

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jobs.store.store import Synchronous

NAMES = ("host", "port", "db", "definitions", "workers", "hosts", "token", "synchronous", "log_level")
LOG_LEVELS = ("debug", "info", "warning", "error")
LEAST_TOKEN = 6


class SettingsError(Exception):
    """A setting that cannot be used; the message names it."""


@dataclass(frozen=True)
class Settings:
    """What can be set.

    :param environ: what ``{env.NAME}`` in definitions reads; None: the process's own
    """

    host: str = "127.0.0.1"
    port: int = 8000
    db: Path = Path("stepstream.db")
    definitions: Path | None = None
    workers: Path | None = None
    hosts: tuple[str, ...] = ()
    token: str | None = field(default=None, repr=False)
    synchronous: Synchronous = "FULL"
    log_level: str = "info"
    environ: Mapping[str, str] | None = field(default=None, repr=False)

    @classmethod
    def read(cls, environ: Mapping[str, str], flags: Mapping[str, str | None] | None = None) -> "Settings":
        """The settings of an environment and of flags.

        :raises SettingsError: a value cannot be used
        """
        given = {
            name: value
            for name in NAMES
            if (value := (flags or {}).get(name) or environ.get(f"STEPSTREAM_{name.upper()}"))
        }
        values: dict[str, Any] = {"environ": dict(environ), **given}
        for name in ("db", "definitions", "workers"):
            if name in given:
                values[name] = Path(given[name])
        if "port" in given:
            values["port"] = _port(given["port"])
        if "hosts" in given:
            values["hosts"] = tuple(host.strip() for host in given["hosts"].split(",") if host.strip())
        if "synchronous" in given:
            values["synchronous"] = _choice("synchronous", given["synchronous"].upper(), ("FULL", "NORMAL"))
        if "log_level" in given:
            values["log_level"] = _choice("log_level", given["log_level"].lower(), LOG_LEVELS)
        if "token" in given:
            _check_token(given["token"])
        settings = cls(**values)
        if settings.token is None and not _is_loopback(settings.host):
            raise SettingsError(
                f"host {settings.host}: an address that others can reach needs a token (STEPSTREAM_TOKEN)"
            )
        return settings

    @property
    def host_names(self) -> tuple[str, ...]:
        """What requests may give as ``Host``: the service's own address, and what is set besides."""
        in_brackets = ":" in self.host and not self.host.startswith("[")
        return (f"[{self.host}]" if in_brackets else self.host, *self.hosts)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= 65535):
        raise SettingsError(f'port: expected a number from 0 to 65535, got "{text}"')
    return int(text)


def _choice(name: str, value: str, choices: Sequence[str]) -> str:
    if value not in choices:
        raise SettingsError(f'{name}: expected {" or ".join(choices)}, got "{value}"')
    return value


def _check_token(token: str) -> None:
    """A token has to fit into a header; a shorter one cannot be told from other text in the log."""
    if len(token) < LEAST_TOKEN or not all("!" <= letter <= "~" for letter in token):
        raise SettingsError(
            f"STEPSTREAM_TOKEN: expected {LEAST_TOKEN} or more characters of ASCII, none of them a blank"
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
