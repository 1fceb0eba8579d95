"""Verdict, regret and lists over time, worked out by hand."""

from __future__ import annotations

import datetime as dt
import itertools

import numpy as np
import pytest

from scoring.estimate import Estimate
from training.evaluation.choice import choose
from training.evaluation.estimate import plain
from training.evaluation.lists_over_time import churn, jaccard, list_change
from training.evaluation.measured import Difference
from training.evaluation.verdict import judge, word_of

DRAWN = {"seed": 0, "resamples": 2_000}
UP, DOWN, FLAT = Estimate(0.1, 0.05, 0.2), Estimate(-0.1, -0.2, -0.05), Estimate(0.01, -0.02, 0.05)
D1, D2 = dt.date(2024, 10, 31), dt.date(2025, 10, 31)


@pytest.mark.parametrize(
    ("precision", "pr_auc", "word"),
    [
        (UP, UP, "better"),
        (UP, FLAT, "better"),
        (FLAT, UP, "better"),
        (UP, DOWN, "not better"),
        (DOWN, UP, "not better"),
        (FLAT, FLAT, "not better"),
        (FLAT, DOWN, "worse"),
        (DOWN, FLAT, "worse"),
        (DOWN, DOWN, "worse"),
        (Estimate(0.1, float("nan"), float("nan")), FLAT, "not better"),
        (Estimate(0.0, 0.0, 0.0), Estimate(0.0, 0.0, 0.0), "not better"),
    ],
)
def test_the_word(precision: Estimate, pr_auc: Estimate, word: str) -> None:
    assert word_of(Difference(precision, pr_auc)) == word


def test_the_best_baseline_is_that_of_the_highest_precision() -> None:
    differences = {"income": Difference(UP, UP), "line": Difference(FLAT, FLAT), "card": Difference(UP, UP)}
    found = judge({"income": 0.02, "line": 0.11, "card": 0.05}, differences)
    assert (found.best_baseline, found.verdict, found.is_better) == ("line", "not better", False)
    assert found.sentence.startswith("NOT BETTER than line: precision at capacity +0.0100")
    assert "+0.0100 [-0.0200, +0.0500]" in found.sentence


def pr_auc_ahead_by(value: float) -> Difference:
    """Level in precision, and so far ahead in PR-AUC: beyond chance from 0.05 on."""
    return Difference(FLAT, Estimate(value, value - 0.05 + 1e-9, value + 0.05))


def test_of_equal_precisions_the_higher_pr_auc_is_the_best_in_any_order() -> None:
    # Of few visits many baselines find equally many households.
    differences = {
        "card": pr_auc_ahead_by(0.07),
        "line": pr_auc_ahead_by(0.05),
        "defaults": pr_auc_ahead_by(-0.01),
    }
    for names in itertools.permutations(differences):
        found = judge(dict.fromkeys(names, 0.051), {name: differences[name] for name in names})
        assert (found.best_baseline, found.verdict) == ("defaults", "not better")


@pytest.mark.parametrize(
    ("line", "best", "word"),
    [
        (pr_auc_ahead_by(0.01), "line", "not better"),
        (pr_auc_ahead_by(-0.06), "line", "worse"),
        # Both are beaten: the one of the highest precision is named.
        (pr_auc_ahead_by(0.06), "card", "better"),
    ],
)
def test_the_best_by_pr_auc_must_be_beaten_too(line: Difference, best: str, word: str) -> None:
    found = judge({"card": 0.06, "line": 0.059}, {"card": pr_auc_ahead_by(0.09), "line": line})
    assert (found.best_baseline, found.verdict, found.is_better) == (best, word, word == "better")


def test_learned_baselines_may_be_level_where_only_rules_must_be_beaten() -> None:
    precision = {"income": 0.02, "card": 0.05, "line": 0.11, "defaults": 0.12}
    learned = frozenset({"line", "defaults"})

    def judged(line: Difference, card: Difference) -> tuple[str, str, str]:
        differences = {
            "income": Difference(UP, UP), "card": card, "line": line, "defaults": Difference(UP, FLAT)
        }  # fmt: skip
        found = judge(precision, differences, "rules", learned)
        return found.best_baseline, found.verdict, found.sentence

    best, word, sentence = judged(Difference(FLAT, FLAT), Difference(UP, UP))
    assert (best, word) == ("card", "better")
    assert "; better than defaults: precision" in sentence
    assert judged(Difference(FLAT, FLAT), Difference(FLAT, FLAT))[:2] == ("card", "not better")
    # A learned baseline that is ahead decides, whatever the rules do.
    assert judged(Difference(FLAT, DOWN), Difference(UP, UP))[:2] == ("line", "worse")


def test_regret_prefers_the_steady_to_the_lucky() -> None:
    dates = [dt.date(2022, 10, 31), dt.date(2023, 10, 31), dt.date(2024, 10, 31)]
    found = choose(
        "pr_auc", dates, {"lucky": [0.10, 0.10, 0.90], "steady": [0.50, 0.50, 0.60], "poor": [0.1, 0.1, 0.1]}
    )
    # Best by date .5, .5, .9: lucky falls short by .4, .4, 0; steady by 0, 0, .3; poor by .4, .4, .8.
    by_name = {one.candidate: one for one in found.candidates}
    assert by_name["lucky"].regrets == pytest.approx((0.4, 0.4, 0.0))
    assert by_name["lucky"].mean_regret == pytest.approx(0.8 / 3)
    assert by_name["steady"].mean_regret == pytest.approx(0.1)
    assert by_name["poor"].worst_regret == pytest.approx(0.8)
    assert found.chosen == "steady"


def test_of_equal_regret_the_first_is_chosen() -> None:
    assert choose("pr_auc", [D1], {"b": [0.5], "a": [0.5]}).chosen == "b"


def test_a_choice_needs_something_to_choose_from() -> None:
    with pytest.raises(ValueError, match="candidates and past dates"):
        choose("pr_auc", [], {"a": []})


def test_jaccard_by_hand() -> None:
    few = jaccard(2, 4, **DRAWN)
    # Wilson's interval of 2 in 4, as published calculators give it.
    assert (few.value, few.low, few.high) == pytest.approx((0.5, 0.150, 0.850), abs=5e-4)
    assert jaccard(0, 0, **DRAWN).value == 1
    assert jaccard(0, 1, **DRAWN).value == 0
    many = jaccard(100, 400, **DRAWN)
    # A share of 400 drawn anew: 1.96 √(¼ · ¾ / 400).
    assert (many.low, many.high) == pytest.approx((0.25 - 0.0424, 0.25 + 0.0424), abs=0.008)


def test_who_was_identified_is_no_sign_of_an_unsteady_list() -> None:
    before = np.array(list("abcdef"), dtype=object)
    after = np.array(list("bcdefg"), dtype=object)
    found = list_change(
        (D1, before, np.isin(before, list("abc"))), (D2, after, np.isin(after, list("bdg"))), **DRAWN
    )
    # a was identified in between; of b, c and b, d (g was not there before) one of three stayed.
    assert (found.listed_before, found.listed_after) == (3, 3)
    assert (found.stay, found.leave, found.enter, found.no_longer_in_cohort) == (1, 1, 2, 1)
    assert found.jaccard.value == pytest.approx(1 / 3)


def test_churn_by_hand() -> None:
    ours = np.array([True, True, False, False, True])
    theirs = np.array([True, False, True, False, False])
    found = churn(D2, "county-1", True, ours, theirs, Difference(UP, FLAT), **DRAWN)
    assert (found.stay, found.leave, found.enter) == (1, 1, 2)
    assert found.jaccard.value == pytest.approx(1 / 4)


def test_what_is_absent_has_no_key() -> None:
    assert plain({"a": None, "b": float("nan"), "c": (D1, UP), "d": np.float64(2.0)}) == {
        "c": ["2024-10-31", {"value": 0.1, "low": 0.05, "high": 0.2}],
        "d": 2.0,
    }


def test_an_interval_leaves_out_resamples_without_the_number() -> None:
    found = Estimate.of(0.5, np.array([np.nan, *np.linspace(0, 1, 1_001)]))
    assert (found.low, found.high) == pytest.approx((0.025, 0.975))
    assert np.isnan(Estimate.of(0.5, np.array([np.nan])).low)
