"""How is a stream read? Server-Sent Events out of bytes, however they arrive.

https://html.spec.whatwg.org/multipage/server-sent-events.html. Not by a client's lines of text: those also
end at U+2028 and U+0085, which end no line here.
"""

import re
from typing import NamedTuple

LINE_END = re.compile(rb"\r\n|\n|\r")


class Message(NamedTuple):
    """One event as it was sent."""

    event: str
    data: str


class Parser:
    """Takes bytes, gives the events that are complete; ``last_id`` is where to go on after them."""

    def __init__(self, last_id: str = "") -> None:
        self.last_id = last_id
        self._rest = b""
        self._id = last_id
        self._event = ""
        self._data: list[str] = []

    def feed(self, chunk: bytes) -> list[Message]:
        """The events that end in this piece."""
        text = self._rest + chunk
        *lines, self._rest = LINE_END.split(text)
        if text.endswith(b"\r"):  # perhaps the first half of a line's end
            self._rest = lines.pop() + b"\r"
        return [message for line in lines if (message := self._line(line))]

    def _line(self, line: bytes) -> Message | None:
        if not line:
            return self._dispatch()
        field, _, value = line.partition(b":")
        text = value.removeprefix(b" ").decode("utf-8", "replace")
        match field:
            case b"event":
                self._event = text
            case b"data":
                self._data.append(text)
            case b"id" if "\0" not in text:
                self._id = text
        return None

    def _dispatch(self) -> Message | None:
        self.last_id = self._id
        event, data = self._event or "message", self._data
        self._event, self._data = "", []
        return Message(event, "\n".join(data)) if data else None
