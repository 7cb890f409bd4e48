"""Worker type ``command``: what does a program print, and how does it end?"""

import os
import pwd
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Literal

from jobs import duration
from jobs.exception import Failure
from jobs.job import Job
from jobs.mark import worker
from jobs.nearest import quoted
from jobs.row import Level
from jobs.workers.program import Program, how_it_ended
from jobs.workers.program_output import Lines

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
MOST_LINES = 100_000
LAST_LINES = 20


@worker("command")
def command(
    step: Job,
    argv: list[str | int | float],
    folder: str = "",
    environment: dict[str, str] | None = None,
    time_limit: str | float | None = None,
    accepted_statuses: list[int] | None = None,
    stderr_level: Literal["debug", "info", "warning", "error"] = "warning",
    max_lines: int = MOST_LINES,
) -> None:
    """Run a program as one worker job, which completes if its exit status is accepted.

    :param argv: the program and its arguments; there is no shell
    :param folder: where it runs, relative to the definition
    :param environment: what it gets beside PATH, HOME and LANG; nothing is inherited
    :param time_limit: how long one try may take: a duration, or seconds
    :param accepted_statuses: exit statuses that are no failure; None: 0 alone
    :param stderr_level: the level of what it prints to standard error
    :param max_lines: of more than so many only the last ones are kept
    :raises Failure: a value is of no use
    """
    words = [str(each) for each in argv]  # a parameter may be a number
    check_argv(words)
    own = environment or {}
    check_environment(own)
    if max_lines < 1:
        raise Failure(f"max_lines is {max_lines}, expected 1 or more")
    for status in accepted_statuses or ():
        if not 0 <= status <= 255:
            raise Failure(f"accepted_statuses has {status}, expected numbers from 0 to 255")
    where = (step.definition_path.absolute().parent / folder).resolve()
    if not where.is_dir():
        raise Failure(f"folder is {quoted(folder)}: there is no such folder ({where})")
    step.spawn(
        run_program,
        words,
        str(where),
        own,
        seconds_of("time_limit", time_limit),
        [0] if accepted_statuses is None else accepted_statuses,
        stderr_level,
        max_lines,
    )


@worker(process=True)
def run_program(
    job: Job,
    argv: list[str],
    folder: str,
    environment: dict[str, str],
    time_limit: float | None,
    accepted_statuses: list[int],
    stderr_level: Level,
    max_lines: int,
) -> dict[str, Any]:
    """Run a program and write what it prints as lines.

    :returns: the exit status, and how many lines it has printed
    :raises Failure: it cannot be started, takes too long, or ends otherwise than it may
    """
    record = Record(job, max_lines)
    stdout = Lines(partial(record.write, "info", "stdout"))
    stderr = Lines(partial(record.write, stderr_level, "stderr"))
    job.log.info("running %s in %s", argv[0], folder, data={"argv": argv})
    try:
        status = Program(argv, folder, full_environment(environment), (stdout, stderr)).run(time_limit)
    finally:
        record.end(stdout.cut + stderr.cut)
    if status not in accepted_statuses:
        raise Failure(f"{argv[0]} {how_it_ended(status)}")
    return {"exit_status": status, "lines": record.lines}


class Record:
    """Keeps a program's lines in the log, the first ones at once and the last ones at the end.

    :param most: how many are kept at once
    """

    def __init__(self, job: Job, most: int) -> None:
        self.lines = 0
        self._job = job
        self._most = most
        self._last: deque[tuple[Level, str, str]] = deque(maxlen=LAST_LINES)

    def write(self, level: Level, stream: str, text: str) -> None:
        """Take a line."""
        self.lines += 1
        if self.lines <= self._most:
            self._job.write(level, text, {"stream": stream})
            return
        if self.lines == self._most + 1:
            self._job.log.warning(
                "more than %d lines (max_lines): of the others, the last %d are kept", self._most, LAST_LINES
            )
        self._last.append((level, stream, text))

    def end(self, cut: int) -> None:
        """Write the last lines, and what is missing.

        :param cut: how many lines were too long
        """
        left_out = self.lines - self._most - len(self._last)
        if left_out > 0:
            self._job.log.warning("%d lines left out", left_out)
        for level, stream, text in self._last:
            self._job.write(level, text, {"stream": stream})
        self._last.clear()
        if cut:
            self._job.log.warning("%d lines were longer than 64 KiB: their ends are left out", cut)


def check_argv(argv: Sequence[str]) -> None:
    """Whether a program can be called so.

    :raises Failure: it cannot
    """
    if not argv or not argv[0]:
        raise Failure(
            'argv is empty, expected a program and its arguments, as in ["rsync", "-a", "from", "to"]'
        )
    for number, argument in enumerate(argv):
        if "\0" in argument:
            raise Failure(f"argv[{number}] has a NUL character")


def check_environment(environment: Mapping[str, str]) -> None:
    """Whether a program can be given these variables.

    :raises Failure: it cannot
    """
    for name, value in environment.items():
        if not name or "=" in name or "\0" in name:
            raise Failure(f"environment has {quoted(name)}, which cannot be the name of a variable")
        if "\0" in value:
            raise Failure(f"environment.{name} has a NUL character")


def full_environment(own: Mapping[str, str]) -> dict[str, str]:
    """All variables of a program: a few that most need, and its own."""
    environ = {"PATH": PATH, "LANG": "C.UTF-8"}
    with suppress(KeyError):  # an account without an entry
        environ["HOME"] = pwd.getpwuid(os.getuid()).pw_dir
    return {**environ, **own}


def seconds_of(key: str, value: str | float | None) -> float | None:
    """A key's duration in seconds; None where there is none.

    :raises Failure: it is none, with the key's name
    """
    if value is None:
        return None
    try:
        return duration.seconds(value)
    except ValueError as error:
        raise Failure(f"{key}: {error}") from None
