"""The paired verdict, on rankings whose order is known."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from training.panels.verdict import Verdict, WeightedAuc, judge, widening


def rankings(gain: float, n: int = 1_500, seed: int = 0) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    rng = np.random.default_rng(seed)
    truth, shared = rng.normal(size=n), rng.normal(size=n)
    labels = (truth + rng.normal(0, 1.5, n) > 1.5).astype(np.int64)
    naive = truth + 2 * shared
    return labels, {"naive": naive, "logistic": shared, "ours": naive + gain * (truth - shared)}


def judged(gain: float, **changes: object) -> Verdict:
    labels, found = rankings(gain)
    settings = {"clusters": np.arange(len(labels)), "resamples": 200, **changes}
    return judge(labels, repetitions=[found], ours="ours", baselines=("naive", "logistic"), **settings)  # type: ignore[arg-type]


def test_the_word_follows_the_gain() -> None:
    assert judged(0.5).word == "better"
    assert judged(-0.5).word == "worse"
    assert judged(0.0).word == "not better"
    assert judged(0.5).against == "naive"


def test_pairing_sees_what_single_intervals_cannot() -> None:
    found = judged(0.15)
    low, high = found.intervals["ours"]
    assert low < found.intervals["naive"][1] < high
    assert found.word == "better"


def test_copies_of_households_are_no_new_evidence() -> None:
    labels, found = rankings(0.15, n=150)
    copies = {name: np.tile(one, 20) for name, one in found.items()}
    clusters = np.tile(np.arange(150), 20)
    once = judge(labels, np.arange(150), [found], "ours", ("naive",))
    many = judge(np.tile(labels, 20), clusters, [copies], "ours", ("naive",))
    loose = judge(np.tile(labels, 20), np.arange(3_000), [copies], "ours", ("naive",))
    width = [high - low for low, high in (one.differences["naive"].interval for one in (once, many, loose))]
    assert width[1] == pytest.approx(width[0], rel=0.01)
    assert width[2] < width[0] / 3


def test_a_null_gain_is_called_better_about_as_often_as_it_should_be() -> None:
    rng = np.random.default_rng(1)
    words = []
    for _ in range(60):
        labels = (rng.random(300) < 0.3).astype(np.int64)
        one, other = labels + rng.normal(0, 1.5, (2, 300))
        found = {"naive": one, "ours": other}
        words.append(judge(labels, np.arange(300), [found], "ours", ("naive",), resamples=100).word)
    assert words.count("not better") >= 50


def test_weights_count_as_copies_with_ties_as_halves() -> None:
    rng = np.random.default_rng(2)
    ranks = rng.integers(0, 5, 80).astype(float)
    labels = rng.integers(0, 2, 80)
    weights = rng.integers(0, 4, 80)
    expected = roc_auc_score(np.repeat(labels, weights), np.repeat(ranks, weights))
    assert WeightedAuc(labels, ranks).of(weights.astype(float)) == pytest.approx(expected)


def test_the_interval_is_the_same_each_time() -> None:
    assert judged(0.2) == judged(0.2)


@pytest.mark.parametrize("positives", [3, 6])
def test_few_outcomes_do_not_make_equal_models_better(positives: int) -> None:
    rng = np.random.default_rng(3)
    labels = np.repeat([1, 0], [positives, 60])
    words = []
    for _ in range(200):
        found = {"naive": rng.normal(size=len(labels)), "ours": rng.normal(size=len(labels))}
        words.append(judge(labels, np.arange(len(labels)), [found], "ours", ("naive",), resamples=100).word)
    # 2.5 % of 200 and three standard errors; the plain percentile interval gave 7 % and 5 %.
    assert words.count("better") <= 11


def test_one_village_shows_nothing_and_three_show_little() -> None:
    labels, found = rankings(0.5, n=300)
    one = judge(labels, np.zeros(300, dtype=np.int64), [found], "ours", ("naive",), resamples=50)
    assert one.word == "not better"
    assert one.differences["naive"].interval == (-1.0, 1.0)
    assert one.intervals["ours"] == (0.0, 1.0)
    assert widening(3) == pytest.approx(4.303 / 1.960 * (3 / 2) ** 0.5, rel=1e-3)
    assert 1.0 < widening(100) < 1.02
