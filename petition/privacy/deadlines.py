"""When a request must be answered (GDPR, article 12(3))."""

import calendar
from datetime import date

MONTHS = 1
EXTENDED_MONTHS = 3  # "may be extended by two further months where necessary"
SOON_DAYS = 7


def add_months(day: date, months: int) -> date:
    """Return the same day of a later month, or its last day (Regulation 1182/71, article 3(2)(c))."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
