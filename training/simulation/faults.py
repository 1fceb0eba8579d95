"""Faults: what a department can get wrong with a whole delivery, put into the feeds of a simulated county.

Dirt (see `dirt`) is a bad row here and there; a fault is a month's delivery that lies as a whole, in the
county, in one town, or in one village. A register or another feed of spells restates its open rows when a
fault touches them: the old spell ends, and a faulty one begins with the month.

Not every fault means the same in every feed. What stands in for it:

- *unit slip*: amounts ×100 (fen for yuan) or ÷10,000 (万元 for yuan). A feed without amounts has its whole
  numbers (land, disability grade) ×100; one without numbers has its codes replaced by those of another list.
- *new category*: the first category field gets a code that no contract has; without one, the first flag
  gets a word.
- *zeros*: all amounts, or all whole numbers, or all flags are zero.
- *few rows*: seven rows in ten are lost. Where a good month has under 40 rows, no count can show that;
  there the delivery is torn: only its first ten days came, and are stated.
- *repeated*: the area's last month that had rows is sent again as this one. Spells begin anew unchanged.
- *silent* begins in its month and lasts; *late* is its month only, 60 days later.
- *missing values*: every tenth row of the area, and at least three.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from features.signals import CONTRACTS
from features.signals.fields import Category, Count, Flag, Money
from training.errors import TrainingError
from training.simulation.place import Place, days_of, in_form_of, stack

LATE_DAYS = 60
LOST_SHARE = 0.7
MISSING_SHARE = 0.1
FEW_COUNTED = 40
TORN_DAYS = 10
UNKNOWN_CODE = "新增类别"


@dataclass(frozen=True)
class Fault:
    """One fault of one feed in the county, a town or a village (6, 9 or 12 digits), in the month of a day.

    Raises `TrainingError` naming what is not right.
    """

    kind: str
    feed: str
    area: str
    month: dt.date

    def __post_init__(self) -> None:
        if self.kind not in FAULT_KINDS:
            raise TrainingError(f"a fault is one of {', '.join(FAULT_KINDS)}")
        if self.feed not in CONTRACTS:
            raise TrainingError(f"a fault is in one of the feeds {', '.join(CONTRACTS)}")
        if len(self.area) not in {6, 9, 12}:
            raise TrainingError("the area of a fault is a county, town or village of 6, 9 or 12 digits")


@dataclass(frozen=True)
class Injected:
    """The feeds and the coverage with the fault in them, and the registered households it touches.

    Where rows are lacking, nobody can know whose; all households of the area are touched.
    """

    feeds: dict[str, pd.DataFrame]
    coverage: pd.DataFrame
    touched: frozenset[str]


def inject(
    feeds: Mapping[str, pd.DataFrame], coverage: pd.DataFrame, fault: Fault, *, seed: int = 0
) -> Injected:
    """Put one fault into a county's feeds (surface form); the same seed gives the same feeds.

    Touches only rows of the month that came with its delivery. Raises `TrainingError` when the coverage does
    not state the month, or no row is there to be at fault.
    """
    place = Place(feeds, coverage, (fault.feed, fault.area, fault.month), np.random.default_rng(seed))
    changed, stated, touched = _KINDS[fault.kind](place)
    return Injected({**feeds, fault.feed: changed}, stated, frozenset(touched))


Change = tuple[pd.DataFrame, pd.DataFrame, set[str]]


def _altered(place: Place, rows: Any, change: Callable[[pd.DataFrame], pd.DataFrame]) -> Change:
    return place.alter(rows, change), place.coverage, place.households(rows)


def _silent(place: Place) -> Change:
    gone = place.inside & (place.occurred >= place.first).to_numpy()
    frame = place.frame[~gone].copy()
    if place.is_spell:
        # A silent department does not tell that a spell ended either.
        late = days_of(frame["ended_on"]) >= place.first
        for column in ("ended_on", "ended_known_on"):
            days = days_of(frame[column])
            days[late.to_numpy() & place.inside[~gone]] = pd.NaT
            frame[column] = in_form_of(place.frame, column, days)
    coverage = place.split()
    return frame, coverage[~place.statements(coverage, lasting=True)], place.registered


def _late(place: Place) -> Change:
    frame, coverage, delay = place.frame.copy(), place.split(), pd.Timedelta(days=LATE_DAYS)
    for date, arrival in (("occurred_on", "known_on"), ("ended_on", "ended_known_on")):
        if date in frame:
            day, known = days_of(frame[date]), days_of(frame[arrival])
            of_month = place.inside & ((day >= place.first) & (day <= place.last)).to_numpy()
            frame[arrival] = in_form_of(frame, arrival, known.where(~of_month, known + delay), frame[arrival])
    coverage.loc[place.statements(coverage), "known_on"] += delay
    return frame, coverage, place.registered


def _few_rows(place: Place) -> Change:
    if place.usual_rows() < FEW_COUNTED:
        until = place.first + pd.Timedelta(days=TORN_DAYS - 1)
        torn = place.inside & ((place.occurred > until) & (place.occurred <= place.last)).to_numpy()
        coverage = place.split()
        coverage.loc[place.statements(coverage), "complete_until"] = until
        return place.frame[~torn], coverage, place.registered
    rows = place.rows()
    lost = rows & (place.rng.random(len(rows)) < LOST_SHARE)
    frame = place.closed(lost) if place.is_spell else place.frame[~lost]
    return frame, place.coverage, place.registered


def _many_rows(place: Place) -> Change:
    rows = place.rows()
    second = place.frame[rows].copy()
    # The second copy comes on a day of its own, so that no row is the same in every field.
    day = (place.known[rows] + pd.Timedelta(days=1)).clip(lower=place.delivered)
    second["known_on"] = in_form_of(place.frame, "known_on", day)
    return stack(place.frame, place.frame, second), place.coverage, place.households(rows)


def _missing_values(place: Place) -> Change:
    rows = place.rows()
    count = min(rows.sum(), max(3, round(MISSING_SHARE * rows.sum())))
    chosen = np.zeros(len(rows), dtype=bool)
    chosen[place.rng.choice(np.flatnonzero(rows), count, replace=False)] = True
    field = place.field(Money, Count, Category, Flag)

    def empty(part: pd.DataFrame) -> pd.DataFrame:
        if field is not None:
            is_number = part[field.surface].dtype.kind in "fi"
            part[field.surface] = np.nan if is_number else None
        return part

    return _altered(place, chosen, empty)


def _zeros(place: Place) -> Change:
    rows = place.rows()
    fields = place.numbers or [one for one in (place.field(Flag),) if one is not None]

    def zero(part: pd.DataFrame) -> pd.DataFrame:
        for one in fields:
            value: Any = False if isinstance(one, Flag) else 0
            part[one.surface] = in_form_of(place.frame, one.surface, pd.Series(value, index=part.index))
        return part

    return _altered(place, rows, zero)


def _repeated(place: Place) -> Change:
    rows = place.rows()
    if place.is_spell:
        older = rows & (place.occurred < place.first).to_numpy()
        return _altered(place, older, lambda part: part)
    starts = (place.first - pd.DateOffset(months=back) for back in range(1, 61))
    start = next((one for one in starts if place.month_rows(one).any()), None)
    if start is None:
        raise TrainingError(f"{place.feed} has no earlier row of that area to be repeated")
    before = place.month_rows(start)
    again = place.frame[before].copy()
    moved = (place.occurred[before] + (place.first - start)).clip(upper=place.last)
    again["occurred_on"] = in_form_of(place.frame, "occurred_on", moved)
    came = (place.known[before] + (place.first - start)).clip(upper=place.delivered)
    again["known_on"] = in_form_of(place.frame, "known_on", came.where(came >= moved, moved))
    return stack(place.frame, place.frame[~rows], again), place.coverage, place.households(before)


def _unit_slip(place: Place) -> Change:
    rows, fields = place.rows(), place.numbers
    if not fields:
        return _new_category(place)
    is_money = isinstance(fields[0], Money)
    factor = place.rng.choice([100.0, 1e-4]) if is_money else 100.0
    touched = np.zeros(len(rows), dtype=bool)
    for one in fields:
        touched |= rows & (pd.to_numeric(place.frame[one.surface], errors="coerce") > 0).to_numpy()

    def slip(part: pd.DataFrame) -> pd.DataFrame:
        for one in fields:
            numbers = pd.to_numeric(part[one.surface], errors="coerce") * factor
            # Rounded up: no cent becomes nothing.
            slipped = pd.Series(np.ceil(np.round(numbers * 100, 6)) / 100, index=part.index)
            part[one.surface] = in_form_of(place.frame, one.surface, slipped if is_money else slipped.round())
        return part

    return _altered(place, touched, slip)


def _new_category(place: Place) -> Change:
    field = place.field(Category, Flag)

    def rename(part: pd.DataFrame) -> pd.DataFrame:
        if field is not None:
            part[field.surface] = UNKNOWN_CODE
        return part

    return _altered(place, place.rows(), rename)


def _foreign_households(place: Place) -> Change:
    def cut(part: pd.DataFrame) -> pd.DataFrame:
        part["household_id"] = [re.sub(r"^[^0-9]*0*(?=[0-9])", "", str(key)) for key in part["household_id"]]
        return part

    return _altered(place, place.rows(), cut)


def _shifted_dates(place: Place) -> Change:
    def shift(part: pd.DataFrame) -> pd.DataFrame:
        days = days_of(part["occurred_on"]) - pd.Timedelta(days=365)
        part["occurred_on"] = in_form_of(place.frame, "occurred_on", days)
        return part

    return _altered(place, place.rows(), shift)


_KINDS: dict[str, Callable[[Place], Change]] = {
    "silent": _silent,
    "late": _late,
    "few_rows": _few_rows,
    "many_rows": _many_rows,
    "missing_values": _missing_values,
    "zeros": _zeros,
    "repeated": _repeated,
    "unit_slip": _unit_slip,
    "new_category": _new_category,
    "foreign_households": _foreign_households,
    "shifted_dates": _shifted_dates,
}


FAULT_KINDS = tuple(_KINDS)
"""The faults, under the codes that feed health gives as reasons."""
