"""When will a step end? Sensible in simulated steps, and a number that can be shown whatever is put in."""

import math
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.eta import estimate

JOBS = 50
seconds = st.floats(0, 1e9)
medians = st.none() | seconds


@st.composite
def counts(draw: st.DrawFn) -> tuple[int, int]:
    """Worker jobs in total, and how many have ended."""
    total = draw(st.integers(0, 100_000))
    return total, draw(st.integers(0, total))


@given(counts(), st.booleans(), st.floats(), st.none() | st.floats())
def test_it_is_a_number_that_can_be_shown_or_none(
    count: tuple[int, int], function_ended: bool, elapsed: float, median: float | None
) -> None:
    found = estimate(*count, function_ended=function_ended, elapsed=elapsed, median=median)
    assert found is None or (math.isfinite(found) and found >= 0 and found == round(found, 1))


@given(counts(), st.booleans(), seconds, medians)
def test_more_that_has_ended_is_never_a_later_end(
    count: tuple[int, int], function_ended: bool, elapsed: float, median: float | None
) -> None:
    total, ended = count
    now = estimate(total, ended, function_ended=function_ended, elapsed=elapsed, median=median)
    later = estimate(total, ended + 1, function_ended=function_ended, elapsed=elapsed, median=median)
    if ended > 0 and total - ended > 2 and now is not None:
        assert later is not None
        assert later <= now + 0.1


@given(counts(), st.booleans(), seconds, medians)
def test_it_lies_between_its_own_rate_and_history(
    count: tuple[int, int], function_ended: bool, elapsed: float, median: float | None
) -> None:
    total, ended = count
    found = estimate(total, ended, function_ended=function_ended, elapsed=elapsed, median=median)
    live = estimate(total, ended, function_ended=function_ended, elapsed=elapsed, median=None)
    if found is not None and live is not None and median is not None and median > elapsed and live > 0:
        low, high = sorted((live, median - elapsed))
        assert low - 0.1 <= found <= high + 0.1 + high * 1e-9


@pytest.mark.parametrize("function_ended", [True, False])
@pytest.mark.parametrize("history", [None, 100.0, 119.0, 60.0, 25.0])
@pytest.mark.parametrize("share", [0.5, 0.6, 0.75, 0.9])
def test_a_step_of_constant_rate_is_known_after_half(
    share: float, history: float | None, function_ended: bool
) -> None:
    """It takes 100 s, without a history, with one much shorter or somewhat longer: within 10 % of that."""
    ended, elapsed = int(JOBS * share), 100.0 * share
    found = estimate(JOBS, ended, function_ended=function_ended, elapsed=elapsed, median=history)
    assert found is not None
    assert abs(found - (100 - elapsed)) <= 10


def test_history_leads_at_the_start() -> None:
    """One of fifty has ended, late because it was the first."""
    found = estimate(JOBS, 1, function_ended=True, elapsed=6, median=100)
    assert found == pytest.approx(100 - 6, rel=0.15)
    assert estimate(JOBS, 1, function_ended=True, elapsed=6, median=None) == 6 * 49


def test_a_step_that_is_slower_than_before_leaves_its_history() -> None:
    """It takes twice as long: there is no history any more when it is overdue."""
    found = [
        estimate(JOBS, ended, function_ended=True, elapsed=4.0 * ended, median=100)
        for ended in range(1, JOBS)
    ]
    real = [4.0 * (JOBS - ended) for ended in range(1, JOBS)]
    assert all(each is not None and each <= true for each, true in zip(found, real, strict=True))
    assert found[24:] == real[24:]


@pytest.mark.parametrize(
    ("total", "ended", "function_ended", "elapsed", "median", "expected"),
    [
        (10, 0, True, 5.0, None, None),  # nothing done, no history
        (10, 0, True, 5.0, 60.0, 55.0),
        (10, 0, True, 61.0, 60.0, None),  # overdue, and nothing else is known
        (10, 0, False, 5.0, 60.0, 55.0),
        (0, 0, False, 5.0, None, None),  # the function is all there is
        (0, 0, False, 5.0, 60.0, 55.0),
        (0, 0, True, 5.0, 60.0, 0.0),
        (10, 10, True, 5.0, 60.0, 0.0),
        (10, 10, False, 5.0, None, None),  # more may come
        (10, 10, False, 5.0, 60.0, 55.0),
        (10, 9, False, 9.0, None, None),  # one at a time, perhaps
        (10, 9, False, 9.0, 60.0, 51.0),
        (10, 9, True, 9.0, None, 1.0),
        (10, 5, False, 5.0, None, 5.0),
        (3, 2, True, 1.0, None, 0.5),
        (10, 5, True, 5.0, math.nan, 5.0),
        (10, 5, True, 5.0, math.inf, None),
        (10, 5, True, -1.0, None, 0.0),
        (5, 10, True, 5.0, None, 0.0),
    ],
)
def test_what_is_known_is_used(
    total: int,
    ended: int,
    function_ended: bool,
    elapsed: float,
    median: float | None,
    expected: float | None,
) -> None:
    assert estimate(total, ended, function_ended=function_ended, elapsed=elapsed, median=median) == expected


def test_no_step_ends_before_its_slowest_worker_job() -> None:
    """Of two worker jobs one was quick, and the other says that it has done 4 of 100 in 4 s."""
    known = partial(estimate, 2, function_ended=True, elapsed=4.0)
    assert known(1.04, median=None) == 3.7
    assert known(1.04, median=None, least=96.0) == 96.0
    assert known(1.04, median=300.0, least=96.0) == pytest.approx(144.0, abs=0.1)
    assert known(0, median=None, least=96.0) is None
