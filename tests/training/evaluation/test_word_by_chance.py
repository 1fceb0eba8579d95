"""How often chance alone makes one of two equals the better ranking, and how often a gain is seen."""

from __future__ import annotations

import numpy as np

from scoring.capacity import Capacity, Quota
from training.evaluation.measured import difference
from training.evaluation.resampling import measure_once, resample, sort_ranking
from training.evaluation.verdict import word_of

HOUSEHOLDS, COUNTIES = 1_500, 150


def words(own_noise: float, other_noise: float) -> list[str]:
    """The word on ours against another ranking in many made-up counties."""
    found: list[str] = []
    for county in range(COUNTIES):
        rng = np.random.default_rng([county, 5])
        labels = (rng.random(HOUSEHOLDS) < 0.04).astype(np.int64)
        shared = labels * 1.5 + rng.normal(size=HOUSEHOLDS)
        areas = Capacity(Quota(share=0.05)).divide(None, HOUSEHOLDS)
        rankings = [
            sort_ranking(labels, shared + rng.normal(0, noise, HOUSEHOLDS), areas, is_probability=False)
            for noise in (own_noise, other_noise)
        ]
        [drawn] = resample(
            [rankings], [np.arange(HOUSEHOLDS)], HOUSEHOLDS, seed=county, resamples=200, threads=1
        )
        ours, other = ((measure_once(one), of) for one, of in zip(rankings, drawn, strict=True))
        found.append(word_of(difference(ours, other)))
    return found


def test_equals_are_rarely_called_better_or_worse() -> None:
    found = words(0.7, 0.7)
    # Two intervals with 2.5 % beyond each end: 5 % at most for each word, and what 150 counties scatter.
    assert found.count("better") <= 0.09 * COUNTIES
    assert found.count("worse") <= 0.09 * COUNTIES


def test_a_clear_gain_is_mostly_seen() -> None:
    found = words(0.2, 2.5)
    assert found.count("better") > 0.8 * COUNTIES
    assert found.count("worse") == 0
