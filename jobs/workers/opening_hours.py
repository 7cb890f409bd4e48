"""What do OpenStreetMap's opening hours say in words?

The source of the abbreviations is the opening_hours specification of OpenStreetMap
(https://wiki.openstreetmap.org/wiki/Key:opening_hours/specification).
"""

import re

_WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_SPOKEN = {
    **{day[:2]: day for day in _WEEKDAYS},
    **{month[:3]: month for month in _MONTHS},
    **{"PH": "holidays", "SH": "holidays"},
}
_TOKEN = re.compile(rf"\b({'|'.join(_SPOKEN)})\b(\s*-\s*(?=[A-Z]))?")


def hours_in_words(opening_hours: str) -> str:
    """``Mo-Sa 11:00-22:00; Su,PH off`` → ``Monday to Saturday 11:00-22:00, Sunday, holidays off``.

    A translation word for word: days, months and ``PH``/``SH`` are spelled out, times stay as they are,
    and whatever the specification knows beyond that stays untouched. Comments in quotes are left out.
    """
    text = re.sub(r'"[^"]*"', "", opening_hours)
    if text.strip() == "24/7":
        return "around the clock"
    text = _TOKEN.sub(lambda match: _SPOKEN[match[1]] + (" to " if match[2] else ""), text)
    return re.sub(r"\s*(;|\|\||,(?=\s*[A-Za-z]))\s*", ", ", text).strip(" ,")
