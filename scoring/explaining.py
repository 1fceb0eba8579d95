"""Explaining: what a whole model says of rows, which is its trees, its line, its absence and its calibration.

All of it is asked in one compiled call: for one household, beginning a call takes longer than most parts do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
import numpy.typing as npt

from scoring.absence import Absence
from scoring.calibration import Calibration
from scoring.contributions import Explainer
from scoring.contributions.explainer import checked
from scoring.contributions.stretches import share_out
from scoring.line import Blend

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Explaining:
    """The parts of a model that reads so many `features`; it may have no line and no absence."""

    features: int
    explainer: Explainer
    blend: Blend | None
    absence: Absence | None
    calibration: Calibration

    def explain(self, matrix: Floats) -> tuple[Floats, Floats, Floats]:
        """Log-odds (n,), contributions (n, features) and bases (n,) of rows (n, features).

        Raises `VectorError` for another number of features.
        """
        explain_rows = self._kernel
        if explain_rows is None:
            return self._step_by_step(matrix)
        rows, settings = checked(matrix, self.features), self.explainer.settings
        count, block = len(rows), settings.block_rows
        log_odds, values, base = np.empty(count), np.zeros(rows.shape), np.empty(count)
        share_out(
            lambda *stretch: explain_rows(rows, *stretch, block, log_odds, values, base),
            count,
            threads=settings.threads,
        )
        return log_odds, values, base

    def _step_by_step(self, matrix: Floats) -> tuple[Floats, Floats, Floats]:
        """The same where the trees' part is LightGBM's own."""
        margins, values, base = self.explainer.explain(matrix)
        if self.blend is not None:
            self.blend.explain(margins, values, base, matrix)
        if self.absence is not None:
            margins += self.absence.add_to(values, matrix)
        self.calibration.explain(margins, values, base)
        return margins, values, base

    @cached_property
    def _kernel(self) -> Callable[..., None] | None:
        """The kernel with the model that it holds; `None` where the trees have no tables."""
        trees = self.explainer.held
        if trees is None:
            return None
        # Imported here: it brings in the compiler, which who only reads a manifest need not wait for.
        from scoring.explaining_kernel import LineNumbers, explain_rows, hold_model

        blend, none = self.blend, np.zeros(0)
        model = hold_model(
            trees,
            LineNumbers(*blend.line.numbers()) if blend else LineNumbers(none > 0, *[none] * 5),
            float(blend.line.intercept) if blend else 0.0,
            float(blend.tree_share) if blend else 1.0,
            none if self.absence is None else self.absence.by_place,
            float(self.calibration.slope),
            float(self.calibration.intercept),
        )
        return partial(explain_rows, model)
