"""Venn–Abers against its definition: isotonic regression of the calibration rows and one more."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression

from training.venn_abers import fit_steps


def by_definition(scores: np.ndarray, labels: np.ndarray, new: float, label: int) -> float:
    """The value at the new score of the isotonic regression that has seen it with this label."""
    fitted = IsotonicRegression().fit(np.append(scores, new), np.append(labels, label))
    return float(fitted.predict([new])[0])


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("ties", [False, True])
def test_steps_are_those_of_the_definition(seed: int, ties: bool) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(5, 120))
    scores = rng.normal(size=n)
    if ties:
        scores = np.round(scores, 1)
    labels = (rng.random(n) < 1 / (1 + np.exp(-3 * scores + 1))).astype(np.int64)
    labels[:2] = (0, 1)
    lower, upper = fit_steps(scores, labels)
    known = np.unique(scores)
    asked = np.concatenate([known, (known[1:] + known[:-1]) / 2, [known[0] - 1, known[-1] + 1]])
    expected = np.array([[by_definition(scores, labels, one, label) for label in (0, 1)] for one in asked])
    low, high = lower.at(asked, side="right"), upper.at(asked, side="left")
    # Rounded outward, to three digits.
    assert (low <= expected[:, 0] + 1e-12).all()
    assert (high >= expected[:, 1] - 1e-12).all()
    np.testing.assert_allclose(low, expected[:, 0], rtol=0.011, atol=1e-12)
    np.testing.assert_allclose(high, expected[:, 1], rtol=0.011, atol=1e-12)


def test_one_of_the_two_is_calibrated_and_the_interval_narrows_with_more_rows() -> None:
    rng = np.random.default_rng(5)

    def world(n: int) -> tuple[np.ndarray, np.ndarray]:
        margins = rng.normal(-3, 1.5, n)
        return margins, (rng.random(n) < 1 / (1 + np.exp(-(0.6 * margins - 1)))).astype(np.int64)

    asked, outcome = world(40_000)
    widths = []
    for n in (500, 5_000, 40_000):
        lower, upper = fit_steps(*world(n))
        low, high = lower.at(asked, side="right"), upper.at(asked, side="left")
        assert (low < high).all()
        widths.append(float((high - low).mean()))
    # The outcomes of households it has never seen lie between the ends, at any height.
    for part in np.array_split(np.argsort(asked), 8):
        assert low[part].mean() - 0.01 <= outcome[part].mean() <= high[part].mean() + 0.01
    assert widths[0] > 2 * widths[1] > 2 * widths[2]
