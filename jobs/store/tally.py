"""How much was written since the start, and how long did it take? Counted once a commit, not once a row."""

from bisect import bisect_left
from itertools import accumulate

from jobs.row import LEVELS
from jobs.store.commit import Commit

# Seconds, the upper bounds of classes of commits; a last class has what took longer.
BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Tally:
    """What one writer has done. The writer's thread counts, any thread reads."""

    def __init__(self) -> None:
        self.rows = 0
        self.lines = dict.fromkeys(LEVELS, 0)
        self.seconds = 0.0
        self.failed_tries = 0
        self._classes = [0] * (len(BOUNDS) + 1)

    def add(self, commit: Commit, seconds: float) -> None:
        """Count a commit.

        :param seconds: how long it took, from taking the write lock to the end of COMMIT
        """
        self.rows += commit.size
        levels = commit.levels()
        for level in LEVELS:
            self.lines[level] += levels.count(level)
        self.seconds += seconds
        self._classes[bisect_left(BOUNDS, seconds)] += 1

    def up_to(self) -> list[tuple[float, int]]:
        """How many commits took at most so many seconds, for each bound; the last one is infinite."""
        return list(zip((*BOUNDS, float("inf")), accumulate(self._classes), strict=True))
