"""The line: its sum, its contributions, its directions, and the same bits in any batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from features import FEATURES
from scoring.bundle import load_bundle, save_bundle
from scoring.errors import BundleError
from scoring.line import Blend, Line, Term, transformed
from scoring.line_kernel import take_logs
from scoring.model import RiskModel
from scoring.parts import LINE, line_text, read_line
from tests.scoring.conftest import NAMES, made_vectors, manifest_for

BILL, INCOME = "illness_self_paid_yuan_12m", "income_net_yuan_12m"


def by_definition(line: Line, row: np.ndarray) -> tuple[float, list[float]]:
    """Margin and contributions of one row, written out."""
    adds = []
    for one, value in zip(line.terms, row, strict=True):
        is_missing = bool(np.isnan(value))
        shown = one.median if is_missing else float(transformed(np.array([value]), one.transform)[0])
        shown = min(max(shown, one.low), one.high)
        adds.append(
            one.weight * (shown - one.mean) / one.scale
            + one.missing_weight * (is_missing - one.missing_share)
        )
    return line.intercept + sum(adds), adds


def test_margins_and_contributions_are_the_sum_of_the_terms(blended: RiskModel) -> None:
    assert blended.blend is not None
    line = blended.blend.line
    matrix = made_vectors(60, 41).to_numpy().copy()
    matrix[0] = np.nan
    matrix[1] = np.inf
    matrix[2] = -np.inf
    matrix[3] = -matrix[3]
    values = np.zeros(matrix.shape)
    margins = np.full(len(matrix), 0.5)
    base = np.full(len(matrix), 2.0)
    line.add_to(margins, values, base, matrix, 0.25)
    np.testing.assert_allclose(base, 0.25 * 2.0 + 0.75 * line.intercept, rtol=1e-15)
    for row, margin, alone, adds in zip(matrix, margins, line.margins(matrix), values, strict=True):
        expected, terms = by_definition(line, row)
        assert alone == pytest.approx(expected, abs=1e-10)
        assert margin == pytest.approx(0.25 * 0.5 + 0.75 * expected, abs=1e-10)
        np.testing.assert_allclose(adds, 0.75 * np.array(terms), atol=1e-10)


def test_logarithms_are_those_of_the_library() -> None:
    rng = np.random.default_rng(50)
    sizes = np.concatenate([
        np.exp(rng.uniform(-40, 60, 20_000)),
        np.round(np.exp(rng.uniform(0, 12, 20_000)), 2),
        np.arange(5_000.0),
        2.0 ** np.arange(-60, 70) * np.array([[1 - 1e-9], [1.0], [1 + 1e-9]]),
        [0.41421, 0.41422, 1.7e308, 5e-324],
    ], axis=None)  # fmt: skip
    expected = np.log1p(sizes)
    for sign in (1.0, -1.0):
        found = sign * sizes
        take_logs(found, len(found), np.zeros(len(found)), np.zeros(len(found)))
        # Within two units in the last place.
        assert (np.abs(sign * found - expected) <= 2 * np.spacing(expected)).all()
        one_by_one = sign * sizes[:2_000]
        for at in range(2_000):
            take_logs(one_by_one[at : at + 1], 1, np.zeros(1), np.zeros(1))
        np.testing.assert_array_equal(one_by_one, found[:2_000])


def test_the_average_training_row_adds_nothing() -> None:
    term = Term(BILL, "identity", 0.0, 10.0, 3.0, 4.0, 2.0, 0.7, 0.0, 0.0)
    line = Line(-2.0, (term,))
    assert line.margins(np.array([[4.0]])).tolist() == [-2.0]


def test_base_and_contributions_add_up_to_the_log_odds(blended: RiskModel) -> None:
    vectors = made_vectors(400, 42)
    explained = blended.explain(vectors)
    assert np.abs(explained.base + explained.values.sum(axis=1) - explained.log_odds).max() < 1e-10
    np.testing.assert_array_equal(explained.scores, blended.score(vectors))


def test_the_blend_is_the_weighted_sum_of_trees_and_line(blended: RiskModel) -> None:
    assert blended.blend is not None
    vectors = made_vectors(100, 43)
    matrix = blended.matrix(vectors)
    trees = blended.booster.predict(matrix, raw_score=True)
    share = blended.blend.tree_share
    expected = share * trees + (1 - share) * blended.blend.line.margins(matrix)
    np.testing.assert_allclose(blended.margins(matrix), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("threads", ["1", "2", "3"])
def test_one_household_and_any_batch_give_the_same_bits(
    blended: RiskModel, threads: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    monkeypatch.setattr("scoring.line._PART", 64)
    vectors = made_vectors(300, 44)
    whole = blended.explain(vectors)
    for size in (1, 7, 128):
        parts = [blended.explain(vectors.iloc[at : at + size]) for at in range(0, len(vectors), size)]
        np.testing.assert_array_equal(np.concatenate([one.scores for one in parts]), whole.scores)
        np.testing.assert_array_equal(np.concatenate([one.values for one in parts]), whole.values)
    np.testing.assert_array_equal(blended.score(vectors), whole.scores)


@pytest.mark.parametrize("name", [one.name for one in FEATURES.values() if one.direction])
def test_a_larger_bill_never_lowers_the_risk_of_a_blend(blended: RiskModel, name: str) -> None:
    vectors = made_vectors(40, 45)
    vectors[name] = vectors[name].fillna(1.0)
    scores = [
        blended.score(vectors.assign(**{name: vectors[name] * factor})) for factor in (0.0, 0.5, 1, 4, 1e6)
    ]
    assert (np.diff(np.array(scores), axis=0) * FEATURES[name].direction >= 0).all()


def test_the_line_moves_a_score_between_the_borders_of_the_trees(blended: RiskModel) -> None:
    """What a line is for: trees alone are flat there."""
    vectors = pd.concat([made_vectors(1, 46)] * 40).assign(**{BILL: np.linspace(100, 40_000, 40)})
    assert len(np.unique(blended.score(vectors))) == 40


def test_siblings_have_the_same_line(blended: RiskModel) -> None:
    vectors = made_vectors(50, 47)
    one = RiskModel(**{**vars_of(blended), "siblings": (blended.booster,)})
    np.testing.assert_array_equal(
        one.explain_siblings(one.matrix(vectors))[0], blended.explain(vectors).values
    )


def vars_of(model: RiskModel) -> dict[str, Any]:
    return {name: getattr(model, name) for name in model.__dataclass_fields__}


def test_a_stored_blend_scores_bit_for_bit_alike(blended: RiskModel, tmp_path: Path) -> None:
    assert blended.blend is not None
    text = blended.booster.model_to_string()
    parts = {LINE: line_text(blended.blend)}
    stored = save_bundle(tmp_path / "bundle", text, manifest_for(blended), parts=parts)
    vectors = made_vectors(200, 48)
    np.testing.assert_array_equal(stored.model.score(vectors), blended.score(vectors))
    np.testing.assert_array_equal(stored.model.explain(vectors).values, blended.explain(vectors).values)
    assert load_bundle(tmp_path / "bundle").model.blend == blended.blend


def test_a_line_left_out_is_caught_by_the_golden_rows(blended: RiskModel, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="golden rows"):
        save_bundle(tmp_path / "bundle", blended.booster.model_to_string(), manifest_for(blended))


DIRECTIONS = tuple(one.direction for one in FEATURES.values())


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ('"format": 1', '"format": 2', "known form at: format"),
        ('"tree_share": 0.5', '"tree_share": 1.0', "at least 0 and below 1"),
        ('"tree_share": 0.5', '"tree_share": NaN', "known form"),
        ('"tree_share": 0.5,', '"tree_share": 0.5, "code": "import os",', "known form at: code"),
        (f'"feature": "{BILL}"', f'"feature": "{INCOME}"', "other features"),
        ('"scale": 2.5', '"scale": 0.0', "positive scale"),
        ('"missing_share": 0.125', '"missing_share": 1.5', "cannot be"),
        ('"median": 1.5', '"median": 99.0', "cannot be"),
        ('"weight": 0.5', '"weight": -0.5', f"against the direction of {BILL}"),
        ("{", "[", "known form at: the file"),
    ],
)
def test_a_poisoned_line_is_refused(old: str, new: str, match: str) -> None:
    terms = tuple(
        Term(name, "signed_log", 0.0, 9.0, 1.5, 2.0, 2.5, 0.5 if name == BILL else 0.0, 0.1, 0.125)
        for name in NAMES
    )
    text = line_text(Blend(Line(-3.0, terms), 0.5))
    assert read_line(text.encode(), NAMES, DIRECTIONS).line.terms == terms
    assert old in text
    with pytest.raises(BundleError, match=match):
        read_line(text.replace(old, new, 1).encode(), NAMES, DIRECTIONS)
