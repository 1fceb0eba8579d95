"""Explaining's kernel: trees, line, absence and calibration, one after the other for some rows."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba.core import types
from numba.experimental import structref

from scoring.absence_kernel import add_absence
from scoring.calibration_kernel import calibrate
from scoring.contributions.compiling import compiled
from scoring.contributions.kernel import Held, answer_all
from scoring.line_kernel import add_line

Floats = npt.NDArray[np.float64]


class LineNumbers(NamedTuple):
    """What the line's kernel knows of each feature (features,); empty where a model has no line."""

    is_log: npt.NDArray[np.bool_]
    low: Floats
    high: Floats
    slope: Floats
    known: Floats
    missing: Floats


class HeldModel(structref.StructRefProxy):  # type: ignore[misc]
    """A whole model, held by compiled code as `Held` holds its trees."""


@structref.register
class _HeldModelType(types.StructRef):  # type: ignore[misc, name-defined]
    """Numba's type of `HeldModel`."""


structref.define_constructor(
    HeldModel,
    _HeldModelType,
    ["trees", "line", "line_intercept", "tree_share", "absence", "slope", "intercept"],
)
structref.define_boxing(_HeldModelType, HeldModel)


@compiled
def hold_model(
    trees: Held,
    line: LineNumbers,
    line_intercept: float,
    tree_share: float,
    absence: Floats,
    slope: float,
    intercept: float,
) -> HeldModel:
    """Hold a model; `absence` has a weight for each feature, or none. The last two are the calibration's."""
    return HeldModel(trees, line, line_intercept, tree_share, absence, slope, intercept)


@compiled
def explain_rows(
    model: Any,
    matrix: Floats,
    start: int,
    stop: int,
    block: int,
    log_odds: Floats,
    values: Floats,
    base: Floats,
) -> None:
    """Log-odds (n,), contributions (n, features) and bases (n,) of rows `start` to `stop`.

    `values` comes in as zeros.
    """
    nothing, no_values = np.empty((0, 0), np.int64), np.empty((0, 0))
    answer_all(model.trees, matrix, start, stop, block, log_odds, values, nothing, no_values)
    base[start:stop] = model.trees.base
    line = model.line
    if len(line.slope) > 0:
        add_line(
            line.is_log, line.low, line.high, line.slope, line.known, line.missing, model.line_intercept,
            model.tree_share, matrix, start, stop, log_odds, values, base,
        )  # fmt: skip
    ours, our_values = log_odds[start:stop], values[start:stop]
    if len(model.absence) > 0:
        added = np.empty(stop - start)
        add_absence(model.absence, matrix[start:stop], our_values, added)
        ours += added
    calibrate(model.slope, model.intercept, ours, our_values, base[start:stop])
