"""When is a schedule due? Five cron fields in a time zone: the next due time, and the last one up to now.

It is about the clock on the wall: a time that the clock skips is due when the clock resumes, and one that it
repeats is due the first time only.
"""

import zoneinfo
from datetime import UTC, datetime, timedelta, tzinfo

from cronsim import CronSim, CronSimError

from jobs.nearest import quoted

FIELDS = (
    ("minute", "0 to 59"),
    ("hour", "0 to 23"),
    ("day of the month", "1 to 31, L or LW"),
    ("month", "1 to 12 or JAN to DEC"),
    ("day of the week", "0 to 7 or SUN to SAT"),
)
MINUTE = timedelta(minutes=1)
# A calendar repeats its weekdays and leap years within 50 years, which is how far the search goes.
SOME_DAY = datetime(2000, 1, 1, tzinfo=UTC)


class Schedule:
    """Five cron fields in a time zone.

    :param text: minute, hour, day of the month, month, day of the week
    :param timezone: an IANA name
    :raises ValueError: a field cannot be read, or no time ever fits all of them; the message says which
    """

    def __init__(self, text: str, timezone: str = "UTC") -> None:
        # Six fields: with five the library has rules of its own for a clock that is changed.
        self._expression = f"0 {text}"
        self._zone: tzinfo = UTC if timezone == "UTC" else zoneinfo.ZoneInfo(timezone)
        try:
            comes = self.next_due(SOME_DAY) is not None
        except (CronSimError, ValueError, AssertionError):
            for field, (name, expected) in zip(text.split(), FIELDS, strict=True):
                if not _is_good(field, name):
                    raise ValueError(
                        f'the field for the {name}: expected {expected}, or a list ("1,3"), a range ("1-5")'
                        f' or steps ("*/2") of them, got {quoted(field)}'
                    ) from None
            comes = False
        if not comes:
            raise ValueError(f"{quoted(text)} never comes: no month has such a day")

    def next_due(self, after: datetime) -> datetime | None:
        """The first due time after a moment, UTC; None if there is none within 50 years."""
        wall = after.astimezone(self._zone).replace(tzinfo=None)
        # Of a time that comes again, the first showing may be over.
        return next((due for due in map(self._due, CronSim(self._expression, wall)) if due > after), None)

    def last_due(self, after: datetime, until: datetime) -> datetime | None:
        """The last due time after a moment and not after a later one, UTC; None if there is none."""
        last = self.next_due(after)
        if last is None or last > until:
            return None
        # Halves what is left: a schedule of every minute may have missed millions.
        end = until
        while end - last >= MINUTE:  # two due times are at least that far apart
            middle = last + (end - last) / 2
            due = self.next_due(middle)
            if due is not None and due <= until:
                last = due
            else:
                end = middle
        return last

    def _due(self, wall: datetime) -> datetime:
        """The moment when the clock shows a time first; of one that it skips, when it resumes."""
        while True:
            moment = wall.replace(tzinfo=self._zone).astimezone(UTC)
            if moment.astimezone(self._zone).replace(tzinfo=None) == wall:
                return moment
            wall += MINUTE


def rfc3339(moment: datetime) -> str:
    """A moment in UTC as it is stored and shown."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _is_good(field: str, name: str) -> bool:
    """Whether a field can be read, with all others open."""
    fields = [field if name == each else "*" for each, _ in FIELDS]
    try:
        CronSim(" ".join(fields), SOME_DAY)
    except (CronSimError, ValueError, AssertionError):
        return False
    return True
