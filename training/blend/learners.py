"""Learners: the plain learners of a blend, each from rows and labels to log-odds of other rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from scoring.calibration import Calibration
from training.baselines import signed_log
from training.blend.rows import Rows
from training.fit import fit_calibration

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]
Margins = Callable[[Rows], Floats]

FAR = 4.0
"""Standard deviations beyond which a value says no more: a typing error must not carry a household."""

RARE = 20
"""Codes of fewer rows are one code."""


class Learner(Protocol):
    """Something that can be fitted; `fit` returns the log-odds of rows."""

    @property
    def name(self) -> str: ...

    def fit(self, rows: Rows, labels: Labels, seed: int) -> Margins: ...


@dataclass(frozen=True)
class NaiveRule:
    """The naive rule's place alone, on a logistic line."""

    name: str = "naive"

    def fit(self, rows: Rows, labels: Labels, seed: int) -> Margins:
        line = fit_calibration(rows.naive, labels)
        return lambda other: line.log_odds(other.naive)


@dataclass(frozen=True)
class Line:
    """Ridge logistic regression; the naive rule's place is shrunk less than the rest (`naive_scale` > 1)."""

    name: str
    c: float
    is_placed: bool = False
    naive_scale: float = 3.0

    def fit(self, rows: Rows, labels: Labels, seed: int) -> Margins:
        prepared = self._columns(rows).fit(self._matrix(rows))
        model = LogisticRegression(C=self.c, max_iter=3000)
        model.fit(self._inputs(prepared, rows), labels)

        def margins(other: Rows) -> Floats:
            return np.asarray(model.decision_function(self._inputs(prepared, other)), dtype=np.float64)

        return margins

    def _matrix(self, rows: Rows) -> Floats:
        return rows.places if self.is_placed else rows.values

    def _inputs(self, prepared: ColumnTransformer, rows: Rows) -> Floats:
        own = prepared.transform(self._matrix(rows))
        return np.hstack([own, self.naive_scale * rows.naive[:, None]])

    def _columns(self, rows: Rows) -> ColumnTransformer:
        numbers = [at for at in range(rows.values.shape[1]) if at not in rows.codes]
        named = list(rows.codes) + ([] if self.is_placed else list(rows.both))
        return columns_of(numbers, named, signed_log=not self.is_placed, far=FAR)


def columns_of(
    numbers: Sequence[int], named: Sequence[int], *, signed_log: bool, far: float = np.inf
) -> ColumnTransformer:
    """Numbers standardised, missing ones the median with a flag; codes one column each."""
    steps = make_pipeline(
        FunctionTransformer(_log if signed_log else None),
        SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
        StandardScaler(),
        FunctionTransformer(_clip, kw_args={"far": far}),
    )
    codes = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=RARE, sparse_output=False)
    return ColumnTransformer(
        [("numbers", steps, list(numbers)), ("codes", codes, list(named))], sparse_threshold=0.0
    )


def fit_line(rows: Rows, labels: Labels, c: float) -> Pipeline:
    """The logistic regression of the baselines: signed logarithms, codes apart, no help from the rule."""
    numbers = [at for at in range(rows.values.shape[1]) if at not in rows.codes]
    columns = columns_of(numbers, rows.codes, signed_log=True)
    return make_pipeline(columns, LogisticRegression(C=c, max_iter=3000)).fit(rows.values, labels)


@dataclass(frozen=True)
class Trees:
    """Bagged, regularised LightGBM.

    Where `starts_at_rule`, trees only mend what the rule gets wrong. Where `foresees_rule`, they learn the
    rule's place a wave later instead of the label, of rows where it is known: how far a household fell says
    more than that it fell below a line. What is foreseen is no log-odds; the blend puts it on their scale.
    """

    name: str
    leaves: int = 7
    rounds: int = 250
    learning_rate: float = 0.03
    min_rows_in_leaf: int = 40
    is_placed: bool = False
    starts_at_rule: bool = False
    foresees_rule: bool = False
    directions: tuple[int, ...] = ()
    bags: int = 3
    l2: float = 20.0
    feature_share: float = 0.3
    row_share: float = 0.7
    threads: int = 1

    def fit(self, rows: Rows, labels: Labels, seed: int) -> Margins:
        if self.foresees_rule and rows.later is not None:
            known = np.flatnonzero(~np.isnan(rows.later))
            return self._grown(rows.take(known), rows.later[known], "regression", None, seed)
        start = fit_calibration(rows.naive, labels) if self.starts_at_rule else None
        return self._grown(rows, labels, "binary", start, seed)

    def _grown(
        self, rows: Rows, target: Floats | Labels, objective: str, start: Calibration | None, seed: int
    ) -> Margins:
        matrix = self._inputs(rows)
        # Half the rarer outcome at most: on few rows a leaf of 40 would leave one split.
        leaf = max(5, min(self.min_rows_in_leaf, len(target) // 20))
        parameters = {
            "objective": objective,
            "learning_rate": self.learning_rate,
            "num_leaves": self.leaves,
            "min_data_in_leaf": leaf,
            "lambda_l2": self.l2,
            "feature_fraction": self.feature_share,
            "bagging_fraction": self.row_share,
            "bagging_freq": 1,
            "cat_smooth": 20.0,
            "cat_l2": 20.0,
            "max_cat_threshold": 16,
            "monotone_constraints": [*self.directions, 1] if self.directions else None,
            "deterministic": True,
            "force_col_wise": True,
            "num_threads": self.threads,
            "verbosity": -1,
        }
        parameters = {name: one for name, one in parameters.items() if one is not None}
        data = lgb.Dataset(
            matrix,
            target,
            init_score=start.log_odds(rows.naive) if start else None,
            # Directions and LightGBM's own categories exclude each other.
            categorical_feature=[] if self.directions else list(rows.codes),
            free_raw_data=False,
            params=parameters,
        )
        boosters = [
            lgb.train({**parameters, "seed": seed + bag}, data, self.rounds) for bag in range(self.bags)
        ]

        def margins(other: Rows) -> Floats:
            inputs = self._inputs(other)
            found = np.mean([one.predict(inputs, raw_score=True) for one in boosters], axis=0)
            return np.asarray(found + (_margin(start, other) if start else 0.0), dtype=np.float64)

        return margins

    def _inputs(self, rows: Rows) -> Floats:
        own = rows.places if self.is_placed else rows.values
        codes = list(rows.codes)
        if codes and not self.directions:
            # LightGBM reads categories as integers from 0; missing is its own.
            own = own.copy()
            own[:, codes] = np.where(np.isnan(own[:, codes]), -1, own[:, codes])
        return np.hstack([own, rows.naive[:, None]])


def _margin(start: Calibration, rows: Rows) -> Floats:
    return start.log_odds(rows.naive)


def _log(values: Floats) -> Floats:
    return signed_log(values)


def _clip(values: Floats, far: float) -> Floats:
    return np.clip(values, -far, far)
