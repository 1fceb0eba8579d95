"""Behaviour of the model: invariance, direction, calibration and grades."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import FEATURES
from scoring.calibration import Calibration, probability
from scoring.errors import BundleError, VectorError
from scoring.grades import GradeBorders
from scoring.model import RiskModel
from tests.scoring.conftest import made_vectors


@pytest.mark.parametrize("name", [one.name for one in FEATURES.values() if one.direction])
def test_direction_is_kept(model: RiskModel, name: str) -> None:
    """A larger bill never lowers the risk, a larger wage never raises it."""
    vectors = made_vectors(60, 3)
    vectors[name] = vectors[name].fillna(1.0)
    scores = [
        model.score(vectors.assign(**{name: vectors[name] * factor})) for factor in (0.0, 0.5, 1, 4, 50)
    ]
    steps = np.diff(np.array(scores), axis=0) * FEATURES[name].direction
    assert (steps >= 0).all()


def test_order_of_rows_and_extra_columns_change_nothing(model: RiskModel) -> None:
    vectors = made_vectors(50, 5)
    shuffled = vectors.sample(frac=1, random_state=1).assign(extra=7.0)
    np.testing.assert_array_equal(model.score(shuffled), model.score(vectors)[shuffled.index.to_numpy()])


def test_a_missing_column_is_refused_by_name(model: RiskModel) -> None:
    with pytest.raises(VectorError, match="income_net_yuan_12m"):
        model.score(made_vectors(2).drop(columns="income_net_yuan_12m"))


@settings(deadline=None, derandomize=True)
@given(
    slope=st.floats(1e-3, 50),
    intercept=st.floats(-50, 50),
    margins=st.lists(st.floats(-800, 800), min_size=2),
)
def test_calibration_never_changes_ranks(slope: float, intercept: float, margins: list[float]) -> None:
    array = np.sort(np.array(margins))
    found = Calibration(slope, intercept).probability(array)
    assert ((found >= 0) & (found <= 1)).all()
    assert (np.diff(found) >= 0).all()


def test_probability_is_the_logistic_function_at_both_ends() -> None:
    np.testing.assert_allclose(
        probability(np.array([-1e4, -2.0, 0.0, 2.0, 1e4])), [0, 0.11920292, 0.5, 0.88079708, 1]
    )


def test_one_probability_has_the_bits_that_it_has_among_many() -> None:
    many = np.concatenate([np.random.default_rng(7).normal(0, 4, 2_000), [-800.0, -0.0, 0.0, 800.0]])
    alone = [probability(many[at : at + 1]) for at in range(len(many))]
    assert np.concatenate(alone).tobytes() == probability(many).tobytes()


@pytest.mark.parametrize(
    ("slope", "intercept"), [(0.0, 0.0), (-1.0, 0.0), (float("nan"), 0.0), (1.0, float("inf"))]
)
def test_calibration_refuses_what_is_no_line(slope: float, intercept: float) -> None:
    with pytest.raises(BundleError):
        Calibration(slope, intercept)


def test_grades_at_their_borders() -> None:
    borders = GradeBorders(high=0.2, medium=0.05)
    assert [borders.grade(score) for score in (0.2, 0.19999, 0.05, 0.04999)] == [
        "high",
        "medium",
        "medium",
        "low",
    ]
    for high, medium in ((0.05, 0.2), (1.0, 0.5), (0.5, 0.0)):
        with pytest.raises(BundleError):
            GradeBorders(high, medium)


def test_borders_at_shares() -> None:
    scores = np.linspace(0.001, 0.999, 1000)
    borders = GradeBorders.at_shares(scores, high=0.01, medium=0.05)
    grades = [borders.grade(one) for one in scores]
    assert grades.count("high") == 10
    assert grades.count("medium") == 40
