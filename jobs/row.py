"""What does a row look like? Rows of the log as one line of ASCII JSON each.

A row is encoded once, when it is written; every reader gets the same bytes. All but ``seq`` and
``line_number`` is known when a worker calls, so the caller prepares the rest and the writer only joins it.
"""

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from json.encoder import encode_basestring_ascii as quote
from typing import Any, Literal

from jobs.exception import describe
from jobs.redact import Redactor

Level = Literal["debug", "info", "warning", "error"]
LEVELS: tuple[Level, ...] = ("debug", "info", "warning", "error")
Originator = Literal["manager", "step", "worker", "system"]

EVENTS = ("job_log", "job_status", "step_progress", "manager_progress")
MESSAGE_BYTES = 16 * 1024
ROW_BYTES = 32 * 1024
DATA_BYTES = 16 * 1024
REASON_CHARACTERS = 1000
EXCEPTION_CHARACTERS = 1000


# Made once: that is half of what it costs to encode a small row.
ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False, default=str)


def now() -> str:
    """The present time, UTC, RFC 3339 with microseconds."""
    seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
    return f"{_to_the_second(seconds)}.{nanoseconds // 1000:06d}Z"


@lru_cache(maxsize=4)
def _to_the_second(seconds: int) -> str:
    """The costly part of a time; thousands of lines share a second."""
    return datetime.fromtimestamp(seconds, UTC).isoformat().removesuffix("+00:00")


def encode(value: Any) -> str:
    """A value as one line of ASCII JSON; what JSON cannot hold is shown by its ``str``.

    :raises ValueError: a number is not finite, or a value holds itself
    """
    return ENCODER.encode(value)


def whole(number: float | None) -> float | int | None:
    """3.0 as 3: what was counted in whole things is shown in whole things."""
    return int(number) if number is not None and number == int(number) else number


@dataclass(frozen=True)
class Source:
    """Whose row it is: the ids that every row of a manager, a step or a worker job carries."""

    manager_id: str
    step_id: str | None = None
    step_name: str | None = None
    job_id: str | None = None
    parent_id: str | None = None
    attempt: int = 1

    @cached_property
    def fields(self) -> str:
        """The ids as members of a JSON object, without the braces."""
        fields = f'"manager_id":{quote(self.manager_id)}'
        if self.step_id:
            fields += f',"step_id":{quote(self.step_id)},"step_name":{encode(self.step_name)}'
        if self.job_id:
            fields += f',"job_id":{quote(self.job_id)},"parent_id":{encode(self.parent_id)}'
            fields += f',"attempt":{self.attempt}'
        return fields


@dataclass(slots=True)
class PreparedLine:
    """A line but for its numbers. ``text`` is its message as it will be found by search."""

    source: Source
    originator: Originator
    level: Level
    text: str
    rest: str
    created_at: str

    def numbered(self, seq: int, line_number: int) -> str:
        """The row, whole."""
        return (
            f'{{"seq":{seq},"event":"job_log",{self.source.fields},"originator":"{self.originator}",'
            f'"level":"{self.level}","line_number":{line_number},{self.rest}'
        )


def prepare_line(
    source: Source,
    originator: Originator,
    level: Level,
    message: str,
    data: Any = None,
    redactor: Redactor | None = None,
) -> PreparedLine:
    """A line ready for its numbers: redacted, cut to 16 KiB of message and 32 KiB of row, encoded.

    What is cut off a message is told by ``truncated``, the message's size before in bytes of UTF-8.
    """
    created_at = now()
    if redactor:
        message = redactor.clean(message)
    data_text = "" if data is None else f'"data":{_data(data, redactor)},'
    room = ROW_BYTES - len(source.fields) - len(data_text) - 256
    text, size = _cut(message, room)
    truncated = "" if size is None else f'"truncated":{size},'
    rest = f'"message":{quote(text)},{data_text}{truncated}"created_at":"{created_at}"}}'
    return PreparedLine(source, originator, level, text, rest, created_at)


def event_row(seq: int, event: str, source: Source, members: str, created_at: str) -> str:
    """A row of any event but ``job_log``.

    :param members: its further fields, as JSON without the braces
    """
    return f'{{"seq":{seq},"event":"{event}",{source.fields},{members},"created_at":"{created_at}"}}'


def encode_data(data: Any) -> str:
    """The ``data`` of a line as JSON; what cannot be encoded is told in its place."""
    try:
        return encode(data)
    except Exception as error:  # its ``str``, or a mapping of one's own, may raise anything
        return encode({"unencodable": describe(error)[1]["text"]})


def _data(data: Any, redactor: Redactor | None) -> str:
    text = encode_data(data)
    if redactor:
        text = redactor.clean_json(text)
    if len(text) <= DATA_BYTES:
        return text
    if isinstance(data, dict) and "exception" in data:
        match json.loads(text):
            case {"exception": {"class": str(name), "text": str(told)}}:
                name, told = name[:EXCEPTION_CHARACTERS], told[:EXCEPTION_CHARACTERS]
                return encode({"exception": {"class": name, "text": told}})
    return encode({"truncated": len(text)})


def _cut(message: str, room: int) -> tuple[str, int | None]:
    """The part of a message that fits, and its size before in bytes if that is not the whole."""
    if len(message) * 12 + 2 <= room and len(message) * 4 <= MESSAGE_BYTES:
        return message, None
    raw = message.encode("utf-8", "surrogatepass")
    text = message
    if len(raw) > MESSAGE_BYTES:
        end = MESSAGE_BYTES
        while raw[end] & 0xC0 == 0x80:  # never inside a character
            end -= 1
        text = raw[:end].decode("utf-8", "surrogatepass")
    if len(quote(text)) > room:
        fits, over = 0, len(text)
        while over - fits > 1:
            middle = (fits + over) // 2
            fits, over = (middle, over) if len(quote(text[:middle])) <= room else (fits, middle)
        text = text[:fits]
    return (text, None) if len(text) == len(message) else (text, len(raw))
