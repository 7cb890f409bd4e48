"""Promise: each further try waits twice as long as the one before, up to an hour, and not all the same."""

from hypothesis import given
from hypothesis import strategies as st

from jobs.retry_delay import retry_delay


@given(first=st.floats(0.001, 100_000), failures=st.integers(1, 10_000))
def test_it_is_near_twice_the_one_before_and_never_much_more_than_an_hour(
    first: float, failures: int
) -> None:
    expected = min(first * 2 ** min(failures - 1, 30), 3600)
    assert 0.79 * expected <= retry_delay(first, failures) <= 1.21 * expected


def test_those_that_failed_together_come_back_one_by_one() -> None:
    delays = {retry_delay(60, 1) for _ in range(100)}
    assert len(delays) > 90
    assert max(delays) - min(delays) > 6
