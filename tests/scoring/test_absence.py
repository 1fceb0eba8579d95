"""Absence: missing values add their numbers, contributions still add up, and a bundle keeps them."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from scoring import RiskModel
from scoring.absence import Absence
from scoring.bundle import MANIFEST, load_bundle, save_bundle
from scoring.errors import BundleError
from scoring.parts import LINE, line_text
from tests.scoring.conftest import NAMES, made_vectors, manifest_for

WEIGHTS = dict(zip(NAMES, np.random.default_rng(3).normal(0, 0.3, len(NAMES)).tolist(), strict=True))


@pytest.fixture(scope="module")
def absent(blended: RiskModel) -> RiskModel:
    return dataclasses.replace(blended, absence=Absence.of(WEIGHTS, NAMES), siblings=(blended.booster,))


def test_what_is_missing_adds_its_number_and_nothing_else_moves(
    blended: RiskModel, absent: RiskModel
) -> None:
    vectors = made_vectors(300, 61)
    matrix = absent.matrix(vectors)
    by_hand = [
        sum(WEIGHTS[name] for name, value in zip(NAMES, row, strict=True) if value != value)
        for row in matrix.tolist()
    ]
    assert len(set(by_hand)) > 100
    added = absent.margins(matrix) - blended.margins(matrix)
    np.testing.assert_allclose(added, by_hand, atol=1e-12)
    ours, plain = absent.explain(vectors), blended.explain(vectors)
    moved = (ours.values - plain.values) / absent.calibration.slope
    wanted = np.where(np.isnan(matrix), [WEIGHTS[name] for name in NAMES], 0.0)
    np.testing.assert_allclose(moved, wanted, atol=1e-12)
    np.testing.assert_array_equal(ours.base, plain.base)


def test_contributions_add_up_and_every_way_gives_the_same_bits(absent: RiskModel) -> None:
    vectors = made_vectors(200, 62)
    explained = absent.explain(vectors)
    np.testing.assert_allclose(
        explained.base + explained.values.sum(axis=1), explained.log_odds, rtol=0, atol=1e-9
    )
    np.testing.assert_array_equal(absent.score(vectors), explained.scores)
    alone = [absent.explain(vectors.iloc[[at]]) for at in range(len(vectors))]
    np.testing.assert_array_equal(np.concatenate([one.scores for one in alone]), explained.scores)
    np.testing.assert_array_equal(np.concatenate([one.values for one in alone]), explained.values)
    np.testing.assert_array_equal(absent.explain_siblings(absent.matrix(vectors))[0], explained.values)


def test_a_stored_model_keeps_what_missing_values_add(absent: RiskModel, tmp_path: Path) -> None:
    assert absent.blend is not None
    model = dataclasses.replace(absent, siblings=())
    manifest = manifest_for(model).model_copy(update={"absence": WEIGHTS})
    parts = {LINE: line_text(absent.blend)}
    text = absent.booster.model_to_string()
    stored = save_bundle(tmp_path / "bundle", text, manifest, parts=parts)
    vectors = made_vectors(100, 63)
    np.testing.assert_array_equal(stored.model.score(vectors), absent.score(vectors))
    assert load_bundle(tmp_path / "bundle").model.absence == absent.absence
    with pytest.raises(BundleError, match="golden rows"):
        save_bundle(tmp_path / "without", text, manifest.model_copy(update={"absence": {}}), parts=parts)
    with pytest.raises(BundleError, match="does not read: nobody"):
        save_bundle(tmp_path / "strange", text, manifest.model_copy(update={"absence": {"nobody": 1.0}}))


def test_a_manifest_of_before_has_none(model: RiskModel, tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    save_bundle(folder, model.booster.model_to_string(), manifest_for(model))
    manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
    assert manifest.pop("absence") == {}
    (folder / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    assert load_bundle(folder).model.absence is None


def test_what_is_no_number_is_refused() -> None:
    with pytest.raises(BundleError, match="finite"):
        Absence((0.0, float("nan")))
    assert Absence.of({}, NAMES) is None
    assert Absence((0.0, 0.5)).by_feature(("a", "b")) == {"b": 0.5}
