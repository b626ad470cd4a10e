"""Read dates as spreadsheets and forms write them. Whether the day or the month is first is never guessed."""

import re
from collections.abc import Iterable
from contextlib import suppress
from datetime import date, timedelta
from enum import StrEnum

YEAR_FIRST_PATTERN = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})")
YEAR_LAST_PATTERN = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d{2})")
# A day as spreadsheets count it, from the end of 1899: what is left of a date whose format was lost.
SERIAL_PATTERN = re.compile(r"[2-5]\d{4}(?:\.0+)?")
SERIAL_BEGIN = date(1899, 12, 30)
# A time after the date, as Google Forms, Excel and ISO 8601 write it, with or without a time zone.
TIME_PATTERN = re.compile(
    r"(?:,? |T)(?:(?:at|à) )?\d{1,2}(?::|h)\d{2}(?::\d{2}(?:[.,]\d+)?)?(?: ?[AP]\.?M\.?)?"
    r"(?: ?(?:Z|[A-Z]{3,4}(?:[+-]\d{1,2})?|(?:UTC|GMT)?[+-]\d{1,2}(?::?\d{2})?))?",
    re.IGNORECASE,
)


class DateOrder(StrEnum):
    """What comes first in a date such as 03/04/2022."""

    DAY = "day"
    MONTH = "month"


def parse_date(written: str, order: DateOrder = DateOrder.DAY) -> date | None:
    """Return the day of a date with or without a time, None if it is not one. Points always come after the day."""
    if found := YEAR_FIRST_PATTERN.match(written):
        year, month, day = int(found[1]), int(found[3]), int(found[4])
    elif found := YEAR_LAST_PATTERN.match(written):
        day, month, year = int(found[1]), int(found[3]), int(found[4])
        if order == DateOrder.MONTH and found[2] != ".":
            day, month = month, day
        if len(found[4]) == 2:
            year += 2000 if year < 70 else 1900
    elif SERIAL_PATTERN.fullmatch(written):
        return SERIAL_BEGIN + timedelta(days=int(written[:5]))
    else:
        return None
    rest = written[found.end() :]
    if rest and not TIME_PATTERN.fullmatch(rest):
        return None
    with suppress(ValueError):
        return date(year, month, day)
    return None


def find_date_order(values: Iterable[str]) -> tuple[DateOrder | None, str]:
    """Return the order of the dates of a file, and a date as an example of it.

    One date that begins with a number above 12 shows that days are first. Without one the order is None, which is a
    question to who knows the file; the example then is a date that can be read both ways, where there is one.
    """
    example, has_day_first = "", False
    for value in values:
        found = YEAR_LAST_PATTERN.match(value)
        if found is None or found[2] == ".":
            continue
        first, second = int(found[1]), int(found[3])
        has_day_first |= first > 12 >= second
        if first <= 12 and first != second and (not example or second <= 12 < _second_number(example)):
            example = found[0]
    return (None, example) if example and not has_day_first else (DateOrder.DAY, example)


def _second_number(example: str) -> int:
    return int(re.split(r"[-/]", example)[1])
