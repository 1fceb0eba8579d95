"""Outlook: learning when and of which theme an identification comes, from the households that had one.

Both models are small and shrunk to the overall shares, and both must earn their covariates (see `lines`).
Identifications are few, some hundred a county; a larger model would learn them by heart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.dates import horizon_end
from scoring.horizons import Timing
from scoring.lines import LOG_ODDS, columns_of
from scoring.outlook import OutlookModel
from scoring.season import Season
from scoring.themes import THEMES, ThemeShares
from training.candidate import Candidate
from training.label_settings import OutlookSettings
from training.labels import Labels, labels_by_horizon, themes_of
from training.lines import PRIOR, Learned, choose_lines, hazards, shares
from training.matrix import Matrix
from training.season import FittedSeason, fit_season

Floats = npt.NDArray[np.float64]

TIMING_COVARIATES = (
    LOG_ODDS, "illness_self_paid_yuan_1m", "illness_self_paid_yuan_3m", "income_days_since_wages",
)  # fmt: skip
"""What could tell soon from late: how high the risk is, and how fresh its signs."""

THEME_COVARIATES = (
    "illness_self_paid_yuan_12m", "illness_serious_count_12m", "illness_inpatient_count_12m",
    "composition_severely_disabled_count", "composition_chronic_illness_count", "disability_new_count_12m",
    "loan_illness_outstanding_yuan", "income_wages_change_yuan_6m", "income_wages_share_12m",
    "income_days_since_wages", "employment_working_count", "employment_idle_workers_count",
    "employment_ended_count_12m", "composition_workers_count", "composition_is_without_labour",
    "production_loss_yuan_12m", "production_trouble_count_12m", "income_business_change_yuan_12m",
    "disaster_loss_yuan_12m", "disaster_count_12m", "disaster_is_house_damaged_24m", "accident_count_12m",
    "accident_uncompensated_yuan_12m", "civil_is_earner_lost_24m",
    "composition_costly_students_count", "schooling_cost_after_aid_yuan_12m",
    "schooling_university_cost_yuan_12m",
)  # fmt: skip
"""Each theme's own signs, and those of schooling, the largest part of `other`; a model uses what it has."""


@dataclass(frozen=True)
class FittedOutlook:
    """The model with what was tried for each part, and the overall shares that both are judged by.

    `shares_by_horizon` are of the identified, by each earlier horizon; `shares_by_theme` of each theme.
    `season` is what was tried of the months of the year.
    """

    model: OutlookModel
    timing: Learned
    themes: Learned
    shares_by_horizon: tuple[float, ...]
    shares_by_theme: tuple[float, ...]
    season: FittedSeason


def fit_outlook(
    train: Matrix, outcomes: pd.DataFrame, candidate: Candidate, region: str, settings: OutlookSettings
) -> FittedOutlook:
    """Learn from the identified households of the training rows alone.

    Their log-odds come from models that did not see them. Raises `PolicyError` without codes of causes.
    """
    model, names = candidate.model, candidate.model.feature_names
    found = np.flatnonzero(train.labels == 1)
    rows = train.vectors.iloc[found]
    months = (*settings.horizons, model.horizon_months)
    periods = periods_of(labels_by_horizon(rows.index, outcomes, months))
    themes = themes_of(rows.index, outcomes, region)
    log_odds = candidate.fitted.calibration.log_odds(candidate.fitted.out_of_fold[found])
    choose = partial(
        choose_lines,
        groups=train.households[found],
        folds=settings.folds,
        least_rows=settings.least_positives,
    )
    matrix = model.matrix(rows)

    def known(covariates: Sequence[str]) -> list[str]:
        return [one for one in covariates if one == LOG_ODDS or one in names]

    soon, signs = known(TIMING_COVARIATES), known(THEME_COVARIATES)
    last = train.vectors.index.get_level_values("as_of_date").max().date()
    season = fit_season(outcomes["identified_on"], horizon_end(last, model.horizon_months))
    timing, of_timing = choose(
        hazards(len(months)), soon, columns_of(soon, matrix, names, log_odds), periods,
        weights=without_season(season.season, rows.index, periods, months),
    )  # fmt: skip
    by_theme, of_themes = choose(
        shares(len(THEMES)), signs, columns_of(signs, matrix, names, log_odds), themes
    )
    counts = np.bincount(periods, minlength=len(months))
    kinds = np.bincount(themes, minlength=len(THEMES)) + PRIOR
    return FittedOutlook(
        OutlookModel(
            timing=Timing(months=settings.horizons, lines=timing, season=season.season),
            themes=ThemeShares(lines=by_theme),
        ),
        of_timing,
        of_themes,
        tuple((np.cumsum(counts)[:-1] / len(found)).tolist()),
        tuple((kinds / kinds.sum()).tolist()),
        season,
    )


def without_season(
    season: Season | None, index: pd.Index[Any], periods: Labels, months: Sequence[int]
) -> Floats:
    """Weights (n,), 1 on average, of identified rows (household, date) as in a year without seasons.

    A row of a busy period counts less: one over the intensity of its period after its date.
    """
    if season is None:
        return np.ones(len(periods))
    dates = index.get_level_values("as_of_date")
    strengths = {day: season.of_periods(day.date(), months) for day in dates.unique()}
    found = np.array([1 / strengths[day][at] for day, at in zip(dates, periods, strict=True)])
    return np.asarray(found / found.mean())


def periods_of(labels: Labels) -> Labels:
    """The period of each identified row (n,), from its labels by horizon (n, horizons): 0 is the first."""
    return np.asarray(labels.shape[1] - labels.sum(axis=1))
