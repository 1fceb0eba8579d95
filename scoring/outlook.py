"""The outlook: one score told by horizon and by theme. It adds no new score; it divides the one there is.

A model may have none: then nothing is said of it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from scoring.errors import BundleError
from scoring.horizons import Timing
from scoring.lines import LOG_ODDS
from scoring.themes import ThemeShares, split_exactly

Floats = npt.NDArray[np.float64]

GOLDEN_TOLERANCE = 1e-12
GOLDEN_AS_OF = dt.date(2026, 1, 31)
"""The date from which the golden rows look ahead."""


@dataclass(frozen=True)
class HorizonScore:
    """The probability of a newly verified identification within so many months."""

    months: int
    score: float


@dataclass(frozen=True)
class ThemeScore:
    """The part of the score that belongs to a theme."""

    theme: str
    score: float


@dataclass(frozen=True)
class Outlook:
    """The outlook of n households.

    `horizons` (n, months) rise along `months`, whose last is the model's own horizon with the score itself;
    `by_theme` (n, themes) add up to the score, to the last bit.
    """

    months: tuple[int, ...]
    themes: tuple[str, ...]
    horizons: Floats
    by_theme: Floats

    def horizon_scores(self, row: int) -> tuple[HorizonScore, ...]:
        """One household's scores, the nearest horizon first."""
        return tuple(map(HorizonScore, self.months, self.horizons[row].tolist()))

    def theme_scores(self, row: int) -> tuple[ThemeScore, ...]:
        """One household's risk by theme."""
        return tuple(map(ThemeScore, self.themes, self.by_theme[row].tolist()))


class OutlookModel(BaseModel):
    """When and of which theme, given an identification within the model's horizon."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    timing: Timing
    themes: ThemeShares

    def check(self, feature_names: Sequence[str], horizon_months: int) -> None:
        """Raise `BundleError` unless it divides the score of a model of these features and this horizon."""
        read = {*self.timing.lines.covariates, *self.themes.lines.covariates}
        unknown = sorted(read - {LOG_ODDS, *feature_names})
        if unknown:
            raise BundleError(f"the outlook reads what the model does not: {', '.join(unknown)}")
        if any(one >= horizon_months for one in self.timing.months):
            raise BundleError(f"the outlook's horizons lie before the model's own of {horizon_months} months")

    def look(
        self,
        scores: Floats,
        log_odds: Floats,
        matrix: Floats,
        feature_names: Sequence[str],
        horizon_months: int,
        as_of: dt.date,
    ) -> Outlook:
        """The outlook of n households on a date, with these scores (n,), their log-odds (n,) and features."""
        by_then = self.timing.shares(matrix, feature_names, log_odds, as_of, horizon_months)
        shares = self.themes.shares(matrix, feature_names, log_odds)
        return Outlook(
            (*self.timing.months, horizon_months),
            self.themes.themes,
            np.column_stack([by_then * scores[:, None], scores]),
            split_exactly(scores, shares),
        )


class OutlookEntry(BaseModel):
    """The outlook's part of a manifest: its numbers, and what they must give for the golden rows."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    model: OutlookModel
    golden_horizons: list[list[float]]
    golden_themes: list[list[float]]

    @classmethod
    def make(cls, model: OutlookModel, golden: Outlook) -> OutlookEntry:
        """The entry of a model with the outlook of the golden rows."""
        return cls(
            model=model, golden_horizons=golden.horizons.tolist(), golden_themes=golden.by_theme.tolist()
        )

    def check_golden(self, found: Outlook) -> None:
        """Raise `BundleError` unless the golden rows have the outlook that is written down."""
        for name, wanted, made in (
            ("horizons", self.golden_horizons, found.horizons),
            ("themes", self.golden_themes, found.by_theme),
        ):
            if [len(one) for one in wanted] != [made.shape[1]] * len(made):
                raise BundleError(f"the manifest has not one golden outlook by {name} for each golden row")
            worst = float(np.max(np.abs(np.array(wanted) - made)))
            if not worst <= GOLDEN_TOLERANCE:
                raise BundleError(f"the golden rows' outlook by {name} differs by up to {worst:.3g}")
