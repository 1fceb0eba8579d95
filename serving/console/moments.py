"""How moments are written for people: in China's time, whatever the zone of the machine; pages say so."""

from __future__ import annotations

import datetime as dt

from serving.cases.clocks import CHINA


def china_time(moment: dt.datetime, *, has_seconds: bool = False) -> str:
    """A moment to the minute, or to the second; raises `ValueError` for one without a time zone."""
    if moment.tzinfo is None:
        raise ValueError("a moment needs its time zone")
    return moment.astimezone(CHINA).strftime("%Y-%m-%d %H:%M:%S" if has_seconds else "%Y-%m-%d %H:%M")
