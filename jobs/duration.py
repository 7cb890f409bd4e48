"""How many seconds is this? Durations as people write them: ``"30s"``, ``"5m"``, ``"2h30m"``, ``1.5``."""

import math
import re
from typing import Any

from jobs.signature import given

_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)")
_WHOLE = re.compile(rf"(?:{_PART.pattern})+")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds(value: Any) -> float:
    """A duration in seconds: a number as it is, a text of numbers with the units ms, s, m and h added up.

    Raises ValueError, with a message for the writer, if it is no duration or not longer than zero.
    """
    length = _length(value)
    if length is None:
        raise ValueError(f'expected a duration such as "30s", "5m" or "1h", got {given(value)}')
    if not 0 < length < math.inf:
        raise ValueError(f"expected a duration longer than zero, got {given(value)}")
    return length


def _length(value: Any) -> float | None:
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        return sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(value))
    if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 2**63:
        return float(value)
    return None
