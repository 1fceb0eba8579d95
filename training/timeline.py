"""Timeline: which as-of dates train and which test, with a gap of the whole horizon between them.

A training label looks `horizon` months ahead. If the test began before that look had ended, the model
would have been taught by outcomes that, on the test date, nobody knew.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from features.dates import month_ends
from training.errors import LeakError


@dataclass(frozen=True)
class Split:
    """As-of dates for training and for testing; checked when made, before anything can be fitted."""

    train: tuple[dt.date, ...]
    test: tuple[dt.date, ...]
    horizon_months: int

    def __post_init__(self) -> None:
        if not self.train or not self.test:
            raise LeakError("a split needs at least one training and one test date")
        last_seen = max(horizon_end(as_of, self.horizon_months) for as_of in self.train)
        if last_seen > min(self.test):
            raise LeakError(
                f"training labels look as far as {last_seen}, past the first test date {min(self.test)}: "
                f"leave a gap of the whole horizon ({self.horizon_months} months)"
            )

    def describe(self) -> str:
        """The split in one line, for reports."""
        return (
            f"train as of {', '.join(map(str, self.train))} (labels to "
            f"{max(horizon_end(one, self.horizon_months) for one in self.train)}); "
            f"test as of {', '.join(map(str, self.test))}"
        )


def horizon_end(as_of: dt.date, months: int) -> dt.date:
    """The last day of the horizon: month end to month end, so that windows touch and never overlap."""
    index = as_of.year * 12 + as_of.month - 1 + months
    target = dt.date(index // 12, index % 12 + 1, 1)
    end = month_ends(target, 1)[0]
    is_month_end = month_ends(as_of, 1)[0] == as_of
    return end if is_month_end else min(end, target.replace(day=min(as_of.day, end.day)))
