"""How is an answer sent that goes on and on? It notices who has left or takes nothing, and says goodbye."""

import asyncio
import logging
import math
from collections.abc import AsyncIterable
from typing import Any

import anyio
from sse_starlette import EventSourceResponse
from starlette.types import Message, Receive, Scope, Send

from jobs.hub import Hub
from jobs.web.direct import DIRECT, Writing

logger = logging.getLogger(__name__)

SEND_SECONDS = 45.0
GRACE_SECONDS = 2.0


class Stream(EventSourceResponse):
    """A streamed body that notices who has left, cuts who takes nothing, and says goodbye at a stop.

    sse-starlette's own pings are off: one is sent beside the rows, and an id in it could be older than what
    went out before it. A client that takes nothing for 45 s is cut, which must not look like a clean end.
    """

    def __init__(
        self, content: AsyncIterable[Any], hub: Hub, media_type: str, headers: dict[str, str] | None = None
    ) -> None:
        self._hub = hub
        super().__init__(
            content,
            headers=headers,
            media_type=media_type,
            ping=0,
            sep="\n",
            shutdown_event=hub.stopping,
            shutdown_grace_period=GRACE_SECONDS,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the body."""
        self._loop = asyncio.get_running_loop()
        self._writing: Writing | None = scope.get("extensions", {}).get(DIRECT)
        self._sending_since = math.inf
        self._hub.streams += 1
        with anyio.CancelScope() as self._cut:
            self._watch()
            try:
                await super().__call__(scope, receive, send)
            finally:
                self._timer.cancel()
                self._hub.streams -= 1
        if self._cut.cancelled_caught:
            # Returning before the body's end makes a server close the connection in the middle of it, but
            # first it would wait until the client takes what it was sent.
            logger.warning("a client took nothing for %g s and was cut", SEND_SECONDS)
            if self._writing:
                self._writing.cut()

    def _watch(self) -> None:
        """Cut who has taken nothing for too long, else look again when that could be."""
        now = self._loop.time()
        since = now - self._writing.stalled_seconds() if self._writing else min(self._sending_since, now)
        due = since + SEND_SECONDS
        if due <= now:
            self._cut.cancel()
        else:
            self._timer = self._loop.call_at(due, self._watch)

    async def _send_with_timeout(self, send: Send, message: Message) -> None:
        """One timer a stream; sse-starlette's one cancel scope a send is a fifth of what a send costs."""
        self._sending_since = self._loop.time()
        await send(message)
        self._sending_since = math.inf
        self._hub.delivered += len(message.get("body", b""))
