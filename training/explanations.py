"""Explanations of a whole model: what moves it, whether its reasons keep with another seed and add up.

Measured on a sample of the training households on their last date; no row of the sample is anybody's by name.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from features import FEATURES
from scoring.model import RiskModel
from scoring.reasons import LEAST_CONTRIBUTION, family_of
from scoring.texts import catalogue

Floats = npt.NDArray[np.float64]

SAMPLE, LISTED, DOTS = 1_000, 300, 150
"""Households drawn at random, of the highest scores at most, and drawn as dots in the picture."""

TOP = 3
SHOWN_FEATURES = 12


@dataclass(frozen=True)
class FamilyStrength:
    """A cause family with the mean size of its contribution, in log-odds."""

    family: str
    zh: str
    en: str
    strength: float


@dataclass(frozen=True)
class FeatureStrength:
    """A feature with the mean size of its contributions and some of them, as (log-odds, level of the value).

    The level is the place of the value among the sample's, 0 the lowest; `None` where it is missing.
    """

    feature: str
    zh: str
    en: str
    strength: float
    points: tuple[tuple[float, float | None], ...]


@dataclass(frozen=True)
class ReasonStability:
    """Overlap of the strongest families that raise the risk with those in each sibling, mean over households.

    `listed` is over the households of the highest scores, whose reasons are read first; `random` over all.
    """

    siblings: int
    listed_households: int
    listed: float
    random_households: int
    random: float


@dataclass(frozen=True)
class Additivity:
    """Largest gaps on the sample, in log-odds: of base + contributions to the score's log-odds, and of each
    contribution of the trees to LightGBM's own `pred_contrib`."""

    rows: int
    sum_gap: float
    library_gap: float


@dataclass(frozen=True)
class Explanations:
    """All of it, with the size of the sample."""

    households: int
    families: tuple[FamilyStrength, ...]
    features: tuple[FeatureStrength, ...]
    additivity: Additivity
    stability: ReasonStability | None

    def as_json(self) -> dict[str, Any]:
        """As plain data; without siblings nothing is said of stability."""
        found = asdict(self)
        return {key: value for key, value in found.items() if value is not None}


def describe_explanations(model: RiskModel, vectors: pd.DataFrame, seed: int) -> Explanations:
    """Explain a sample of `vectors` (n × features, indexed by household and date), the last date's alone."""
    rng = np.random.default_rng(seed)
    dates = vectors.index.get_level_values("as_of_date")
    latest = vectors[dates == dates.max()]
    matrix = model.matrix(latest)
    highest = np.argsort(-model.score(latest), kind="stable")[: _listed(len(latest))]
    drawn = rng.choice(len(latest), min(SAMPLE, len(latest)), replace=False)
    sample = matrix[drawn]
    values = model.explain_matrix(sample).values
    listed, random = (_stability(model, matrix[rows]) for rows in (highest, drawn))
    stability = None
    if listed is not None and random is not None:
        stability = ReasonStability(len(model.siblings), len(highest), listed, len(drawn), random)
    return Explanations(
        households=len(drawn),
        families=_families(model.feature_names, values),
        features=_features(model.feature_names, values, sample, rng),
        additivity=measure_additivity(model, np.vstack([sample, matrix[highest]])),
        stability=stability,
    )


def measure_additivity(model: RiskModel, matrix: Floats) -> Additivity:
    """The gaps on the rows of a matrix whose columns are the model's features."""
    explained = model.explain_matrix(matrix)
    sum_gap = np.max(np.abs(explained.base + explained.values.sum(axis=1) - explained.log_odds))
    _, ours, base = model.explainer.explain(matrix)
    theirs = model.booster.predict(matrix, pred_contrib=True)
    library_gap = max(np.max(np.abs(ours - theirs[:, :-1])), np.max(np.abs(base - theirs[:, -1])))
    return Additivity(len(matrix), float(sum_gap), float(library_gap))


def mixed_rows(rows: Floats, count: int, seed: int) -> Floats:
    """`count` rows whose every column is drawn by itself from `rows`."""
    rng = np.random.default_rng(seed)
    return np.column_stack([column[rng.integers(0, len(rows), count)] for column in rows.T])


def family_name(family: str, language: str) -> str:
    """What a cause family is called."""
    return str(catalogue(language)["families"][family]["topic"])


def _listed(households: int) -> int:
    # One in a hundred, as the grade high is meant; in a small county still enough to say something.
    return min(LISTED, max(30, households // 100), households)


def _stability(model: RiskModel, matrix: Floats) -> float | None:
    if not model.siblings:
        return None
    ours = _top_families(model.feature_names, model.explain_matrix(matrix).values)
    overlaps = []
    for theirs in model.explain_siblings(matrix):
        pairs = zip(ours, _top_families(model.feature_names, theirs), strict=True)
        overlaps += [len(a & b) / max(len(a), len(b)) for a, b in pairs if a or b]
    return float(np.mean(overlaps)) if overlaps else 1.0


def _top_families(names: tuple[str, ...], values: Floats) -> list[frozenset[str]]:
    families, sums = _family_sums(names, values)
    order = np.argsort(-sums, axis=1, kind="stable")[:, :TOP]
    return [
        frozenset(families[at] for at in places if row[at] >= LEAST_CONTRIBUTION)
        for places, row in zip(order, sums, strict=True)
    ]


def _family_sums(names: tuple[str, ...], values: Floats) -> tuple[list[str], Floats]:
    of_feature = [family_of(name) for name in names]
    families = sorted(set(of_feature))
    members = np.array([[one == family for family in families] for one in of_feature], dtype=np.float64)
    return families, values @ members


def _families(names: tuple[str, ...], values: Floats) -> tuple[FamilyStrength, ...]:
    families, sums = _family_sums(names, values)
    strengths = np.abs(sums).mean(axis=0)
    found = [
        FamilyStrength(one, family_name(one, "zh"), family_name(one, "en"), float(strength))
        for one, strength in zip(families, strengths, strict=True)
    ]
    return tuple(sorted(found, key=lambda one: -one.strength))


def _features(
    names: tuple[str, ...], values: Floats, matrix: Floats, rng: np.random.Generator
) -> tuple[FeatureStrength, ...]:
    strengths = np.abs(values).mean(axis=0)
    dots = rng.choice(len(values), min(DOTS, len(values)), replace=False)
    found = []
    for at in np.argsort(-strengths, kind="stable")[:SHOWN_FEATURES]:
        levels = pd.Series(matrix[:, at]).rank(pct=True).to_numpy()
        points = tuple(
            (
                round(float(values[row, at]), 4),
                None if np.isnan(levels[row]) else round(float(levels[row]), 3),
            )
            for row in dots
        )
        one = FEATURES[names[at]]
        found.append(FeatureStrength(one.name, one.zh, one.en, float(strengths[at]), points))
    return tuple(found)
