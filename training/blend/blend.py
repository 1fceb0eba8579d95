"""Fitting a blend: every learner out of fold, the best of each family, their weights and a calibration."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold
from threadpoolctl import threadpool_limits

from scoring.calibration import Calibration, probability
from training.blend.learners import Learner, Line, Margins, NaiveRule, Trees
from training.blend.rows import Rows
from training.blend.weights import find_trust, find_weights
from training.errors import DataError
from training.fit import fit_calibration

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]
Progress = Callable[[int, int], None]

MANY_ROWS = 12_000
RIDGES = (0.002, 0.02, 0.2)
LEAST_LATER, LEAST_TOLD = 0.5, 0.9


@dataclass(frozen=True)
class BlendSettings:
    """How a blend is fitted.

    `prior_strength` holds the weights to equal ones (see `find_weights`). From `many_rows` on sizes and
    weights are found in three folds of so many rows, of groups drawn whole, and trees are not bagged; from
    `many_outcomes` outcomes on trees of 31 leaves are tried as well.
    """

    folds: int = 5
    prior_strength: float = 20.0
    many_rows: int = MANY_ROWS
    many_outcomes: int = 1_000
    seed: int = 7

    def families(
        self, n: int, outcomes: int, directions: Sequence[int] = (), *, is_graded: bool = False
    ) -> tuple[tuple[Learner, ...], ...]:
        """Learners that differ in kind, and of each kind the sizes of which the folds choose one.

        Where the label `is_graded` (see `tells_label`), the rule's place a wave later is foreseen too.

        Chosen on folds of three panels' training sides and on invented panels; see docs/how-to.
        """
        bags = 1 if n >= self.many_rows else 3
        shared: dict[str, Any] = {
            "directions": tuple(directions),
            "bags": bags,
            "threads": threads_for(n),
        }
        large: tuple[Learner, ...] = ()
        if outcomes >= self.many_outcomes:
            large = (Trees("trees, 31 leaves", leaves=31, rounds=500, l2=10.0, **shared),)
        foreseeing: tuple[tuple[Learner, ...], ...] = ()
        if is_graded:
            foreseeing = ((Trees("trees of the rule later", is_placed=True, foresees_rule=True, **shared),),)
        return (
            tuple(Line(f"line, C {c}", c) for c in RIDGES),
            tuple(Line(f"line of places, C {c}", c, is_placed=True) for c in RIDGES),
            (Trees("trees, 7 leaves", **shared), *large),
            (Trees("trees of places", is_placed=True, **shared),),
            (Trees("trees from the rule", is_placed=True, starts_at_rule=True, **shared),),
            *foreseeing,
        )


@dataclass(frozen=True)
class Fitted:
    """One fitted learner, the calibration of its margins and its weight."""

    name: str
    margins: Margins
    scale: Calibration
    weight: float


@dataclass(frozen=True)
class Blend:
    """Fitted learners with their weights, the calibration of the sum, and the trust in it over the rule.

    `trust` is 1 where the folds show the sum to be better than the naive rule, less where they hardly do.
    """

    learners: tuple[Fitted, ...]
    calibration: Calibration
    rule: Calibration
    trust: float

    def margins(self, rows: Rows) -> Floats:
        """The weighted sum of the learners' calibrated log-odds."""
        total = np.zeros(len(rows))
        for one in self.learners:
            total += one.weight * one.scale.log_odds(one.margins(rows))
        return total

    def probability(self, rows: Rows) -> Floats:
        """Calibrated probabilities of rows with the columns it was fitted on."""
        return probability(
            self.trust * self.calibration.log_odds(self.margins(rows))
            + (1 - self.trust) * self.rule.log_odds(rows.naive)
        )

    @property
    def weights(self) -> Mapping[str, float]:
        """The weight of each learner by name, the naive rule's among them."""
        found = {one.name: self.trust * self.calibration.slope * one.weight for one in self.learners}
        return {**found, "naive rule": 1 - self.trust}


def fit_blend(
    rows: Rows,
    labels: Labels,
    groups: npt.NDArray[Any],
    directions: Sequence[int] = (),
    settings: BlendSettings | None = None,
    progress: Progress | None = None,
) -> Blend:
    """Fit on rows and labels; folds never part the rows of a group. `directions` holds trees monotone.

    Raises `DataError` where fewer than two groups have the outcome, or lack it.
    """
    chosen = settings or BlendSettings()
    with threadpool_limits(threads_for(len(labels))):
        return _fit(rows, labels, groups, directions, chosen, progress)


def tells_label(later: Floats | None, labels: Labels) -> bool:
    """Whether the label is what the rule's column is a wave later: fallen below some line, the usual label.

    So it is where the place a wave later is known of half the rows and gives the label with a ROC-AUC of .9.
    How far each fell then says more than the label does: in the training waves of four such panels it gained
    .001 to .013 of ROC-AUC and .01 to .03 of precision at 10 %. On fourteen others it lost .003.
    """
    if later is None:
        return False
    known = ~np.isnan(later)
    if known.mean() < LEAST_LATER or len(np.unique(labels[known])) < 2:
        return False
    return float(roc_auc_score(labels[known], later[known])) >= LEAST_TOLD


def threads_for(n: int) -> int:
    """Threads worth starting for n rows: waiting for each other costs more than a small table's work."""
    return 2 if n >= MANY_ROWS else 1


def _fit(
    rows: Rows,
    labels: Labels,
    groups: npt.NDArray[Any],
    directions: Sequence[int],
    chosen: BlendSettings,
    progress: Progress | None,
) -> Blend:
    outcome_groups = _outcome_groups(labels, groups)
    if outcome_groups < 2:
        raise DataError("the outcome is in fewer than two groups, or all but one have it: use more data")
    many = len(labels) >= chosen.many_rows
    judged = _drawn(labels, groups, chosen) if many else np.arange(len(labels))
    past, past_labels, past_groups = rows.take(judged), labels[judged], groups[judged]
    is_graded = tells_label(rows.later, labels)
    families = chosen.families(len(labels), int(labels.sum()), directions, is_graded=is_graded)
    folds = min(3 if many else chosen.folds, _outcome_groups(past_labels, past_groups))
    parts = _folds(past_labels, past_groups, folds, chosen.seed)
    steps = len(parts) * sum(len(one) for one in families) + len(families)
    done = 0

    def tell() -> None:
        nonlocal done
        done += 1
        if progress:
            progress(done, steps)

    def out_of_fold(learner: Learner, after: Callable[[], None]) -> Floats:
        margins = np.empty(len(judged))
        for learn, held in parts:
            margins[held] = learner.fit(past.take(learn), past_labels[learn], chosen.seed)(past.take(held))
            after()
        return margins

    best: list[tuple[Learner, Floats, Calibration]] = []
    for family in families:
        candidates = []
        for learner in family:
            margins = out_of_fold(learner, tell)
            scale = fit_calibration(margins, past_labels)
            candidates.append((learner, scale.log_odds(margins), scale))
        best.append(min(candidates, key=lambda one: float(log_loss(past_labels, probability(one[1])))))
    stacked = np.column_stack([margins for _, margins, _ in best])
    weights = find_weights(stacked, past_labels, chosen.prior_strength)
    calibration = fit_calibration(stacked @ weights, past_labels)
    rule = out_of_fold(NaiveRule(), lambda: None)
    trust = find_trust(calibration.log_odds(stacked @ weights), rule, past_labels, past_groups)
    learners = []
    for (learner, _, scale), weight in zip(best, weights, strict=True):
        learners.append(Fitted(learner.name, learner.fit(rows, labels, chosen.seed), scale, float(weight)))
        tell()
    return Blend(tuple(learners), calibration, fit_calibration(rows.naive, labels), trust)


def _outcome_groups(labels: Labels, groups: npt.NDArray[Any]) -> int:
    return min(len(np.unique(groups[labels == value])) for value in (0, 1))


def _drawn(labels: Labels, groups: npt.NDArray[Any], chosen: BlendSettings) -> npt.NDArray[np.int64]:
    """About `many_rows` rows of groups drawn whole; all rows where so few would lack outcomes."""
    _, numbers = np.unique(groups.astype(str), return_inverse=True)
    sizes = np.bincount(numbers)
    order = np.random.default_rng(chosen.seed).permutation(len(sizes))
    taken = order[: int(np.searchsorted(np.cumsum(sizes[order]), chosen.many_rows)) + 1]
    drawn = np.flatnonzero(np.isin(numbers, taken))
    return drawn if _outcome_groups(labels[drawn], groups[drawn]) >= chosen.folds else np.arange(len(labels))


def _folds(
    labels: Labels, groups: npt.NDArray[Any], folds: int, seed: int
) -> list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """Folds of whole groups, each learning side with both outcomes; fewer folds where groups are few."""
    for count in range(folds, 1, -1):
        splitter = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
        parts = list(splitter.split(np.zeros((len(labels), 1)), labels, groups))
        if all(len(np.unique(labels[learn])) == 2 for learn, _ in parts):
            return parts
    raise DataError("too few groups have the outcome to learn from: use more data")
