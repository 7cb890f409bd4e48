"""With which status does a command end, and what does it say if it cannot do what it was asked?"""

OK = 0
FAILED = 1
"""A run failed, was interrupted, or was cancelled by somebody else; a definition has errors."""
NOT_DONE = 2
"""Wrong use, or the service refuses, or it cannot be reached."""
WARNINGS = 3
"""A run completed with warnings."""
SIGNALLED = 128
"""A signal ended it: this and the signal's number, 130 for Ctrl-C."""

OF_A_RUN = {"completed": OK, "completed_with_warnings": WARNINGS}


class CommandError(Exception):
    """A command cannot do what it was asked; the message says why, in one line."""


class Left(BaseException):
    """A signal ends the command.

    :param number: the signal's
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def of_run(status: str, signal_number: int | None) -> int:
    """The exit status for a run that has ended.

    :param signal_number: the signal by which it was asked to be cancelled, if so
    """
    if signal_number is not None and status == "cancelled":
        return SIGNALLED + signal_number
    return OF_A_RUN.get(status, FAILED)
