"""The line: a logistic regression that is added to the trees on the log-odds scale.

Trees are flat between their borders and beyond them; a line is not. Where the two err differently, their
weighted sum ranks better than either (the share is chosen out of fold, `training.fit`). A line's
contributions need no game: feature i adds weight × (value − training mean), and what it adds when missing is
a number, so that intercept + contributions = margin holds by construction (linear SHAP with independent
features; Lundberg and Lee 2017).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Literal

import numpy as np
import numpy.typing as npt

from scoring.contributions.stretches import share_out
from scoring.errors import BundleError

Floats = npt.NDArray[np.float64]

Transform = Literal["identity", "signed_log"]

_PART = 4_096
"""Rows that a thread takes at least: the line of fewer is done before a thread has started."""


@dataclass(frozen=True)
class Term:
    """What one feature adds to the line.

    A value is transformed (`signed_log`: sign(x) · log(1 + |x|)) and kept within `low` and `high`, the range
    that training saw: beyond it the line is flat, as trees are. A missing value counts as `median`, and
    `missing_weight` is added. `mean` and `missing_share` are those of the training rows: what the average row
    has adds nothing. All but the weights and the share are in transformed units.
    """

    feature: str
    transform: Transform
    low: float
    high: float
    median: float
    mean: float
    scale: float
    weight: float
    missing_weight: float
    missing_share: float

    def __post_init__(self) -> None:
        numbers = (self.low, self.high, self.median, self.mean, self.weight, self.missing_weight)
        if not (all(map(math.isfinite, numbers)) and 0 < self.scale < math.inf):
            raise BundleError(f"the line needs finite numbers and a positive scale for {self.feature}")
        if not (self.low <= self.median <= self.high and 0 <= self.missing_share <= 1):
            raise BundleError(f"the line's range, median or missing share of {self.feature} cannot be")


@dataclass(frozen=True)
class Line:
    """`intercept` is the margin of the average training row; one term a feature, in the model's order."""

    intercept: float
    terms: tuple[Term, ...]

    def margins(self, matrix: Floats) -> Floats:
        """Margins (n,) of rows (n, features)."""
        margins = np.zeros(len(matrix))
        self.add_to(margins, np.zeros((0, 0)), margins, matrix, 0.0)
        return margins

    def add_to(
        self, margins: Floats, values: Floats, base: Floats, matrix: Floats, tree_share: float
    ) -> None:
        """The trees' margins (n,), contributions (n, features) and bases (n,) become the sum's, in place.

        They are multiplied by `tree_share`; the line's, by 1 − `tree_share`, are added. Without `values`,
        the margins become the line's own, and that is all.
        """
        rows = np.ascontiguousarray(matrix, dtype=np.float64)
        add = self._adding
        share_out(lambda *stretch: add(tree_share, rows, *stretch, margins, values, base), len(rows), _PART)

    @cached_property
    def _adding(self) -> Callable[..., None]:
        """The kernel with what it knows of each feature and the intercept."""
        # Imported here: it brings in the compiler, which who only reads a manifest need not wait for.
        from scoring.line_kernel import add_line

        return partial(add_line, *self.numbers(), self.intercept)

    def numbers(self) -> tuple[npt.NDArray[np.bool_], Floats, Floats, Floats, Floats, Floats]:
        """By feature: whether it is a logarithm, the range, slope and offset, and what none adds."""

        def column(numbers: list[float]) -> Floats:
            return np.array(numbers, dtype=np.float64)

        terms = self.terms
        slopes = [one.weight / one.scale for one in terms]
        known = [
            -slope * one.mean - one.missing_weight * one.missing_share
            for slope, one in zip(slopes, terms, strict=True)
        ]
        missing = [
            slope * one.median + offset + one.missing_weight
            for slope, offset, one in zip(slopes, known, terms, strict=True)
        ]
        return (
            np.array([one.transform == "signed_log" for one in terms], dtype=np.bool_),
            column([one.low for one in terms]),
            column([one.high for one in terms]),
            column(slopes),
            column(known),
            column(missing),
        )


@dataclass(frozen=True)
class Blend:
    """margin = `tree_share` × trees + (1 − `tree_share`) × line."""

    line: Line
    tree_share: float

    def __post_init__(self) -> None:
        if not 0 <= self.tree_share < 1:
            raise BundleError("the trees' share in a blend is at least 0 and below 1")

    def margins(self, trees: Floats, matrix: Floats) -> Floats:
        """The margins of the sum (n,), from the trees' margins (n,) and the rows (n, features)."""
        return self.tree_share * trees + (1 - self.tree_share) * self.line.margins(matrix)

    def explain(self, margins: Floats, values: Floats, base: Floats, matrix: Floats) -> None:
        """The trees' margins, contributions and bases become those of the sum, in place."""
        self.line.add_to(margins, values, base, matrix, self.tree_share)

    def contributions(self, values: Floats, matrix: Floats) -> Floats:
        """Contributions (n, features) of the sum from those of the trees, whose array is used."""
        nothing = np.zeros(len(matrix))
        self.line.add_to(nothing, values, nothing, matrix, self.tree_share)
        return values


def transformed(values: Floats, transform: Transform) -> Floats:
    """Values in the units in which the line is straight."""
    return np.asarray(np.sign(values) * np.log1p(np.abs(values))) if transform == "signed_log" else values
