"""Are the generator's workers numbered uniquely, and do the same ones fail for the same seed?"""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.workers.test_job_generator import child_number, fails


def tree(worker_count: int, child_count: int, depth: int) -> list[str]:
    level = [str(number) for number in range(1, worker_count + 1)]
    everyone = list(level)
    for _ in range(depth):
        level = [child_number(parent, child) for parent in level for child in range(1, child_count + 1)]
        everyone += level
    return everyone


def test_numbers_show_the_descent() -> None:
    assert child_number("3", 1) == "3.1"
    assert tree(1, 2, 2) == ["1", "1.1", "1.2", "1.1.1", "1.1.2", "1.2.1", "1.2.2"]


@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 2))
def test_numbers_are_unique(worker_count: int, child_count: int, depth: int) -> None:
    numbers = tree(worker_count, child_count, depth)
    assert len(set(numbers)) == len(numbers)


@given(st.integers())
def test_no_rate_fails_none_and_full_rate_fails_all(seed: int) -> None:
    numbers = tree(3, 3, 1)
    assert not any(fails(number, 0.0, seed) for number in numbers)
    assert all(fails(number, 1.0, seed) for number in numbers)


def test_failures_depend_on_seed_and_number_alone() -> None:
    numbers = tree(20, 2, 1)

    def drawn(seed: int) -> list[bool]:
        return [fails(number, 0.5, seed) for number in numbers]

    backwards = [fails(number, 0.5, 1) for number in reversed(numbers)]
    assert drawn(1) == drawn(1) == backwards[::-1]
    assert drawn(1) != drawn(2)


def test_a_higher_rate_only_adds_failures() -> None:
    numbers = tree(200, 0, 0)
    few = {number for number in numbers if fails(number, 0.1, 7)}
    many = {number for number in numbers if fails(number, 0.3, 7)}
    assert few < many


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_the_rate_is_met(rate: float) -> None:
    count = 4000
    share = sum(fails(str(number), rate, 42) for number in range(count)) / count
    five_sigma = 5 * math.sqrt(rate * (1 - rate) / count)
    assert abs(share - rate) < five_sigma
