"""When will a step end? Its own rate so far, blended with how long it took in earlier runs.

Of the two, the step's own rate counts for the share of its work that is done. That is one formula: the share
that is left of the longer of what it took before and what it has taken now. A step that is behind its history
leaves it sooner: the own rate counts for ``elapsed / median`` at least, so history has no say once it is
overdue.

Worker jobs are taken to be alike, and those known now to be all. While the step's own function runs there may
be more to come; a single job that is left then says nothing, as a function may spawn and await one at a time.
"""

import math


def estimate(
    total: int,
    ended: float,
    *,
    function_ended: bool,
    elapsed: float,
    median: float | None,
    least: float | None = None,
) -> float | None:
    """Seconds until a running step ends, to 0.1 s; None when nothing tells.

    :param total: its worker jobs in this attempt, as far as they are known
    :param ended: how many of them have ended, however; parts of those that run, as far as they tell
    :param function_ended: whether the step's own function has, so that only worker jobs can add to the total
    :param elapsed: seconds since this attempt of the step started
    :param median: seconds that earlier runs of the step took, in the middle; None without any
    :param least: seconds that the slowest running worker job still takes, by its own progress
    """
    left = max(total - ended, 0)
    if function_ended and left == 0:
        return 0.0
    elapsed = max(elapsed, 0.0)
    live = elapsed * left / ended if ended > 0 and (function_ended or left > 1) else None
    history = median - elapsed if median is not None and median > elapsed else None
    if live is None:
        seconds = history
    elif history is None:
        seconds = live
    else:
        weight = max(ended / total, elapsed / (elapsed + history))
        seconds = weight * live + (1 - weight) * history
    if seconds is not None and least is not None:
        seconds = max(seconds, least)
    return round(seconds, 1) if seconds is not None and math.isfinite(seconds) else None
