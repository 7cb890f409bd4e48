"""How is an answer sent that goes on and on? It notices who has left or takes nothing, and says goodbye."""

import asyncio
import logging
import math
from contextlib import aclosing, nullcontext

import anyio
from sse_starlette import EventSourceResponse
from starlette.types import Receive, Scope, Send

from jobs.hub import Hub
from jobs.web.direct import DIRECT, Writing
from jobs.web.stream import Chunks

logger = logging.getLogger(__name__)

SEND_SECONDS = 45.0
GRACE_SECONDS = 2.0


class Stream(EventSourceResponse):
    """A streamed body that notices who has left, cuts who takes nothing, and says goodbye at a stop.

    sse-starlette's own pings are off: one is sent beside the rows, and an id in it could be older than what
    went out before it. A client that takes nothing for 45 s is cut, which must not look like a clean end.
    """

    def __init__(
        self, content: Chunks, hub: Hub, media_type: str, headers: dict[str, str] | None = None
    ) -> None:
        self._content = content
        self._hub = hub
        super().__init__(content, headers=headers, media_type=media_type, ping=0, sep="\n")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the body; of a HEAD, the headers alone.

        In place of sse-starlette's group of three tasks for each stream: those that a group cancels leave
        garbage that refers to itself, kilobytes for each viewer, which old as it is is hardly ever collected.
        """
        self._loop = asyncio.get_running_loop()
        self._sending_since = math.inf
        if scope["method"] == "HEAD":
            await super().__call__(scope, receive, send)
            return
        self._writing: Writing | None = scope.get("extensions", {}).get(DIRECT)
        self._stalled = False
        watched = self._writing.watched() if self._writing else nullcontext()
        with watched, anyio.CancelScope() as self._cut:
            self._hub.streams.add(self._cut)
            self._watch()
            leaving = self._loop.create_task(self._until_gone(receive))
            try:
                await self._send_all(send)
            finally:
                leaving.cancel()
                self._timer.cancel()
                self._hub.streams.discard(self._cut)
        if self._stalled:
            # Returning before the body's end makes a server close the connection in the middle of it, but
            # first it would wait until the client takes what it was sent.
            logger.warning("a client took nothing for %g s and was cut", SEND_SECONDS)
            if self._writing:
                self._writing.cut()

    async def _until_gone(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._cut.cancel()

    def _watch(self) -> None:
        """Cut who has taken nothing for too long, else look again when that could be."""
        now = self._loop.time()
        stalled = self._writing.stalled_seconds() if self._writing else None
        since = min(self._sending_since, now) if stalled is None else now - stalled
        due = since + SEND_SECONDS
        if due <= now:
            self._stalled = True
            self._cut.cancel()
        else:
            self._timer = self._loop.call_at(due, self._watch)

    async def _send_all(self, send: Send) -> None:
        """Send the body. One timer a stream: sse-starlette's cancel scopes are a fifth of what sends cost."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async with aclosing(self._content) as chunks:
            async for chunk in chunks:
                body = chunk if isinstance(chunk, bytes) else chunk.encode()
                self._sending_since = self._loop.time()
                await send({"type": "http.response.body", "body": body, "more_body": True})
                self._sending_since = math.inf
                self._hub.delivered += len(body)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def say_goodbye(hub: Hub) -> None:
    """Wait until the server stops, whichever it is; let every stream end, and cut those that do not."""
    # The one private name of a library that is used: nothing public tells it of any server, however started.
    await EventSourceResponse._listen_for_exit_signal()
    hub.stopping.set()
    await anyio.sleep(GRACE_SECONDS)
    for stream in list(hub.streams):
        stream.cancel()
