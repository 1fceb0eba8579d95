"""Months: the periods in which deliveries are judged, as numbers that can be counted."""

from __future__ import annotations

import calendar
import datetime as dt


def month_of(date: dt.date) -> int:
    """Number of the month of a date: twelve times the year, plus 0 for January."""
    return date.year * 12 + date.month - 1


def first_day(month: int) -> dt.date:
    """First day of a month by its number."""
    return dt.date(month // 12, month % 12 + 1, 1)


def last_day(month: int) -> dt.date:
    """Last day of a month by its number."""
    year, index = divmod(month, 12)
    return dt.date(year, index + 1, calendar.monthrange(year, index + 1)[1])
