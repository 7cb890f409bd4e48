"""What does an API answer? Its JSON, what went wrong, and for how long it asks to wait."""

import json
import re
from dataclasses import dataclass
from typing import Any

import httpx

from jobs.workers.turns import retry_after

COMPLAINT_CHARACTERS = 300


@dataclass(frozen=True)
class Answer:
    """What a server answered."""

    status: int
    phrase: str
    headers: httpx.Headers
    body: str

    def json(self) -> Any:
        """The body as JSON.

        :raises ValueError: it is none
        """
        try:
            return json.loads(self.body)
        except RecursionError:
            raise ValueError("nested too deeply") from None

    def __str__(self) -> str:
        said = complaint(self.body)
        return f"{self.status} {self.phrase}".strip() + (f": {said}" if said else "")


def asked_wait(answer: Answer) -> float | None:
    """For how many seconds an answer asks to wait, None if it does not say.

    Where there is no ``Retry-After``, Google's APIs say it in the body, as ``RetryInfo`` among the details of
    the error (https://google.aip.dev/193,
    https://github.com/googleapis/googleapis/blob/master/google/rpc/error_details.proto).
    """
    if "Retry-After" in answer.headers:
        return retry_after(answer.headers["Retry-After"])
    found = re.search(r'"retryDelay"\s*:\s*"([0-9]{1,9}(?:\.[0-9]{1,9})?)s"', answer.body)
    return float(found[1]) if found else None


def complaint(body: str) -> str:
    """What a body says went wrong: the message of a JSON error, else the text of a page, shortened."""
    try:
        said: Any = json.loads(body)
    except (ValueError, RecursionError):
        said = re.sub(r"<(style|script|head)\b.*?</\1>|<[^<>]*>", " ", body[:20_000], flags=re.DOTALL | re.I)
    while isinstance(said, dict | list):
        inside = list(said.values())[:1] if isinstance(said, dict) else said[:1]
        for key in ("error", "message", "detail"):
            if isinstance(said, dict) and said.get(key):
                inside = [said[key]]
                break
        said = inside[0] if inside else ""
    text = " ".join(str(said).split())
    return text if len(text) <= COMPLAINT_CHARACTERS else f"{text[:COMPLAINT_CHARACTERS]}…"
