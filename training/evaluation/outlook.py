"""Outlook measured: each horizon and each theme out of time, beside the overall shares of the past.

Every number of the households' scores is bootstrapped by household, as those of rankings are.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from scoring.capacity import Areas, Capacity, Quota
from scoring.estimate import Estimate
from scoring.model import RiskModel
from scoring.outlook import Outlook, OutlookModel
from scoring.themes import THEMES
from training.candidate import Candidate
from training.evaluation.resampling import (
    ECE,
    PR_AUC,
    ROC_AUC,
    draw_weights,
    measure_once,
    measure_weighted,
    sort_ranking,
)
from training.experiment import BootstrapSettings, Experiment
from training.labels import Labels, labels_by_horizon, themes_of
from training.lines import Learned
from training.matrix import Matrix
from training.outlook import FittedOutlook, fit_outlook, periods_of
from training.season import FittedSeason

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Figures:
    """Scores of n households against what came: expected and observed identifications, and how they rank.

    `ratio` is foretold ÷ observed; None where nothing was observed.
    """

    n: int
    positives: int
    predicted: float
    observed: Estimate
    ratio: Estimate | None
    roc_auc: Estimate | None
    pr_auc: Estimate | None
    ece: Estimate


@dataclass(frozen=True)
class HorizonFigures:
    """One horizon on a test date."""

    months: int
    figures: Figures


@dataclass(frozen=True)
class ThemeFigures:
    """One theme on a test date; `auc_among_identified` ranks the identified by their share of the theme."""

    theme: str
    figures: Figures
    auc_among_identified: Estimate | None


@dataclass(frozen=True)
class AgainstShares:
    """Log loss (nats) a household identified, of the model and of the overall shares of the past.

    `gain` is the shares' loss less the model's: above zero the covariates were worth having.
    """

    identified: int
    loss: float
    loss_of_shares: float
    gain: Estimate


@dataclass(frozen=True)
class HorizonsOn:
    """The horizons on one test date."""

    as_of_date: dt.date
    n: int
    horizons: tuple[HorizonFigures, ...]
    against_shares: AgainstShares


@dataclass(frozen=True)
class ThemesOn:
    """The themes on one test date.

    `confusion` counts the identified by verified theme (rows) and by their largest theme share (columns), in
    the order of `themes`; `hit_share` is the share on its diagonal, `hit_share_of_commonest` that of always
    naming the commonest theme of the past.
    """

    as_of_date: dt.date
    themes: tuple[str, ...]
    figures: tuple[ThemeFigures, ...]
    confusion: tuple[tuple[int, ...], ...]
    hit_share: Estimate
    hit_share_of_commonest: Estimate
    against_shares: AgainstShares


@dataclass(frozen=True)
class HorizonSection:
    """The horizons: what was learned of the released model, and each test date.

    `season` is what was tried of the months of the year.
    """

    learned: Learned
    shares: dict[str, float]
    covariates: tuple[str, ...]
    season: FittedSeason
    tests: tuple[HorizonsOn, ...]


@dataclass(frozen=True)
class ThemeSection:
    """The themes, likewise."""

    learned: Learned
    shares: dict[str, float]
    covariates: tuple[str, ...]
    tests: tuple[ThemesOn, ...]


@dataclass(frozen=True)
class OutlookEvaluation:
    """The released model's outlook, with what was measured of the outlook of every split."""

    model: OutlookModel
    horizons: HorizonSection
    themes: ThemeSection


def evaluate_outlook(
    experiment: Experiment,
    candidates: Sequence[Candidate],
    train: Matrix,
    tests: Mapping[dt.date, Matrix],
    outcomes: pd.DataFrame | None,
) -> OutlookEvaluation | None:
    """Learn each split's outlook from its past and measure it on its test dates.

    `candidates` are those of the experiment's splits, `train` the rows of every training date. None where
    `outcomes` do not tell when each identification of these rows was.
    """
    months = experiment.split.horizon_months
    if outcomes is None or not all(are_dated(one, outcomes, months) for one in (train, *tests.values())):
        return None
    horizons, themes = [], []
    for split, candidate in zip(experiment.splits, candidates, strict=True):
        fitted = fit_outlook(
            train.on(split.train), outcomes, candidate, experiment.region, experiment.outlook
        )
        model = dataclasses.replace(candidate.model, outlook=fitted.model)
        for as_of in split.test:
            found = measure_outlook(
                fitted, model, as_of, tests[as_of], outcomes, experiment.capacity, experiment.bootstrap,
                experiment.region,
            )  # fmt: skip
            horizons.append(found[0])
            themes.append(found[1])
    return OutlookEvaluation(
        fitted.model,
        horizon_section(fitted, experiment.split.horizon_months, horizons),
        theme_section(fitted, themes),
    )


def are_dated(rows: Matrix, outcomes: pd.DataFrame, horizon_months: int) -> bool:
    """Whether the outcomes put each identification of the rows into its horizon."""
    identified = rows.vectors.index[rows.labels == 1]
    return bool(labels_by_horizon(identified, outcomes, (horizon_months,)).all())


def measure_outlook(
    fitted: FittedOutlook,
    model: RiskModel,
    as_of: dt.date,
    test: Matrix,
    outcomes: pd.DataFrame,
    capacity: Capacity,
    bootstrap: BootstrapSettings,
    region: str,
) -> tuple[HorizonsOn, ThemesOn]:
    """Horizons and themes of one test date; `model` carries the fitted outlook."""
    matrix = model.matrix(test.vectors)
    scores = model.score(test.vectors)
    outlook = model.look(matrix, scores, np.log(scores / (1 - scores)), as_of)
    assert outlook is not None
    areas = capacity.divide(test.villages, len(scores))
    labels = labels_by_horizon(test.vectors.index, outcomes, outlook.months)
    themes = np.where(test.labels == 1, themes_of(test.vectors.index, outcomes, region), -1)
    return (
        _horizons(fitted, as_of, outlook, labels, areas, bootstrap),
        _themes(fitted, as_of, outlook, themes, areas, bootstrap),
    )


def horizon_section(
    released: FittedOutlook, horizon_months: int, tests: Sequence[HorizonsOn]
) -> HorizonSection:
    """The section of a run."""
    months = (*released.model.timing.months, horizon_months)
    shares = dict(zip(map(str, months), (*released.shares_by_horizon, 1.0), strict=True))
    covariates = released.model.timing.lines.covariates
    return HorizonSection(released.timing, shares, covariates, released.season, tuple(tests))


def theme_section(released: FittedOutlook, tests: Sequence[ThemesOn]) -> ThemeSection:
    """The section of a run."""
    shares = dict(zip(THEMES, released.shares_by_theme, strict=True))
    return ThemeSection(released.themes, shares, released.model.themes.lines.covariates, tuple(tests))


def _horizons(
    fitted: FittedOutlook, as_of: dt.date, outlook: Outlook, labels: Labels, areas: Areas,
    bootstrap: BootstrapSettings,
) -> HorizonsOn:  # fmt: skip
    pairs = [(labels[:, at], outlook.horizons[:, at]) for at in range(len(outlook.months))]
    found = tuple(map(HorizonFigures, outlook.months, figures(pairs, areas, bootstrap)))
    identified = labels[:, -1] == 1
    periods = periods_of(labels[identified])
    by_then = outlook.horizons[identified] / outlook.horizons[identified, -1:]
    model = np.diff(by_then, axis=1, prepend=0.0)
    shares = np.diff((*fitted.shares_by_horizon, 1.0), prepend=0.0)
    return HorizonsOn(as_of, len(labels), found, against_shares(model, shares, periods, bootstrap))


def _themes(
    fitted: FittedOutlook, as_of: dt.date, outlook: Outlook, themes: Labels, areas: Areas,
    bootstrap: BootstrapSettings,
) -> ThemesOn:  # fmt: skip
    identified = np.flatnonzero(themes >= 0)
    shares = outlook.by_theme[identified] / outlook.by_theme[identified].sum(axis=1, keepdims=True)
    verified = themes[identified]
    named = shares.argmax(axis=1)
    confusion = np.zeros((len(THEMES), len(THEMES)), dtype=np.int64)
    np.add.at(confusion, (verified, named), 1)
    whole = Capacity(Quota(visits=1)).divide(None, len(identified))
    of_all = figures(
        [((themes == at).astype(np.int64), outlook.by_theme[:, at]) for at in range(len(THEMES))],
        areas,
        bootstrap,
    )
    among = figures(
        [((verified == at).astype(np.int64), shares[:, at]) for at in range(len(THEMES))], whole, bootstrap
    )
    return ThemesOn(
        as_of,
        THEMES,
        tuple(ThemeFigures(theme, of_all[at], among[at].roc_auc) for at, theme in enumerate(THEMES)),
        tuple(tuple(row) for row in confusion.tolist()),
        _mean((named == verified).astype(np.float64), bootstrap),
        _mean((verified == int(np.argmax(fitted.shares_by_theme))).astype(np.float64), bootstrap),
        against_shares(shares, np.array(fitted.shares_by_theme), verified, bootstrap),
    )


def figures(
    pairs: Sequence[tuple[Labels, Floats]], areas: Areas, bootstrap: BootstrapSettings
) -> list[Figures]:
    """How scores (n,) meet labels (n,), for each pair, all on the same resamples of the n households.

    What needs both outcomes is None where there is one.
    """
    rankings = [sort_ranking(labels, scores, areas, is_probability=True) for labels, scores in pairs]
    drawn: list[list[Floats]] = [[] for _ in pairs]
    observed: list[list[Floats]] = [[] for _ in pairs]
    foretold: list[list[Floats]] = [[] for _ in pairs]
    for part in draw_weights(bootstrap.seed, bootstrap.resamples, len(areas.index)):
        for at, (labels, scores) in enumerate(pairs):
            drawn[at].append(measure_weighted(rankings[at], part))
            observed[at].append(part[:, labels == 1].sum(axis=1).astype(np.float64))
            foretold[at].append(part.astype(np.float64) @ scores)
    found = []
    for at, (labels, scores) in enumerate(pairs):
        once, numbers = measure_once(rankings[at]), np.concatenate(drawn[at])
        has_both = 0 < labels.sum() < len(labels)
        roc_auc, pr_auc, ece = (
            Estimate.of(float(once[column]), numbers[:, column]) for column in (ROC_AUC, PR_AUC, ECE)
        )
        positives, predicted = int(labels.sum()), float(scores.sum())
        came = np.concatenate(observed[at])
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = np.concatenate(foretold[at]) / came
        found.append(
            Figures(
                n=len(labels),
                positives=positives,
                predicted=predicted,
                observed=Estimate.of(float(positives), came),
                ratio=Estimate.of(predicted / positives, ratios) if positives else None,
                roc_auc=roc_auc if has_both else None,
                pr_auc=pr_auc if has_both else None,
                ece=ece,
            )
        )
    return found


def against_shares(
    model: Floats, shares: Floats, classes: Labels, bootstrap: BootstrapSettings
) -> AgainstShares:
    """The loss of n identified households' own shares (n, kinds) beside that of the overall ones (kinds,)."""
    rows = np.arange(len(classes))
    own = -np.log(np.clip(model[rows, classes], 1e-12, 1.0))
    overall = -np.log(np.clip(shares[classes], 1e-12, 1.0))
    return AgainstShares(
        len(classes), float(own.mean()), float(overall.mean()), _mean(overall - own, bootstrap)
    )


def _mean(values: Floats, bootstrap: BootstrapSettings) -> Estimate:
    drawn = []
    for part in draw_weights(bootstrap.seed, bootstrap.resamples, len(values)):
        weights = part.astype(np.float64)
        total = weights.sum(axis=1)
        drawn.append(np.where(total > 0, weights @ values / np.maximum(total, 1), np.nan))
    return Estimate.of(float(values.mean()), np.concatenate(drawn))
