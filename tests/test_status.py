"""Promise: statuses roll up by the rules, the first that fits, and steps start in the right order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.status import (
    GOOD,
    STATUSES,
    TERMINAL,
    WORKER_STATUSES,
    Node,
    Status,
    Stop,
    job_counts,
    next_moves,
    progress_text,
    roll_up_manager,
    roll_up_step,
    step_counts,
)

Counts = dict[Status, int]


@pytest.mark.parametrize(
    ("counts", "flags", "expected"),
    [
        pytest.param({}, {}, "completed", id="no worker jobs"),
        pytest.param({"completed": 3}, {}, "completed", id="all completed"),
        pytest.param({"completed": 1, "failed": 2}, {}, "completed_with_warnings", id="some failed"),
        pytest.param({"completed": 1, "cancelled": 2}, {}, "completed_with_warnings", id="some cancelled"),
        pytest.param({"failed": 2}, {}, "failed", id="all failed"),
        pytest.param({"failed": 1, "cancelled": 2}, {}, "failed", id="failed and cancelled, none completed"),
        pytest.param({"cancelled": 2}, {}, "cancelled", id="all cancelled"),
        pytest.param({"completed": 2}, {"failed": True}, "failed", id="its function raised"),
        pytest.param({}, {"failed": True}, "failed", id="its function raised, no worker jobs"),
        pytest.param({"completed": 2}, {"cancelled": True}, "cancelled", id="cancelled"),
        pytest.param({"failed": 2}, {"cancelled": True, "failed": True}, "cancelled", id="cancelled wins"),
        pytest.param(
            {"completed": 9, "failed": 2},
            {"max_child_failures": 2},
            "completed_with_warnings",
            id="as many failures as tolerated",
        ),
        pytest.param(
            {"completed": 9, "failed": 3}, {"max_child_failures": 2}, "failed", id="too many failures"
        ),
        pytest.param({"completed": 9, "failed": 1}, {"max_child_failures": 0}, "failed", id="none tolerated"),
    ],
)
def test_step(counts: Counts, flags: dict[str, bool | int], expected: Status) -> None:
    assert roll_up_step(counts, **flags) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("steps", "flags", "expected"),
    [
        pytest.param(["completed", "completed"], {}, "completed", id="all completed"),
        pytest.param(
            ["completed", "completed_with_warnings"], {}, "completed_with_warnings", id="one with warnings"
        ),
        pytest.param(["completed", "failed"], {}, "completed_with_warnings", id="one failed under continue"),
        pytest.param(["completed", "skipped"], {}, "completed_with_warnings", id="one skipped"),
        pytest.param(["completed", "cancelled"], {}, "completed_with_warnings", id="one cancelled"),
        pytest.param(["failed", "skipped"], {}, "failed", id="none good"),
        pytest.param(["failed", "cancelled"], {}, "cancelled", id="none good, one cancelled"),
        pytest.param(["cancelled", "skipped"], {}, "cancelled", id="cancelled and its dependant"),
        pytest.param(["completed", "failed"], {"failed": True}, "failed", id="a step failed under fail"),
        pytest.param(["completed", "completed"], {"cancelled": True}, "cancelled", id="cancelled by a user"),
        pytest.param(["completed"], {"cancelled": True, "failed": True}, "cancelled", id="cancelled wins"),
    ],
)
def test_manager(steps: list[Status], flags: dict[str, bool], expected: Status) -> None:
    assert roll_up_manager(steps, **flags) == expected


A, B, C = Node("a"), Node("b", ("a",)), Node("c", ("b",))
LAST = Node("z", ("a",), always_run=True)


@pytest.mark.parametrize(
    ("nodes", "statuses", "stop", "expected"),
    [
        pytest.param([A, B], ["pending", "pending"], None, {"a": "running"}, id="the first"),
        pytest.param(
            [A, Node("b")], ["pending"] * 2, None, {"a": "running", "b": "running"}, id="both at once"
        ),
        pytest.param([A, B], ["running", "pending"], None, {}, id="waits for its dependency"),
        pytest.param([A, B], ["completed", "pending"], None, {"b": "running"}, id="its dependency completed"),
        pytest.param(
            [A, B], ["completed_with_warnings", "pending"], None, {"b": "running"}, id="with warnings is good"
        ),
        pytest.param(
            [A, B, C],
            ["failed", "pending", "pending"],
            None,
            {"b": "skipped", "c": "skipped"},
            id="and so on down",
        ),
        pytest.param(
            [Node("c", ("b",)), Node("b", ("a",)), A],
            ["pending", "pending", "failed"],
            None,
            {"b": "skipped", "c": "skipped"},
            id="and so on up the file",
        ),
        pytest.param([A, B], ["cancelled", "pending"], None, {"b": "skipped"}, id="its dependency cancelled"),
        pytest.param([A, LAST], ["failed", "pending"], None, {"z": "running"}, id="always_run"),
        pytest.param([A, LAST], ["running", "pending"], None, {}, id="always_run waits"),
        pytest.param([A, LAST], ["failed", "pending"], "fail", {"z": "running"}, id="always_run after fail"),
        pytest.param([A, LAST], ["failed", "pending"], "fatal", {"z": "skipped"}, id="not after fatal"),
        pytest.param([A, LAST], ["failed", "pending"], "cancel", {"z": "cancelled"}, id="not after cancel"),
        pytest.param(
            [A, LAST], ["failed", "pending"], "timeout", {"z": "cancelled"}, id="not after time-out"
        ),
        pytest.param([A, Node("b")], ["failed", "pending"], "fail", {"b": "skipped"}, id="kept back by fail"),
        pytest.param(
            [A, Node("b")], ["running", "pending"], "fatal", {"b": "skipped"}, id="kept back by fatal"
        ),
        pytest.param(
            [A, Node("b")], ["running", "pending"], "cancel", {"b": "cancelled"}, id="kept back by cancel"
        ),
    ],
)
def test_next_moves(
    nodes: list[Node], statuses: list[Status], stop: Stop | None, expected: dict[str, Status]
) -> None:
    present = dict(zip((node.name for node in nodes), statuses, strict=True))
    moves = next_moves(nodes, present, stop)
    assert {move.step: move.status for move in moves} == expected
    assert all(move.reason for move in moves if move.status != "running")


statuses = st.sampled_from(STATUSES)
counts = st.dictionaries(st.sampled_from(WORKER_STATUSES), st.integers(0, 5))


@given(counts, st.booleans(), st.booleans(), st.none() | st.integers(0, 5))
def test_a_step_always_ends_terminal(
    by_status: Counts, cancelled: bool, failed: bool, limit: int | None
) -> None:
    status = roll_up_step(by_status, cancelled=cancelled, failed=failed, max_child_failures=limit)
    assert status in TERMINAL - {"skipped", "interrupted"}
    assert (status == "cancelled") >= cancelled


@given(
    st.lists(st.tuples(st.sets(st.integers(0, 5)), st.booleans()), min_size=1, max_size=6),
    st.lists(st.sampled_from(["completed", "completed_with_warnings", "failed", "cancelled"]), min_size=6),
    st.sampled_from([None, "fail", "fatal", "cancel", "timeout"]),
)
def test_every_run_comes_to_its_end(
    shape: list[tuple[set[int], bool]], endings: list[Status], stop: Stop | None
) -> None:
    """Whatever depends on what: no step is left pending, and none starts before what it depends on."""
    nodes = [
        Node(str(number), tuple(str(other) for other in depends if other < number), always_run)
        for number, (depends, always_run) in enumerate(shape)
    ]
    present: dict[str, Status] = {node.name: "pending" for node in nodes}
    for _ in range(len(nodes) + 1):
        for move in next_moves(nodes, present, stop):
            node = nodes[int(move.step)]
            if move.status == "running":
                assert all(present[name] in TERMINAL for name in node.depends)
                assert node.always_run or all(present[name] in GOOD for name in node.depends)
                present[move.step] = endings[int(move.step)]
            else:
                present[move.step] = move.status
    assert set(present.values()) <= TERMINAL


def test_counts_are_named_and_summed() -> None:
    assert job_counts({"pending": 2, "failed": 1}) == {
        "total_jobs": 3,
        "pending_jobs": 2,
        "running_jobs": 0,
        "completed_jobs": 0,
        "failed_jobs": 1,
        "cancelled_jobs": 0,
        "interrupted_jobs": 0,
    }
    steps = step_counts(["completed", "skipped", "skipped"])
    assert steps["total_steps"] == 3
    assert steps["skipped_steps"] == 2
    assert set(steps) == {"total_steps", *(f"{status}_steps" for status in STATUSES)}


@pytest.mark.parametrize(
    ("by_status", "text"),
    [
        ({"pending": 66, "running": 1, "completed": 41}, "66 pending, 1 running, 41 completed, 0 failed"),
        (
            {"completed": 1, "cancelled": 2, "interrupted": 3},
            "0 pending, 0 running, 1 completed, 0 failed, 2 cancelled, 3 interrupted",
        ),
    ],
)
def test_progress_text(by_status: Counts, text: str) -> None:
    assert progress_text(by_status) == text
