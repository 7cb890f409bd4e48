"""How long does a failed worker job wait for its next try? Twice as long as before, more or less."""

import random

LONGEST_SECONDS = 3600.0
# Those that failed together do not come back together: within these parts of it.
JITTER = (0.8, 1.2)


def retry_delay(first: float, failures: int) -> float:
    """The seconds before the next try.

    :param first: those before the second try, about
    :param failures: how many tries have failed
    """
    seconds = min(first * 2.0 ** min(failures - 1, 60), LONGEST_SECONDS)
    return seconds * random.uniform(*JITTER)
