"""Baselines: the rules rank as their words say."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from features import FEATURES, policy_value
from training.baselines import (
    INCOME_FEATURE,
    POINTS_CARD,
    fit_default,
    fit_logistic,
    rule_features,
    rule_rankings,
    signed_log,
)
from training.errors import DataError

AS_OF = dt.date(2025, 10, 31)


def rankings(**columns: list[float]) -> dict[str, list[float]]:
    n = len(next(iter(columns.values())))
    names = rule_features([AS_OF], "CN-50")
    vectors = pd.DataFrame({name: columns.get(name, [np.nan] * n) for name in names})
    return {one.name: one.ranks.tolist() for one in rule_rankings(vectors, AS_OF, "CN-50")}


def order(ranks: list[float]) -> list[int]:
    return [int(one) for one in np.argsort(-np.array(ranks), kind="stable")]


def test_lowest_income_comes_first_and_unknown_income_last() -> None:
    found = rankings(**{INCOME_FEATURE: [9_000.0, -500.0, np.nan, 3_000.0]})
    assert order(found["lowest income first"]) == [1, 3, 0, 2]


def test_medical_trigger_has_a_lower_level_for_the_formerly_poor() -> None:
    income = float(policy_value("rural_income", "CN-50", AS_OF).value)
    shares = policy_value("medical_trigger_share", "CN-50", AS_OF).value
    bill = income * (shares["other"] + shares["formerly_poor"]) / 2
    found = rankings(
        illness_self_paid_yuan_12m=[bill, bill, np.nan], composition_is_formerly_poor=[1.0, 0.0, 1.0]
    )["trigger: medical_self_paid"]
    assert found[0] >= 1 > found[1]
    assert found[2] == 0


def test_union_takes_the_farthest_trigger() -> None:
    found = rankings(
        illness_self_paid_yuan_12m=[0.0, 1e6, 10.0],
        composition_is_formerly_poor=[0.0, 0.0, 0.0],
        disaster_crop_loss_percent_12m=[100.0, 0.0, 0.0],
    )
    assert found["union of triggers"] == [
        max(values)
        for values in zip(
            *(ranks for name, ranks in found.items() if name.startswith("trigger")), strict=True
        )
    ]


def test_learned_baselines_cope_with_a_column_nobody_filled() -> None:
    rng = np.random.default_rng(0)
    vectors = pd.DataFrame({"a": rng.normal(size=400), "b": np.nan, "c": rng.lognormal(10, 3, 400)})
    labels = np.asarray(vectors["a"] + rng.normal(0, 0.5, 400) > 0, dtype=np.int64)
    for model in (fit_logistic(vectors, labels), fit_default(vectors, labels, 1)):
        probabilities = model.predict_proba(vectors.to_numpy())[:, 1]
        assert np.isfinite(probabilities).all()
        assert probabilities[labels == 1].mean() > probabilities[labels == 0].mean() + 0.3


def test_signed_log_keeps_sign_and_order() -> None:
    values = np.array([-1e6, -1.0, 0.0, 1.0, 1e6])
    assert signed_log(values) == pytest.approx([-13.8155, -0.6931, 0, 0.6931, 13.8155], abs=1e-3)


def test_points_are_added_up_and_a_missing_value_gives_none() -> None:
    card = policy_value("points_card", "CN-50", AS_OF)
    assert card.is_assumption
    points = {one["feature"]: (one["at_least"], one["points"]) for one in card.value}
    at, gap_points = points["income_gap_to_line_share_12m"]
    bill, bill_points = points["illness_self_paid_yuan_12m"]
    found = rankings(
        income_gap_to_line_share_12m=[at, at - 0.01, np.nan, at + 1],
        illness_self_paid_yuan_12m=[bill, bill, bill - 1, np.nan],
    )[POINTS_CARD]
    assert found == [gap_points + bill_points, bill_points, 0, gap_points]


def test_the_card_reads_features_that_exist() -> None:
    for one in policy_value("points_card", "CN-50", AS_OF).value:
        assert one.keys() in ({"feature", "at_least", "points"}, {"feature", "at_most", "points"})
        assert one["feature"] in FEATURES
    card = {one["feature"] for one in policy_value("points_card", "CN-50", AS_OF).value}
    assert card <= set(rule_features([AS_OF], "CN-50"))


def test_a_logistic_regression_on_fewer_rows_keeps_its_level() -> None:
    rng = np.random.default_rng(3)
    vectors = pd.DataFrame(rng.normal(size=(60_000, 3)), columns=["a", "b", "c"])
    odds = np.exp(vectors["a"] - 4.5)
    labels = np.asarray(rng.random(60_000) < odds / (1 + odds), dtype=np.int64)
    whole, thinned = (fit_logistic(vectors, labels, most) for most in (60_000, 8_000))
    first, second = (model.predict_proba(vectors.to_numpy())[:, 1] for model in (whole, thinned))
    assert second.mean() == pytest.approx(first.mean(), rel=0.05)
    assert np.corrcoef(first, second)[0, 1] > 0.99
    with pytest.raises(DataError, match="not rare"):
        fit_logistic(vectors, 1 - labels, 8_000)
