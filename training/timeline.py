"""Timeline: which as-of dates train and which test, with a gap of the whole horizon between them.

A training label looks `horizon` months ahead. If the test began before that look had ended, the model
would have been taught by outcomes that, on the test date, nobody knew.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from features.dates import horizon_end
from training.errors import LeakError


@dataclass(frozen=True)
class Split:
    """As-of dates for training and for testing; checked when made, before anything can be fitted.

    `maturity_days` is how long after the horizon's end its identifications may still be recorded: a training
    label is only known then.
    """

    train: tuple[dt.date, ...]
    test: tuple[dt.date, ...]
    horizon_months: int
    maturity_days: int = 0

    def __post_init__(self) -> None:
        if not self.train or not self.test:
            raise LeakError("a split needs at least one training and one test date")
        if self.labels_known_on > min(self.test):
            late = f" and {self.maturity_days} days until they are recorded" if self.maturity_days else ""
            raise LeakError(
                f"training labels look as far as {self.labels_known_on}, past the first test date "
                f"{min(self.test)}: leave a gap of the whole horizon ({self.horizon_months} months{late})"
            )

    @property
    def labels_known_on(self) -> dt.date:
        """The day from which all training labels are known."""
        return max(label_known_on(one, self.horizon_months, self.maturity_days) for one in self.train)

    def describe(self) -> str:
        """The split in one line, for reports."""
        return (
            f"train as of {', '.join(map(str, self.train))} (labels to {self.labels_known_on}); "
            f"test as of {', '.join(map(str, self.test))}"
        )


def rolling_splits(
    train: Sequence[dt.date], test: Sequence[dt.date], horizon_months: int, maturity_days: int = 0
) -> tuple[Split, ...]:
    """One split a test date, trained on every date whose labels were known by then.

    Raises `LeakError` when a test date has none.
    """
    splits = []
    for as_of in test:
        past = tuple(one for one in train if label_known_on(one, horizon_months, maturity_days) <= as_of)
        if not past:
            raise LeakError(
                f"no training date has labels that are known on the test date {as_of}: leave a gap "
                f"of the whole horizon ({horizon_months} months)"
            )
        splits.append(Split(past, (as_of,), horizon_months, maturity_days))
    return tuple(splits)


def label_known_on(as_of: dt.date, horizon_months: int, maturity_days: int) -> dt.date:
    """The day from which the labels of an as-of date are known."""
    return horizon_end(as_of, horizon_months) + dt.timedelta(days=maturity_days)
