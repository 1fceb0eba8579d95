"""Where a fault is put: one feed's rows of an area and a month, as its delivery brought them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from features.regions import contains
from features.signals import CONTRACTS
from features.signals.contract import Contract
from features.signals.fields import Count, Field, Money
from training.errors import TrainingError


class Place:
    """Where a fault is put: the frame of its feed and which of the rows it can touch."""

    def __init__(
        self,
        feeds: Mapping[str, pd.DataFrame],
        coverage: pd.DataFrame,
        where: tuple[str, str, dt.date],
        rng: np.random.Generator,
    ) -> None:
        self.feed, self.area, month = where
        self.rng, self.coverage = rng, coverage
        self.contract: Contract = CONTRACTS[self.feed]
        self.is_spell = self.contract.kind == "spell"
        self.frame = feeds[self.feed].reset_index(drop=True)
        register = feeds["household"]
        keys = register["household_id"].astype(str).str.strip(",")
        villages = dict(zip(keys, register["village_code"].astype(str), strict=True))
        self.villages = sorted(set(villages.values()))
        self.registered = {key for key, village in villages.items() if contains(self.area, village)}
        self.first = pd.Timestamp(month.replace(day=1))
        self.last = self.first + pd.offsets.MonthEnd(0)
        self.occurred, self.known = (days_of(self.frame[one]) for one in ("occurred_on", "known_on"))
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
        """The first field of the first of these kinds that the delivery has."""
        for kind in kinds:
            for one in self.contract.fields:
                is_asked = isinstance(one, kind) and one.name != "is_known_on_estimated"
                # A department leaves optional fields out.
                if is_asked and one.surface in self.frame:
                    return one
        return None

    def month_rows(self, first: pd.Timestamp | None = None) -> Any:
        """Rows of the area that occurred in a month and came with this delivery or before."""
        start = self.first if first is None else first
        end = start + pd.offsets.MonthEnd(0)
        return self.inside & self.arrived & ((self.occurred >= start) & (self.occurred <= end)).to_numpy()

    def open_rows(self) -> Any:
        """Spells of the area that were open on the month's last day, as the delivery had it."""
        ended, told = days_of(self.frame["ended_on"]), days_of(self.frame["ended_known_on"])
        is_open = ended.isna() | (ended >= self.last) | (told > self.delivered)
        return self.inside & self.arrived & ((self.occurred <= self.last) & is_open).to_numpy()

    def rows(self) -> Any:
        """The rows that the month's delivery holds for the area; raises where there are none."""
        found = self.open_rows() if self.is_spell else self.month_rows()
        if not found.any():
            raise TrainingError(f"{self.feed} has no row of that area and month to be at fault")
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
            return stack(self.frame, self.frame[~rows], change(self.frame[rows].copy()))
        new = self.frame[rows].copy()
        new["occurred_on"] = in_form_of(self.frame, "occurred_on", self.occurred[rows].clip(lower=self.first))
        came = self.known[rows].where((self.occurred >= self.first)[rows], self.delivered)
        new["known_on"] = in_form_of(self.frame, "known_on", came)
        return stack(self.frame, self.closed(rows), change(new))

    def closed(self, rows: Any) -> pd.DataFrame:
        """The frame with these open spells ended before the month; those that began in it are left out."""
        older = rows & (self.occurred < self.first).to_numpy()
        frame = self.frame.copy()
        eve = self.first - pd.Timedelta(days=1)
        for column, day in (("ended_on", eve), ("ended_known_on", self.delivered)):
            days = days_of(frame[column])
            days[older] = day
            frame[column] = in_form_of(frame, column, days)
        kept: pd.DataFrame = frame[~(rows & ~older)]
        return kept

    def households(self, rows: Any) -> set[str]:
        """The registered households of these rows."""
        return set(self.frame.loc[rows, "household_id"].astype(str).str.strip(","))

    def split(self) -> pd.DataFrame:
        """The coverage with the feed's statements split, so that the area has statements of its own."""
        area, rows = self.area, []
        for one in self.coverage.to_dict("records"):
            code = str(one["area_code"])
            if one["feed"] != self.feed or code == area or not area.startswith(code):
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
        inside = coverage["area_code"].astype(str).str.startswith(self.area)
        return (coverage["feed"] == self.feed) & inside & of_month

    def _delivery_day(self) -> pd.Timestamp:
        coverage = self.coverage
        of_month = (coverage["complete_until"] >= self.first) & (coverage["complete_until"] <= self.last)
        above = [self.area.startswith(str(one)) for one in coverage["area_code"]]
        days = coverage.loc[(coverage["feed"] == self.feed) & of_month & np.array(above), "known_on"]
        if days.empty:
            raise TrainingError(f"the coverage of {self.feed} does not state that month for the area")
        return pd.Timestamp(days.max())


def days_of(column: pd.Series[Any]) -> pd.Series[Any]:
    """A date column, text or not; what is no date is missing."""
    days: pd.Series[Any] = pd.to_datetime(column, format="%Y-%m-%d", errors="coerce").astype("datetime64[s]")
    return days


def in_form_of(
    frame: pd.DataFrame, name: str, values: pd.Series[Any], otherwise: Any = None
) -> pd.Series[Any]:
    """Values in the form the column has in the frame: text where dirt has made it text."""
    kind = frame[name].dtype
    if kind.kind in "Mfib":
        return values.astype(kind)
    text = values.map(lambda one: f"{one:.2f}" if isinstance(one, float) else str(one)).astype(object)
    if values.dtype.kind == "M":
        text = values.dt.strftime("%Y-%m-%d").astype(object)
    text = text.where(values.notna(), "" if otherwise is None else otherwise)
    return text.astype("str")


def stack(like: pd.DataFrame, *parts: pd.DataFrame) -> pd.DataFrame:
    """The parts as one frame, with the columns of another in their order."""
    return pd.concat(parts, ignore_index=True)[list(like.columns)]
