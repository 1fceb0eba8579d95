"""What is asked for in an address of the console: what makes no sense is not asked for."""

from __future__ import annotations

import datetime as dt
import re


def page_of(text: str) -> int:
    """The number of a page, 1 where it is none."""
    return int(text) if re.fullmatch(r"[1-9][0-9]{0,5}", text, re.ASCII) else 1


def day_of(text: str) -> dt.date | None:
    """A date written as YYYY-MM-DD, `None` where it is none."""
    try:
        return dt.date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII) else None
    except ValueError:
        return None
