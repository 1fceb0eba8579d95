"""Season: in which months of the year identifications come, relative to the mean month.

School fees, harvests and yearly reviews make some months busier than others, so the same share of a year is
not always in its first half: it depends on the date from which one looks.
"""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, field_validator

Floats = npt.NDArray[np.float64]


class Season(BaseModel):
    """`by_month` is the intensity of January … December, about 1 on average, each above 0."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    by_month: tuple[float, ...]

    @field_validator("by_month")
    @classmethod
    def _a_year(cls, found: tuple[float, ...]) -> tuple[float, ...]:
        if len(found) != 12 or min(found) <= 0:
            raise ValueError("a season has a number above 0 for each of twelve months")
        return found

    def of_periods(self, as_of: dt.date, months: Sequence[int]) -> list[float]:
        """Mean intensity of the periods after `as_of` that end after so many `months`, in order."""
        last = calendar.monthrange(as_of.year, as_of.month)[1]
        # What is left of the month of the date belongs to each month's step; nothing at a month's end.
        left = (last - as_of.day) / last
        steps = [
            left * self.by_month[(as_of.month - 1 + step) % 12]
            + (1 - left) * self.by_month[(as_of.month + step) % 12]
            for step in range(months[-1])
        ]
        return [sum(steps[start:end]) / (end - start) for start, end in pairwise((0, *months))]

    def shift(self, by_then: Floats, as_of: dt.date, months: Sequence[int], horizon_months: int) -> Floats:
        """Shares (n, months) that come by then in a year without seasons, as they are after `as_of`.

        Each period's share is multiplied by its intensity; all of them still add up to the share 1 of the
        horizon, and never fall.
        """
        strengths = self.of_periods(as_of, (*months, horizon_months))
        before = np.zeros(len(by_then))
        sums = []
        total = np.zeros(len(by_then))
        for at, strength in enumerate(strengths):
            until = by_then[:, at] if at < by_then.shape[1] else np.ones(len(by_then))
            total = total + (until - before) * strength
            sums.append(total)
            before = until
        return np.column_stack([one / total for one in sums[:-1]])
