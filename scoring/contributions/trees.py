"""Trees as LightGBM writes them in its text format, and its decision rule.

The rule follows `Tree::NumericalDecision` and `Tree::CategoricalDecision` of LightGBM's `tree.h`;
the tests compare it with the library's own answers at every border.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scoring.errors import ScoringError

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

ZERO = float(np.float32(1e-35))
"""LightGBM's `kZeroThreshold`, a float32: values this near to zero are read as zero."""

_NONE, _ZERO, _NAN = 0, 1, 2
_FIRST_BEYOND_INT = 2.0**31


class UnsupportedTreesError(ScoringError):
    """A model whose trees the tables cannot hold; the message says what it is."""


@dataclass(frozen=True)
class Tree:
    """One tree of L leaves: L−1 nodes as arrays, children below zero being leaves (`~child`).

    `categories` holds, for each node, the category codes that go left; None where the split is numeric.
    Counts are numbers of training rows; leaf values are in margin units.
    """

    feature: Integers
    threshold: Floats
    missing: Integers
    default_left: Flags
    left: Integers
    right: Integers
    node_count: Integers
    node_value: Floats
    leaf_count: Integers
    leaf_value: Floats
    categories: tuple[Integers | None, ...]

    @property
    def leaves(self) -> int:
        """Number of leaves."""
        return len(self.leaf_value)

    def count(self, child: int) -> int:
        """Training rows in a node, or in a leaf when `child` is below zero."""
        return int(self.node_count[child] if child >= 0 else self.leaf_count[~child])

    def mean(self, child: int) -> float:
        """Mean margin of the training rows in a node or leaf."""
        return float(self.node_value[child] if child >= 0 else self.leaf_value[~child])

    def expected(self) -> float:
        """Mean leaf value by training rows, summed in LightGBM's order."""
        if self.leaves == 1:
            return float(self.leaf_value[0])
        whole = 0.0
        for count, value in zip(self.leaf_count.tolist(), self.leaf_value.tolist(), strict=True):
            whole += count / float(self.node_count[0]) * value
        return whole

    def goes_left(self, node: int, values: Floats) -> Flags:
        """Whether each value goes left at a node; values within ±`ZERO` count as zero."""
        unknown = np.isnan(values)
        categories = self.categories[node]
        if categories is not None:
            # A C++ cast to int truncates; what does not fit becomes negative and goes right, as NaN does.
            known = ~unknown & (np.abs(np.nan_to_num(values)) < _FIRST_BEYOND_INT)
            codes = np.trunc(np.where(known, values, -1.0)).astype(np.int64)
            return np.asarray(known & (codes >= 0) & np.isin(codes, categories))
        missing = int(self.missing[node])
        numbers = np.where(unknown | (np.abs(values) <= ZERO), 0.0, values)
        found = numbers <= self.threshold[node]
        if missing == _NAN:
            found = np.where(unknown, self.default_left[node], found)
        elif missing == _ZERO:
            found = np.where(numbers == 0.0, self.default_left[node], found)
        return np.asarray(found, dtype=bool)


@dataclass(frozen=True)
class Forest:
    """The trees of a model in the order they are summed, and how many columns its rows have."""

    trees: tuple[Tree, ...]
    features: int

    def expected(self) -> float:
        """The base value: what the model says on average over its training rows, in margin units."""
        whole = 0.0
        for tree in self.trees:
            whole += tree.expected()
        return whole


def read_forest(text: str) -> Forest:
    """Read LightGBM's model text.

    Raises `UnsupportedTreesError` for several classes, averaged output (random forests), linear leaves,
    nodes without training rows, and for no trees at all.
    """
    head, *blocks = text.split("\nTree=")
    if not blocks:
        raise UnsupportedTreesError("the model has no trees")
    general = _entries(head)
    if general.get("num_tree_per_iteration", "1") != "1":
        raise UnsupportedTreesError("the model has several classes")
    if "average_output" in head.splitlines():
        raise UnsupportedTreesError("the model averages its trees (random forest)")
    trees = tuple(_read_tree(_entries(block.split("\nend of trees")[0])) for block in blocks)
    return Forest(trees, int(general["max_feature_idx"]) + 1)


def _entries(block: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in block.splitlines() if "=" in line)


def _read_tree(entries: dict[str, str]) -> Tree:
    if entries.get("is_linear", "0") != "0":
        raise UnsupportedTreesError("the model has linear leaves")
    leaf_value = _numbers(entries, "leaf_value")
    if int(entries["num_leaves"]) == 1:
        none = np.zeros(0, dtype=np.int64)
        return Tree(
            none, np.zeros(0), none, none > 0, none, none, none, np.zeros(0), none, leaf_value[:1], ()
        )
    decision = _integers(entries, "decision_type")
    threshold = _numbers(entries, "threshold")
    node_count, leaf_count = _integers(entries, "internal_count"), _integers(entries, "leaf_count")
    if not (node_count > 0).all() or not (leaf_count > 0).all():
        raise UnsupportedTreesError("a node has no training rows")
    sets = _category_sets(_integers(entries, "cat_boundaries"), _integers(entries, "cat_threshold"))
    return Tree(
        feature=_integers(entries, "split_feature"),
        threshold=threshold,
        missing=(decision >> 2) & 3,
        default_left=(decision & 2) > 0,
        left=_integers(entries, "left_child"),
        right=_integers(entries, "right_child"),
        node_count=node_count,
        node_value=_numbers(entries, "internal_value"),
        leaf_count=leaf_count,
        leaf_value=leaf_value,
        categories=tuple(
            sets[int(at)] if kind & 1 else None for kind, at in zip(decision.tolist(), threshold, strict=True)
        ),
    )


def _category_sets(borders: Integers, words: Integers) -> Sequence[Integers]:
    """The codes of each bit set; bit b of word w is the category 32·w + b."""
    sets = []
    for start, end in zip(borders[:-1].tolist(), borders[1:].tolist(), strict=True):
        bits = np.unpackbits(words[start:end].astype("<u4").view(np.uint8), bitorder="little")
        sets.append(np.flatnonzero(bits).astype(np.int64))
    return sets


def _numbers(entries: dict[str, str], name: str) -> Floats:
    return np.array(entries.get(name, "").split(), dtype=np.float64)


def _integers(entries: dict[str, str], name: str) -> Integers:
    # Through float: LightGBM writes some counts as 1e+06.
    return _numbers(entries, name).astype(np.int64)
