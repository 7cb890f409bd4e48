"""How is a row shown to a person? As a line of text, coloured if wanted.

What could steer a terminal is shown, not sent (CWE-150): control characters appear as ``\\x1b``. Only colour
codes (SGR) may pass, where colours are wanted.
"""

import json
import re
from typing import Any

from jobs.store.rows import Row

# C0 but tab, DEL, C1, and the two Unicode separators that some terminals break lines at.
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
CONTROL_BUT_COLOUR = re.compile(f"\x1b\\[[0-9;]*m|{CONTROL.pattern}")
LINE_BREAK = re.compile(r"\r\n|\n|\r(?!$)")
LABELS = {"debug": "DEBUG", "info": "INFO", "warning": "WARN", "error": "ERROR"}
COLOURS = {"debug": "\x1b[2m", "info": "", "warning": "\x1b[33m", "error": "\x1b[31m", "state": "\x1b[36m"}
RESET = "\x1b[0m"
INDENT = " " * 19


def is_entry(row: Row) -> bool:
    """Whether a row is shown: lines, and how the statuses of steps and the manager change."""
    if row.event == "job_log":
        return True
    return row.event == "job_status" and row.job_id is None and '"previous":null' not in row.data


def entry(row: Row, *, color: bool) -> str:
    """A row as text, with a line feed at its end; a line break inside a message continues indented."""
    return _entry(json.loads(row.data), color=color)


def entry_of(data: dict[str, Any], *, color: bool) -> str:
    """The same of a row's data; empty for a row that is not shown."""
    is_state = data["event"] == "job_status" and "job_id" not in data and data["previous"] is not None
    return _entry(data, color=color) if is_state or data["event"] == "job_log" else ""


def _entry(data: dict[str, Any], *, color: bool) -> str:
    clock = data["created_at"][11:23]
    who = data.get("step_name") or "manager"
    if data["event"] == "job_log":
        level, label, text = data["level"], LABELS[data["level"]], data["message"]
        if "truncated" in data:
            text += f" … [cut: {data['truncated']} bytes]"
    else:
        level, label, text = "state", "STATE", _status(data)
    lines = [plain(line, color=color) for line in LINE_BREAK.split(text)]
    body = f"\n{INDENT}".join(lines)
    line = f"{clock} {label:<5} {plain(who)} › {body}"
    paint = COLOURS[level] if color else ""
    return f"{paint}{line}{RESET}\n" if paint or (color and "\x1b" in line) else f"{line}\n"


def _status(data: dict[str, Any]) -> str:
    text: str = data["status"]
    if "duration" in data:
        text += f" after {seconds(data['duration'])}"
    if "reason" in data:
        text += f": {data['reason']}"
    return text


def plain(text: str, *, color: bool = False) -> str:
    """A text with what could steer a terminal shown instead.

    :param color: colour codes may pass
    """
    if color:
        return CONTROL_BUT_COLOUR.sub(
            lambda found: found[0] if len(found[0]) > 1 else _escape(found[0]), text
        )
    return CONTROL.sub(lambda found: _escape(found[0]), text)


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def seconds(value: float) -> str:
    """A duration as people read it: ``4.2s``, ``3m05s``, ``2h03m``."""
    if round(value, 1) < 60:
        return f"{value:.1f}s"
    minutes, rest = divmod(round(value), 60)
    if minutes < 60:
        return f"{minutes}m{rest:02d}s"
    return f"{minutes // 60}h{minutes % 60:02d}m"


def summary(manager: dict[str, Any], shown: int, elapsed: float | None) -> str:
    """The last line: how the run ended, or that it has not.

    :param manager: as ``GET /managers/ID`` has it
    :param shown: how many lines this answer has
    """
    total = sum(manager["log_counts"].values())
    took = f" in {seconds(elapsed)}" if elapsed is not None else ""
    steps, jobs = manager["total_steps"], manager["total_jobs"]
    return (
        f"== {manager['status']}{took}: {steps} {'step' if steps == 1 else 'steps'}, "
        f"{jobs} {'job' if jobs == 1 else 'jobs'}, {shown} of {total} lines\n"
    )
