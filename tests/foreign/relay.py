"""How does a stream break off in its middle? A relay before the service lets only so much of it through."""

import math
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

import anyio
from anyio.abc import SocketAttribute, SocketStream, TaskStatus
from anyio.from_thread import start_blocking_portal


@dataclass
class Relay:
    """Hands bytes on, both ways. The next streams that are asked for are cut, each after a number of bytes.

    :param target: the URL of the service
    :param cuts: those numbers, as far as they have not been used yet
    :param url: where it listens
    """

    target: str
    cuts: list[int]
    url: str = ""

    async def serve(self, *, task_status: TaskStatus[str]) -> None:
        """Take connections until cancelled."""
        async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener:
            task_status.started(f"http://127.0.0.1:{listener.extra(SocketAttribute.local_port)}")
            await listener.serve(self._relay)

    async def _relay(self, client: SocketStream) -> None:
        address = urlsplit(self.target)
        left = math.inf
        async with client, anyio.create_task_group() as tasks:
            with suppress(OSError, anyio.BrokenResourceError):
                async with await anyio.connect_tcp(str(address.hostname), int(str(address.port))) as service:

                    async def ask() -> None:
                        nonlocal left
                        with suppress(anyio.BrokenResourceError):
                            async for chunk in client:
                                if b"/events" in chunk:
                                    left = self.cuts.pop(0) if self.cuts else math.inf
                                await service.send(chunk)
                        tasks.cancel_scope.cancel()

                    tasks.start_soon(ask)
                    async for chunk in service:
                        await client.send(chunk[: int(min(left, len(chunk)))])
                        left -= len(chunk)
                        if left <= 0:
                            break
            tasks.cancel_scope.cancel()


@contextmanager
def relay(target: str, cuts: list[int]) -> Iterator[Relay]:
    """A relay that runs beside the test."""
    found = Relay(target, cuts)
    with start_blocking_portal() as portal:
        future, found.url = portal.start_task(found.serve)
        yield found
        future.cancel()
