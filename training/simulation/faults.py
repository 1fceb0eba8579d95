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

from features.regions import contains
from features.signals import CONTRACTS
from features.signals.contract import Contract
from features.signals.fields import Category, Count, Field, Flag, Money
from training.errors import TrainingError

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
    place = _Place(feeds, coverage, fault, np.random.default_rng(seed))
    changed, stated, touched = _KINDS[fault.kind](place)
    return Injected({**feeds, fault.feed: changed}, stated, frozenset(touched))


Change = tuple[pd.DataFrame, pd.DataFrame, set[str]]


class _Place:
    """Where a fault is put: the frame of its feed and which of the rows it can touch."""

    def __init__(
        self,
        feeds: Mapping[str, pd.DataFrame],
        coverage: pd.DataFrame,
        fault: Fault,
        rng: np.random.Generator,
    ) -> None:
        self.fault, self.rng, self.coverage = fault, rng, coverage
        self.contract: Contract = CONTRACTS[fault.feed]
        self.is_spell = self.contract.kind == "spell"
        self.frame = feeds[fault.feed].reset_index(drop=True)
        register = feeds["household"]
        keys = register["household_id"].astype(str).str.strip(",")
        villages = dict(zip(keys, register["village_code"].astype(str), strict=True))
        self.villages = sorted(set(villages.values()))
        self.registered = {key for key, village in villages.items() if contains(fault.area, village)}
        self.first = pd.Timestamp(fault.month.replace(day=1))
        self.last = self.first + pd.offsets.MonthEnd(0)
        self.occurred, self.known = (_days(self.frame[one]) for one in ("occurred_on", "known_on"))
        inside = self.frame["household_id"].astype(str).str.strip(",").isin(self.registered)
        self.inside = inside.to_numpy()
        self.delivered = self._delivery_day()
        self.arrived = (self.known <= self.delivered).to_numpy()

    @property
    def numbers(self) -> list[Field]:
        """The amounts, or else the whole numbers."""
        money: list[Field] = [one for one in self.contract.fields if isinstance(one, Money)]
        return money or [one for one in self.contract.fields if isinstance(one, Count)]

    def field(self, *kinds: type[Field]) -> Field | None:
        """The first field of the first of these kinds that the feed has."""
        for kind in kinds:
            for one in self.contract.fields:
                if isinstance(one, kind) and one.name != "is_known_on_estimated":
                    return one
        return None

    def month_rows(self, first: pd.Timestamp | None = None) -> Any:
        """Rows of the area that occurred in a month and came with this delivery or before."""
        start = self.first if first is None else first
        end = start + pd.offsets.MonthEnd(0)
        return self.inside & self.arrived & ((self.occurred >= start) & (self.occurred <= end)).to_numpy()

    def open_rows(self) -> Any:
        """Spells of the area that were open on the month's last day, as the delivery had it."""
        ended, told = _days(self.frame["ended_on"]), _days(self.frame["ended_known_on"])
        is_open = ended.isna() | (ended >= self.last) | (told > self.delivered)
        return self.inside & self.arrived & ((self.occurred <= self.last) & is_open).to_numpy()

    def rows(self) -> Any:
        """The rows that the month's delivery holds for the area; raises where there are none."""
        found = self.open_rows() if self.is_spell else self.month_rows()
        if not found.any():
            raise TrainingError(f"{self.fault.feed} has no row of that area and month to be at fault")
        return found

    def usual_rows(self) -> float:
        """Rows of the area in a month: the median of the three before."""
        if self.is_spell:
            return float(self.open_rows().sum())
        starts = [self.first - pd.DateOffset(months=back) for back in range(1, 4)]
        return float(np.median([self.month_rows(one).sum() for one in starts]))

    def alter(self, rows: Any, change: Callable[[pd.DataFrame], pd.DataFrame]) -> pd.DataFrame:
        """The frame with these rows changed; open spells end and begin anew, changed, with the month."""
        if not self.is_spell:
            return _stack(self.frame, self.frame[~rows], change(self.frame[rows].copy()))
        new = self.frame[rows].copy()
        new["occurred_on"] = _like(self.frame, "occurred_on", self.occurred[rows].clip(lower=self.first))
        came = self.known[rows].where((self.occurred >= self.first)[rows], self.delivered)
        new["known_on"] = _like(self.frame, "known_on", came)
        return _stack(self.frame, self.closed(rows), change(new))

    def closed(self, rows: Any) -> pd.DataFrame:
        """The frame with these open spells ended before the month; those that began in it are left out."""
        older = rows & (self.occurred < self.first).to_numpy()
        frame = self.frame.copy()
        eve = self.first - pd.Timedelta(days=1)
        for column, day in (("ended_on", eve), ("ended_known_on", self.delivered)):
            days = _days(frame[column])
            days[older] = day
            frame[column] = _like(frame, column, days)
        kept: pd.DataFrame = frame[~(rows & ~older)]
        return kept

    def households(self, rows: Any) -> set[str]:
        """The registered households of these rows."""
        return set(self.frame.loc[rows, "household_id"].astype(str).str.strip(","))

    def split(self) -> pd.DataFrame:
        """The coverage with the feed's statements split, so that the area has statements of its own."""
        area, rows = self.fault.area, []
        for one in self.coverage.to_dict("records"):
            code = str(one["area_code"])
            if one["feed"] != self.fault.feed or code == area or not area.startswith(code):
                rows.append(one)
                continue
            parts = {area}
            for village in self.villages:
                if village.startswith(code) and not village.startswith(area):
                    town = village[:9]
                    parts.add(village if area.startswith(town) else town)
            rows += [{**one, "area_code": part} for part in sorted(parts)]
        return pd.DataFrame(rows, columns=self.coverage.columns)

    def statements(self, coverage: pd.DataFrame, *, lasting: bool = False) -> Any:
        """The area's statements of the month, or of it and all later ones."""
        until = coverage["complete_until"]
        of_month = (until >= self.first) & ((until <= self.last) | lasting)
        inside = coverage["area_code"].astype(str).str.startswith(self.fault.area)
        return (coverage["feed"] == self.fault.feed) & inside & of_month

    def _delivery_day(self) -> pd.Timestamp:
        fault, coverage = self.fault, self.coverage
        of_month = (coverage["complete_until"] >= self.first) & (coverage["complete_until"] <= self.last)
        above = [fault.area.startswith(str(one)) for one in coverage["area_code"]]
        days = coverage.loc[(coverage["feed"] == fault.feed) & of_month & np.array(above), "known_on"]
        if days.empty:
            raise TrainingError(f"the coverage of {fault.feed} does not state that month for the area")
        return pd.Timestamp(days.max())


def _altered(place: _Place, rows: Any, change: Callable[[pd.DataFrame], pd.DataFrame]) -> Change:
    return place.alter(rows, change), place.coverage, place.households(rows)


def _silent(place: _Place) -> Change:
    gone = place.inside & (place.occurred >= place.first).to_numpy()
    frame = place.frame[~gone].copy()
    if place.is_spell:
        # A silent department does not tell that a spell ended either.
        late = _days(frame["ended_on"]) >= place.first
        for column in ("ended_on", "ended_known_on"):
            days = _days(frame[column])
            days[late.to_numpy() & place.inside[~gone]] = pd.NaT
            frame[column] = _like(place.frame, column, days)
    coverage = place.split()
    return frame, coverage[~place.statements(coverage, lasting=True)], place.registered


def _late(place: _Place) -> Change:
    frame, coverage, delay = place.frame.copy(), place.split(), pd.Timedelta(days=LATE_DAYS)
    for date, arrival in (("occurred_on", "known_on"), ("ended_on", "ended_known_on")):
        if date in frame:
            day, known = _days(frame[date]), _days(frame[arrival])
            of_month = place.inside & ((day >= place.first) & (day <= place.last)).to_numpy()
            frame[arrival] = _like(frame, arrival, known.where(~of_month, known + delay), frame[arrival])
    coverage.loc[place.statements(coverage), "known_on"] += delay
    return frame, coverage, place.registered


def _few_rows(place: _Place) -> Change:
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


def _many_rows(place: _Place) -> Change:
    rows = place.rows()
    second = place.frame[rows].copy()
    # The second copy comes on a day of its own, so that no row is the same in every field.
    day = (place.known[rows] + pd.Timedelta(days=1)).clip(lower=place.delivered)
    second["known_on"] = _like(place.frame, "known_on", day)
    return _stack(place.frame, place.frame, second), place.coverage, place.households(rows)


def _missing_values(place: _Place) -> Change:
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


def _zeros(place: _Place) -> Change:
    rows = place.rows()
    fields = place.numbers or [one for one in (place.field(Flag),) if one is not None]

    def zero(part: pd.DataFrame) -> pd.DataFrame:
        for one in fields:
            value: Any = False if isinstance(one, Flag) else 0
            part[one.surface] = _like(place.frame, one.surface, pd.Series(value, index=part.index))
        return part

    return _altered(place, rows, zero)


def _repeated(place: _Place) -> Change:
    rows = place.rows()
    if place.is_spell:
        older = rows & (place.occurred < place.first).to_numpy()
        return _altered(place, older, lambda part: part)
    starts = (place.first - pd.DateOffset(months=back) for back in range(1, 61))
    start = next((one for one in starts if place.month_rows(one).any()), None)
    if start is None:
        raise TrainingError(f"{place.fault.feed} has no earlier row of that area to be repeated")
    before = place.month_rows(start)
    again = place.frame[before].copy()
    moved = (place.occurred[before] + (place.first - start)).clip(upper=place.last)
    again["occurred_on"] = _like(place.frame, "occurred_on", moved)
    came = (place.known[before] + (place.first - start)).clip(upper=place.delivered)
    again["known_on"] = _like(place.frame, "known_on", came.where(came >= moved, moved))
    return _stack(place.frame, place.frame[~rows], again), place.coverage, place.households(before)


def _unit_slip(place: _Place) -> Change:
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
            part[one.surface] = _like(place.frame, one.surface, slipped if is_money else slipped.round())
        return part

    return _altered(place, touched, slip)


def _new_category(place: _Place) -> Change:
    field = place.field(Category, Flag)

    def rename(part: pd.DataFrame) -> pd.DataFrame:
        if field is not None:
            part[field.surface] = UNKNOWN_CODE
        return part

    return _altered(place, place.rows(), rename)


def _foreign_households(place: _Place) -> Change:
    def cut(part: pd.DataFrame) -> pd.DataFrame:
        part["household_id"] = [re.sub(r"^[^0-9]*0*(?=[0-9])", "", str(key)) for key in part["household_id"]]
        return part

    return _altered(place, place.rows(), cut)


def _shifted_dates(place: _Place) -> Change:
    def shift(part: pd.DataFrame) -> pd.DataFrame:
        days = _days(part["occurred_on"]) - pd.Timedelta(days=365)
        part["occurred_on"] = _like(place.frame, "occurred_on", days)
        return part

    return _altered(place, place.rows(), shift)


_KINDS: dict[str, Callable[[_Place], Change]] = {
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


def _days(column: pd.Series[Any]) -> pd.Series[Any]:
    """A date column, text or not; what is no date is missing."""
    days: pd.Series[Any] = pd.to_datetime(column, format="%Y-%m-%d", errors="coerce").astype("datetime64[s]")
    return days


def _like(frame: pd.DataFrame, name: str, values: pd.Series[Any], otherwise: Any = None) -> pd.Series[Any]:
    """Values in the form the column has in the frame: text where dirt has made it text."""
    kind = frame[name].dtype
    if kind.kind in "Mfib":
        return values.astype(kind)
    text = values.map(lambda one: f"{one:.2f}" if isinstance(one, float) else str(one)).astype(object)
    if values.dtype.kind == "M":
        text = values.dt.strftime("%Y-%m-%d").astype(object)
    text = text.where(values.notna(), "" if otherwise is None else otherwise)
    return text.astype("str")


def _stack(like: pd.DataFrame, *parts: pd.DataFrame) -> pd.DataFrame:
    return pd.concat(parts, ignore_index=True)[list(like.columns)]
