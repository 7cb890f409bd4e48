"""Which address is connected to? One of those that were checked: a name is resolved once for each request.

A page may name any host, a host's name may lead to any address, and to another one a moment later. Looking
it up, checking, and letting the HTTP client look it up again would check nothing.
"""

import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from functools import cache

import anyio
import httpx

from jobs.exception import Failure

PORTS = {"http": 80, "https": 443}
# Where only IPv6 is spoken, the addresses of IPv4 are in the last four bytes of these (RFC 6052).
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# What not every Python knows to be of no host on the internet: protocols' own, and what once was site-local.
SPECIAL = (ipaddress.IPv4Network("192.0.0.0/24"), ipaddress.IPv6Network("fec0::/10"))

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


class Refused(Failure):
    """An address that may not be connected to."""


async def resolve(host: str, port: int) -> Sequence[str]:
    """The addresses of a host, as the system knows them.

    :raises Failure: there are none
    """
    try:
        found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Failure(f"{host} has no address: {error}") from None
    return list(dict.fromkeys(str(address[4][0]) for address in found))


def is_public(address: str) -> bool:
    """Whether an address is one of the public internet; also of an address that is inside another."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(known, ipaddress.IPv6Address):
        if known in NAT64:
            return is_public(str(ipaddress.IPv4Address(int(known) & 0xFFFFFFFF)))
        if known.ipv4_mapped is not None:
            return is_public(str(known.ipv4_mapped))
        tunnelled = [known.sixtofour, *(known.teredo or ())]
        if known.scope_id or not all(is_public(str(inner)) for inner in tunnelled if inner):
            return False
    if any(known in network for network in SPECIAL):
        return False
    return known.is_global and not (known.is_multicast or known.is_reserved)


class PinnedTransport(httpx.AsyncBaseTransport):
    """Sends each request to an address that was checked; the certificate is still that of the name.

    No proxy is asked: it would look names up by itself. No connection is kept for another request: that may
    have another name and the same address.

    :param allow_private: whether every address is allowed
    :param resolve: looks up the addresses of a host
    :param is_allowed: whether an address may be connected to, if not every one is
    :param inner: what connects
    """

    def __init__(
        self,
        allow_private: bool = False,
        resolve: Resolve = resolve,
        is_allowed: Callable[[str], bool] = is_public,
        inner: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._allow_private = allow_private
        self._resolve = resolve
        self._is_allowed = is_allowed
        self._inner = inner or httpx.AsyncHTTPTransport(
            verify=_certificates(), limits=httpx.Limits(max_keepalive_connections=0)
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Part of ``httpx.AsyncBaseTransport``.

        :raises Refused: the host has an address that is not allowed; then none of them is tried
        """
        host = request.url.raw_host.decode("ascii")
        addresses = await self._resolve(host, request.url.port or PORTS[request.url.scheme])
        for address in addresses:
            if not self._allow_private and not self._is_allowed(address):
                raise Refused(
                    f"refused: {host} has the address {address}, which is not public"
                    " (allow_private = true permits it)"
                )
        problem: httpx.TransportError = httpx.ConnectError(f"{host} has no address")
        extensions = request.extensions if _is_address(host) else {**request.extensions, "sni_hostname": host}
        for address in addresses:
            pinned = httpx.Request(
                request.method,
                request.url.copy_with(host=address),
                headers=request.headers,  # Host among them
                stream=request.stream,
                extensions=extensions,
            )
            try:
                return await self._inner.handle_async_request(pinned)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                problem = error
        raise problem

    async def aclose(self) -> None:
        """Close what is open."""
        await self._inner.aclose()


@cache
def _certificates() -> ssl.SSLContext:
    """Made once: reading the certificates of all authorities takes a while."""
    return httpx.create_ssl_context()


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
