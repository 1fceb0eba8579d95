"""Champion: the model in use, that a candidate's list is compared with."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from features.dates import horizon_end
from scoring.bundle import Bundle
from scoring.model import RiskModel


@dataclass(frozen=True)
class Champion:
    """The model in use, its release name, and the last day that its training labels look at."""

    version: str
    model: RiskModel
    labels_until: dt.date

    @classmethod
    def of(cls, bundle: Bundle) -> Champion:
        """The champion that a bundle holds."""
        manifest = bundle.manifest
        ends = [
            horizon_end(dt.date.fromisoformat(one), manifest.horizon_months)
            for one in manifest.provenance.train_as_of_dates
        ]
        return cls(manifest.version, bundle.model, max(ends, default=dt.date.min))

    def saw(self, as_of: dt.date) -> bool:
        """Whether it learned from outcomes after the date, so that a test on it flatters the champion."""
        return self.labels_until > as_of
