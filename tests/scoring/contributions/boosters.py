"""Small boosters of every kind LightGBM writes, and rows at every border of their decisions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

Floats = npt.NDArray[np.float64]

EDGES = np.array([
    np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-35, -1e-35, float(np.float32(1e-35)), 1.1e-35, -1.1e-35, 1e-36, 5e-324,
    -5e-324, 1e300, -1e300, 0.5, -0.5, 0.999999, -0.999999, -1.0, -1.5, 2.5, 3.0, 99.0, 2.0**31 - 1, 2.0**31,
    -(2.0**31), 4e9, -4e9, 1e19,
])  # fmt: skip


@dataclass(frozen=True)
class Recipe:
    """What a booster is made of; categories are the last two of its columns."""

    seed: int = 0
    columns: int = 6
    rows: int = 400
    trees: int = 5
    leaves: int = 8
    depth: int = -1
    gaps: float = 0.0
    zeros: float = 0.0
    zero_as_missing: bool = False
    use_missing: bool = True
    categories: bool = False
    copies: bool = False
    bins: int = 255
    digits: int = 1

    def make(self) -> tuple[lgb.Booster, Floats]:
        """The booster, and the rows it was made from."""
        rng = np.random.default_rng(self.seed)
        matrix = rng.normal(size=(self.rows, self.columns)).round(self.digits)
        if self.copies:
            matrix[:, 1] = matrix[:, 0]
        matrix[rng.random(matrix.shape) < self.zeros] = 0.0
        named: list[int] = []
        if self.categories:
            named = [self.columns - 2, self.columns - 1]
            matrix[:, named[0]] = rng.integers(0, 4, self.rows)
            matrix[:, named[1]] = rng.integers(0, 40, self.rows) * 3
        matrix[rng.random(matrix.shape) < self.gaps] = np.nan
        known = np.nan_to_num(matrix)
        labels = (
            known[:, 0] * known[:, 2] + np.sin(known[:, -1]) + known[:, 1] + rng.normal(0, 0.4, self.rows)
        )
        parameters: dict[str, Any] = {
            "objective": "regression", "num_leaves": self.leaves, "max_depth": self.depth, "min_data_in_leaf": 2,
            "min_data_per_group": 5, "cat_smooth": 1.0, "max_cat_to_onehot": 3, "verbosity": -1, "num_threads": 1,
            "zero_as_missing": self.zero_as_missing, "use_missing": self.use_missing, "max_bin": self.bins,
            "min_data_in_bin": 1, "seed": self.seed, "feature_pre_filter": False,
        }  # fmt: skip
        data = lgb.Dataset(
            matrix, labels, categorical_feature=named, params={"verbosity": -1}, free_raw_data=False
        )
        return lgb.train(parameters, data, self.trees), matrix


def recipes(most_trees: int = 12, most_leaves: int = 24) -> st.SearchStrategy[Recipe]:
    """Recipes of every kind."""
    return st.builds(
        Recipe,
        seed=st.integers(0, 10_000),
        columns=st.integers(4, 12),
        trees=st.integers(1, most_trees),
        leaves=st.integers(2, most_leaves),
        depth=st.sampled_from([-1, 2, 5]),
        gaps=st.sampled_from([0.0, 0.2]),
        zeros=st.sampled_from([0.0, 0.3]),
        zero_as_missing=st.booleans(),
        use_missing=st.booleans(),
        categories=st.booleans(),
        copies=st.booleans(),
    )


def edge_rows(booster: lgb.Booster, matrix: Floats, rng: np.random.Generator, count: int) -> Floats:
    """Rows whose values are exact thresholds, their neighbours, `EDGES`, or known values."""
    cuts: dict[int, list[float]] = {}
    for tree in booster.dump_model()["tree_info"]:
        waiting = [tree["tree_structure"]]
        while waiting:
            node = waiting.pop()
            if "split_feature" in node:
                if node["decision_type"] == "<=":
                    cuts.setdefault(node["split_feature"], []).append(float(node["threshold"]))
                waiting += [node["left_child"], node["right_child"]]
    rows = matrix[rng.integers(0, len(matrix), count)].copy()
    for column in range(matrix.shape[1]):
        own = np.array(cuts.get(column, [0.0]))
        around = np.concatenate([own, np.nextafter(own, np.inf), np.nextafter(own, -np.inf), EDGES])
        chosen = rng.random(count) < 0.7
        rows[chosen, column] = rng.choice(around, int(chosen.sum()))
    return rows
