"""The proof of a loaded bundle: what a model has to show on its golden rows before it may serve.

`load_bundle` has compared their scores. Here their contributions have to add up to the log-odds, and to be
those of LightGBM's own code: tables and the library work them out in different ways.
"""

from __future__ import annotations

import numpy as np

from scoring.bundle import Bundle, golden_frame
from scoring.contributions import Explainer, lightgbm
from scoring.errors import BundleError

TOLERANCE = 1e-9
"""Log-odds; margins of some hundred trees differ by less when they are added in another order."""


def prove_bundle(bundle: Bundle) -> None:
    """Raise `BundleError` where a golden row's contributions do not add up, or are not LightGBM's."""
    model = bundle.model
    matrix = model.matrix(golden_frame(bundle.manifest.golden.rows, model.feature_names))
    told = model.explain_matrix(matrix)
    if not all(np.isfinite(one).all() for one in (told.scores, told.log_odds, told.base, told.values)):
        raise BundleError("a golden row has a score or contribution that is no number")
    if not ((told.scores > 0) & (told.scores < 1)).all():
        raise BundleError("a golden row has a score that is no probability between 0 and 1")
    off = float(np.max(np.abs(told.base + told.values.sum(axis=1) - told.log_odds)))
    boosters = ((model.booster, model.explainer), *zip(model.siblings, model.sibling_explainers, strict=True))
    for booster, explainer in boosters:
        off = max(off, _distance(booster, explainer, matrix))
    if not off <= TOLERANCE:
        raise BundleError(f"contributions of golden rows are off by up to {off:.3g}: they do not add up")
    model.prepare()


def _distance(booster: object, explainer: Explainer, matrix: np.ndarray) -> float:
    values, base = explainer.contributions(matrix)
    theirs, their_base = lightgbm.contributions(booster, matrix)
    return float(max(np.max(np.abs(values - theirs)), np.max(np.abs(base - their_base))))
