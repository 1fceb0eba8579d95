"""Calendar arithmetic, done once per as-of date and in one place.

Engines never compute with calendars themselves: they receive whole days since 1970-01-01 as integers,
so that no two of them can disagree about a leap day or the length of a month.
"""

from __future__ import annotations

import calendar
import datetime as dt

EPOCH = dt.date(1970, 1, 1)


def to_day(date: dt.date) -> int:
    """Whole days since 1970-01-01."""
    return (date - EPOCH).days


def from_day(day: int) -> dt.date:
    """The date of a day number; the inverse of `to_day`."""
    return EPOCH + dt.timedelta(days=day)


def months_before(date: dt.date, months: int) -> dt.date:
    """The same day of the month, `months` earlier, or the month's last day where it has no such day."""
    year, month = divmod(date.year * 12 + date.month - 1 - months, 12)
    return dt.date(year, month + 1, min(date.day, calendar.monthrange(year, month + 1)[1]))


def months_after(date: dt.date, months: int) -> dt.date:
    """The same day of the month, `months` later, or the month's last day where it has no such day."""
    return months_before(date, -months)


def month_ends(last: dt.date, count: int, step: int = 1) -> list[dt.date]:
    """`count` month ends, `step` months apart, oldest first, the last in the month of `last`."""
    ends = []
    for back in range((count - 1) * step, -1, -step):
        first = months_before(last.replace(day=1), back)
        ends.append(first.replace(day=calendar.monthrange(first.year, first.month)[1]))
    return ends


def horizon_end(as_of: dt.date, months: int) -> dt.date:
    """The last day of the horizon: month end to month end, so that windows touch and never overlap."""
    index = as_of.year * 12 + as_of.month - 1 + months
    target = dt.date(index // 12, index % 12 + 1, 1)
    end = month_ends(target, 1)[0]
    is_month_end = month_ends(as_of, 1)[0] == as_of
    return end if is_month_end else min(end, target.replace(day=min(as_of.day, end.day)))
