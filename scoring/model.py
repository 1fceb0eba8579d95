"""The risk model: vectors in, calibrated scores and contributions out. Backtests and the service share it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from scoring.absence import Absence
from scoring.calibration import Calibration, probability
from scoring.certainty import Bools, Certainties, VennAbers
from scoring.contributions import Explainer, ExplainerSettings
from scoring.errors import VectorError
from scoring.explaining import Explaining
from scoring.families import Families
from scoring.grades import GradeBorders
from scoring.limits import find_outside
from scoring.line import Blend
from scoring.outlook import Outlook, OutlookModel

Floats = npt.NDArray[np.float64]

SIBLING_SETTINGS = ExplainerSettings(table_megabytes=64)
"""Smaller tables than the model's own: siblings only rank families."""


class Explanation(NamedTuple):
    """Scores of n households with the contributions that add up to them.

    `log_odds` is (n,), `base` (n,) the log-odds before any feature is looked at, `values` (n, features):
    base + values summed over features = log_odds, and scores = probability(log_odds).
    """

    scores: Floats
    log_odds: Floats
    base: Floats
    values: Floats


@dataclass(frozen=True)
class RiskModel:
    """A LightGBM booster with its calibration, grade borders and the features it reads, in order.

    `base_rate` is the share of positives it was trained on, `horizon_months` how far ahead the score looks,
    `version` the release. `tables_dir` is a folder to keep the tables of contributions in between processes.
    `siblings` are boosters fitted alike with other seeds: they say whether a reason is firm, and add nothing
    to score or contributions. `blend` is the line that is added to the trees, the siblings' too; `venn_abers`
    tells how sure a score is. `outlook` divides the score by horizon and theme; `absence` is what missing
    values add, the siblings' too. A model may have none of these.
    """

    booster: Any
    feature_names: tuple[str, ...]
    calibration: Calibration
    borders: GradeBorders
    base_rate: float
    horizon_months: int
    version: str
    tables_dir: Path | None = None
    siblings: tuple[Any, ...] = ()
    blend: Blend | None = None
    venn_abers: VennAbers | None = None
    outlook: OutlookModel | None = None
    absence: Absence | None = None

    @cached_property
    def explainer(self) -> Explainer:
        """What margins and contributions come from."""
        return Explainer(self.booster, ExplainerSettings(), self.tables_dir)

    @cached_property
    def _explaining(self) -> Explaining:
        """What explanations come from."""
        return Explaining(len(self.feature_names), self.explainer, self.blend, self.absence, self.calibration)

    @cached_property
    def sibling_explainers(self) -> tuple[Explainer, ...]:
        """What the siblings' contributions come from."""
        return tuple(Explainer(one, SIBLING_SETTINGS, self.tables_dir) for one in self.siblings)

    @cached_property
    def families(self) -> Families:
        """The cause families that its contributions are ranked by."""
        return Families(self.feature_names)

    def prepare(self) -> None:
        """Build what scoring and explaining need, so that the first household does not wait for it."""
        nothing = np.zeros((1, len(self.feature_names)))
        find_outside(nothing, self.feature_names)
        self.margins(nothing)
        values = self.explain_matrix(nothing).values
        self.explain_siblings(nothing)
        self.families.rank(nothing, values)
        self.families.sums(values)

    def score(self, vectors: pd.DataFrame) -> Floats:
        """Calibrated probability for each row of `vectors`; raises `VectorError` for other columns."""
        return self.calibration.probability(self.margins(self.matrix(vectors)))

    def explain(self, vectors: pd.DataFrame) -> Explanation:
        """Scores with exact contributions in calibrated log-odds; raises `VectorError` as `score` does."""
        return self.explain_matrix(self.matrix(vectors))

    def explain_matrix(self, matrix: Floats) -> Explanation:
        """The same of a matrix whose columns are `feature_names`."""
        log_odds, values, base = self._explaining.explain(matrix)
        return Explanation(probability(log_odds), log_odds, base, values)

    def look(self, matrix: Floats, scores: Floats, log_odds: Floats, as_of: dt.date) -> Outlook | None:
        """The outlook on a date of rows with these scores and log-odds (n,); None for a model without one."""
        if self.outlook is None:
            return None
        return self.outlook.look(scores, log_odds, matrix, self.feature_names, self.horizon_months, as_of)

    def explain_siblings(self, matrix: Floats) -> tuple[Floats, ...]:
        """The contributions (n, features) of each sibling, brought to log-odds by this model's slope.

        `matrix` has the columns `feature_names`. Siblings are fitted alike, so their margins have one scale;
        they are compared by rank alone.
        """
        found = []
        for explainer in self.sibling_explainers:
            values = explainer.contributions(matrix)[0]
            if self.blend is not None:
                values = self.blend.contributions(values, matrix)
            if self.absence is not None:
                self.absence.add_to(values, matrix)
            found.append(self.calibration.slope * values)
        return tuple(found)

    def certainties(self, explained: Explanation, matrix: Floats, is_watched: Bools) -> Certainties | None:
        """How sure the scores are; `is_watched` (n,) says of whom a feed is silent or at fault.

        `None` where the model came without what it takes.
        """
        if self.venn_abers is None:
            return None
        return self.venn_abers.assess(explained.scores, explained.log_odds, matrix, is_watched, self.borders)

    def margins(self, matrix: Floats) -> Floats:
        """Raw margins of a matrix whose columns are `feature_names`."""
        trees = self.explainer.margins(matrix)
        margins = trees if self.blend is None else self.blend.margins(trees, matrix)
        return margins if self.absence is None else margins + self.absence.margins(matrix)

    def matrix(self, vectors: pd.DataFrame) -> Floats:
        """The model's columns of `vectors` as float64, (n, features)."""
        missing = [name for name in self.feature_names if name not in vectors.columns]
        if missing:
            raise VectorError(f"the vectors lack {', '.join(missing)}: build them with this model's features")
        return vectors[list(self.feature_names)].to_numpy(dtype=np.float64)
