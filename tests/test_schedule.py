"""Promise: a schedule is due at the minutes that its fields name, by the clock of its time zone."""

import zoneinfo
from collections.abc import Iterator, Set
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.schedule import MINUTE, Schedule

VIENNA, NEW_YORK = "Europe/Vienna", "America/New_York"
# A day before each change of a clock: one hour at 01:00 UTC and at 02:00, half an hour, at midnight, one that
# repeats the last hour of a day, and one that leaves out a whole day.
CHANGES = [
    (VIENNA, datetime(2026, 3, 28, tzinfo=UTC)),
    (VIENNA, datetime(2026, 10, 24, tzinfo=UTC)),
    (NEW_YORK, datetime(2026, 3, 7, tzinfo=UTC)),
    (NEW_YORK, datetime(2026, 10, 31, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 4, 4, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 10, 3, tzinfo=UTC)),
    ("America/Havana", datetime(2026, 3, 7, tzinfo=UTC)),
    ("America/Havana", datetime(2026, 10, 31, tzinfo=UTC)),
    ("America/Santiago", datetime(2026, 4, 4, tzinfo=UTC)),
    ("America/Santiago", datetime(2026, 9, 5, tzinfo=UTC)),
    ("Pacific/Apia", datetime(2011, 12, 29, tzinfo=UTC)),
    ("Asia/Kolkata", datetime(2026, 1, 1, tzinfo=UTC)),
]
DAYS = timedelta(days=3)
ZONES = sorted(zoneinfo.available_timezones())


def dues(schedule: Schedule, after: datetime, until: datetime) -> Iterator[datetime]:
    """All due times after a moment and not after another."""
    due = schedule.next_due(after)
    while due is not None and due <= until:
        yield due
        due = schedule.next_due(due)


def local(text: str, zone: str, after: datetime) -> list[str]:
    """The due times within three days, as the clock on the wall shows them, with its distance from UTC."""
    shown = [
        due.astimezone(zoneinfo.ZoneInfo(zone)) for due in dues(Schedule(text, zone), after, after + DAYS)
    ]
    return [moment.strftime("%d %H:%M %z")[:-2] for moment in shown]


@st.composite
def changes(draw: st.DrawFn) -> tuple[str, datetime]:
    """A zone, and a day before its clock was or will be changed, if it is in that year."""
    zone, year = draw(st.sampled_from(ZONES)), draw(st.integers(1975, 2037))
    days = [datetime(year, 1, 1, tzinfo=UTC) + timedelta(days=number) for number in range(366)]
    offsets = [day.astimezone(zoneinfo.ZoneInfo(zone)).utcoffset() for day in days]
    changed = [
        before - timedelta(days=1)
        for before, old, new in zip(days, offsets, offsets[1:], strict=False)
        if old != new
    ]
    return zone, draw(st.sampled_from(changed or days[:1]))


@cache
def walls(zone: str, start: datetime) -> list[tuple[datetime, list[datetime]]]:
    """Every minute of three days: the time on the wall, and those that the clock has skipped to get there."""
    found = []
    before = start.astimezone(zoneinfo.ZoneInfo(zone))
    for number in range(1, DAYS // MINUTE):
        wall = (start + number * MINUTE).astimezone(zoneinfo.ZoneInfo(zone))
        gap = (wall.replace(tzinfo=None) - before.replace(tzinfo=None)) // MINUTE
        found.append((wall, [wall.replace(tzinfo=None) - n * MINUTE for n in range(1, gap)]))
        before = wall
    return found


def expected(
    zone: str, start: datetime, minutes: Set[int], hours: Set[int], weekdays: Set[int]
) -> list[datetime]:
    """The due times within three days, found by looking at every minute."""

    def fits(wall: datetime) -> bool:
        return wall.minute in minutes and wall.hour in hours and wall.isoweekday() % 7 in weekdays

    return [
        wall.astimezone(UTC)
        for wall, skipped in walls(zone, start)
        if (fits(wall) and wall.fold == 0) or any(map(fits, skipped))
    ]


def field(numbers: Set[int]) -> str:
    return ",".join(map(str, sorted(numbers)))


@settings(deadline=None, max_examples=150)
@given(
    change=st.sampled_from(CHANGES) | changes(),
    minutes=st.sets(st.sampled_from([0, 1, 15, 29, 30, 31, 45, 59]), min_size=1, max_size=4),
    hours=st.sets(st.sampled_from([0, 1, 2, 3, 4, 12, 22, 23]), min_size=1) | st.just(set(range(24))),
    weekdays=st.sets(st.integers(0, 6), min_size=1) | st.just(set(range(7))),
)
def test_every_minute_that_fits_is_due_and_no_other(
    change: tuple[str, datetime], minutes: set[int], hours: set[int], weekdays: set[int]
) -> None:
    zone, start = change
    schedule = Schedule(f"{field(minutes)} {field(hours)} * * {field(weekdays)}", zone)
    last = start + DAYS - MINUTE
    assert list(dues(schedule, start, last)) == expected(zone, start, minutes, hours, weekdays)


TEXTS = [
    "* * * * *",
    "*/7 2 * * *",
    "30 * * * *",
    "15 2 * * *",
    "0 */5 1,15 * *",
    "59 23 L * *",
    "0 9-17 * * MON-FRI",
    "0 0 29 2 *",
]


@settings(deadline=None, max_examples=150)
@given(
    text=st.sampled_from(TEXTS),
    zone=st.sampled_from([zone for zone, _ in CHANGES]),
    moment=st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC)),
    ahead=st.timedeltas(timedelta(0), timedelta(days=800)),
)
def test_the_last_due_time_is_one_and_the_next_comes_after_it(
    text: str, zone: str, moment: datetime, ahead: timedelta
) -> None:
    schedule, until = Schedule(text, zone), moment + ahead
    following = schedule.next_due(moment)
    assert following is not None
    assert following > moment
    assert (following.second, following.microsecond, following.tzinfo) == (0, 0, UTC)
    last = schedule.last_due(moment, until)
    if last is None:
        assert following > until
        return
    assert following <= last <= until
    assert schedule.next_due(last - MINUTE / 60) == last
    after = schedule.next_due(last)
    assert after is not None
    assert after > until


@pytest.mark.parametrize(
    ("text", "zone", "start", "shown"),
    [
        ("30 2 * * *", VIENNA, datetime(2026, 3, 28), ["28 02:30 +01", "29 03:00 +02", "30 02:30 +02"]),
        ("30 2 * * *", VIENNA, datetime(2026, 10, 24), ["24 02:30 +02", "25 02:30 +02", "26 02:30 +01"]),
        ("30 2 * * *", NEW_YORK, datetime(2026, 3, 7), ["07 02:30 -05", "08 03:00 -04", "09 02:30 -04"]),
        ("30 1 * * *", NEW_YORK, datetime(2026, 10, 31), ["31 01:30 -04", "01 01:30 -04", "02 01:30 -05"]),
        # Several skipped times are one run, repeated ones are not run again.
        ("*/20 2 29 3 *", VIENNA, datetime(2026, 3, 28), ["29 03:00 +02"]),
        ("*/20 2 25 10 *", VIENNA, datetime(2026, 10, 24), ["25 02:00 +02", "25 02:20 +02", "25 02:40 +02"]),
        ("0 2,3 29 3 *", VIENNA, datetime(2026, 3, 28), ["29 03:00 +02"]),
        ("0 2,3 25 10 *", VIENNA, datetime(2026, 10, 24), ["25 02:00 +02", "25 03:00 +01"]),
    ],
)
def test_a_skipped_time_is_due_when_the_clock_resumes_and_a_repeated_one_once(
    text: str, zone: str, start: datetime, shown: list[str]
) -> None:
    assert local(text, zone, start.replace(tzinfo=UTC)) == shown


@pytest.mark.parametrize(
    ("text", "zone", "start", "shown"),
    [
        ("30 * * * *", VIENNA, datetime(2026, 3, 29, 0), ["29 01:30 +01", "29 03:00 +02", "29 03:30 +02"]),
        ("30 * * * *", VIENNA, datetime(2026, 10, 25, 0), ["25 02:30 +02", "25 03:30 +01", "25 04:30 +01"]),
        ("0 * * * *", VIENNA, datetime(2026, 3, 29, 0), ["29 03:00 +02", "29 04:00 +02", "29 05:00 +02"]),
        ("0 */1 * * *", VIENNA, datetime(2026, 10, 25, 0), ["25 03:00 +01", "25 04:00 +01", "25 05:00 +01"]),
        (
            "0 0-23 * * *",
            NEW_YORK,
            datetime(2026, 11, 1, 4),
            ["01 01:00 -04", "01 02:00 -05", "01 03:00 -05"],
        ),
        (
            "* * * * *",
            NEW_YORK,
            datetime(2026, 11, 1, 5, 58),
            ["01 01:59 -04", "01 02:00 -05", "01 02:01 -05"],
        ),
    ],
)
def test_so_it_is_for_what_is_due_every_hour(text: str, zone: str, start: datetime, shown: list[str]) -> None:
    assert local(text, zone, start.replace(tzinfo=UTC))[:3] == shown


def test_years_of_missed_minutes_have_one_last() -> None:
    start = datetime(1990, 1, 1, tzinfo=UTC)
    until = datetime(2026, 1, 1, 12, 0, 59, tzinfo=UTC)
    assert Schedule("* * * * *", VIENNA).last_due(start, until) == datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("60 * * * *", 'minute: expected 0 to 59, or a list ("1,3"), a range ("1-5") or steps ("*/2")'),
        ("* 24 * * *", 'hour: expected 0 to 23, or a list ("1,3"), a range'),
        ("* * 0 * *", "day of the month: expected 1 to 31"),
        ("* * * 13 *", "month: expected 1 to 12 or JAN to DEC"),
        ("* * * * FRY", "day of the week: expected 0 to 7 or SUN to SAT"),
        ("* * * * 1#6", "day of the week: "),
        ("*/0 * * * *", "minute: "),
        ("5-1 * * * *", "minute: "),
        (", * * * *", "minute: "),
        ("1- * * * *", "minute: "),
        ("0 0 1,? * *", "day of the month: "),
        ("61 25 * * *", "minute: "),
        (f"{'9' * 5000} * * * *", "minute: "),
    ],
)
def test_an_error_names_the_field(text: str, named: str) -> None:
    with pytest.raises(ValueError, match=r"^the field for the ") as error:
        Schedule(text)
    assert str(error.value).startswith(f"the field for the {named}")
    assert len(str(error.value)) < 250


@pytest.mark.parametrize(
    "text", ["0 0 30 2 *", "0 0 31 2,4,6,9,11 *", "0 0 */31 2 MON#5", "* * LW * */7", "0 0 30,31 FEB *"]
)
def test_a_schedule_that_never_comes_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"^\".*\" never comes: no month has such a day$"):
        Schedule(text)


@pytest.mark.parametrize("text", ["0 0 29 2 *", "0 0 29 2 */7", "0 0 * 2 MON#5", "0 0 30 2 MON", "0 0 L * *"])
def test_a_schedule_that_comes_seldom_is_none(text: str) -> None:
    assert Schedule(text).next_due(datetime(2026, 1, 1, tzinfo=UTC))
