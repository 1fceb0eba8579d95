"""Horizons: by when a household would be identified, if it is within the model's horizon.

Discrete-time hazards (Singer & Willett 1993) given identification within the horizon: h₁ in the first period,
h₂ in the second for whoever was not identified in the first, and so on. The score of an earlier horizon is
the model's score × the share that comes by then, so 3 ≤ 6 ≤ 12 months holds by construction, not by luck.
Where identifications have a season, the shares are moved by it (`scoring.season`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, model_validator

from scoring.calibration import probability
from scoring.lines import Lines
from scoring.season import Season

Floats = npt.NDArray[np.float64]


class Timing(BaseModel):
    """The horizons before the model's own, in months, in order, with a line of hazard log-odds for each.

    `season` is None where identifications have none that is known.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    months: tuple[int, ...]
    lines: Lines
    season: Season | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Timing:
        if list(self.months) != sorted(set(self.months)) or any(one < 1 for one in self.months):
            raise ValueError("months are above 0 and in order, each once")
        if len(self.lines.intercepts) != len(self.months):
            raise ValueError("every horizon has one line")
        return self

    def shares(
        self,
        matrix: Floats,
        feature_names: Sequence[str],
        log_odds: Floats,
        as_of: dt.date,
        horizon_months: int,
    ) -> Floats:
        """P(identified by then | within the model's horizon) of n households, (n, horizons), rising."""
        found = np.empty((len(log_odds), len(self.months)))
        left = np.ones(len(log_odds))
        for at, line in enumerate(self.lines.values(matrix, feature_names, log_odds)):
            # 1 − h is at most 1, and a product with it is never rounded above the other factor.
            left = left * (1.0 - probability(line))
            found[:, at] = 1.0 - left
        if self.season is None:
            return found
        return self.season.shift(found, as_of, self.months, horizon_months)
