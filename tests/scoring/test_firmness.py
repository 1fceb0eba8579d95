"""Firm or weak: rank kept in every sibling. Siblings travel in the bundle and change no score."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pytest

from features import FEATURES
from scoring.bundle import MANIFEST, MODEL, SIBLINGS, TABLES_DIR, load_bundle, save_bundle
from scoring.contributions import tabled
from scoring.contributions.tabled import Pieces
from scoring.errors import BundleError
from scoring.model import RiskModel
from scoring.reasons import MOST_RISK_REASONS, Reason, with_firmness
from tests.scoring.conftest import made_vectors, manifest_for
from tests.scoring.plain_reasons import find_reasons

LEADS = {
    "01": "illness_self_paid_yuan_12m",
    "07": "income_wages_yuan_12m",
    "09": "schooling_cost_after_aid_yuan_12m",
    "04": "composition_elderly_count",
    "06": "loan_overdue_days",
    "02": "disaster_loss_yuan_12m",
}


def ranked(order: str, effect: float = 1.0) -> list[Reason]:
    """Reasons of the families in this order, strongest first."""
    contributions = {LEADS[family]: effect * (2.0 - 0.2 * rank) for rank, family in enumerate(order.split())}
    risk, protective = find_reasons(dict.fromkeys(FEATURES, 1.0), contributions)
    return risk if effect > 0 else protective


def shown_by(order: str, effect: float = 1.0) -> list[str]:
    return [one.family for one in ranked(order, effect)]


@pytest.mark.parametrize(
    ("siblings", "firm"),
    [
        (["01 07 09 04"], "01 07 09 04"),
        (["07 01 09 04"], "01 07 09 04"),  # moved by one
        (["09 01 07 04"], "01 07 04"),  # 09 moved by two
        (["01 07 09 06 04"], "01 07 09"),  # 04 fell out of what is shown
        (["01 07 09 04", "04 07 09 01"], "07 09"),  # every sibling has to agree
        (["02 06"], ""),
        ([], None),
    ],
)
def test_a_reason_is_firm_when_every_sibling_shows_it_within_one_rank(
    siblings: list[str], firm: str | None
) -> None:
    shown = with_firmness(ranked("01 07 09 04"), [shown_by(one) for one in siblings])
    assert len(shown) == MOST_RISK_REASONS
    if firm is None:
        assert {one.is_firm for one in shown} == {None}
    else:
        assert [one.family for one in shown if one.is_firm] == firm.split()
        assert all(one.is_firm is not None for one in shown)


def test_an_opposite_effect_is_weak() -> None:
    (one,) = with_firmness(ranked("01"), [shown_by("07")])
    assert one.is_firm is False
    (one,) = with_firmness(ranked("01", -1.0), [shown_by("01", -1.0)])
    assert one.is_firm is True


def sibling_text(seed: int) -> str:
    vectors = made_vectors(600, 30)
    labels = (vectors["illness_self_paid_yuan_12m"].fillna(0) > 20_000 + 500 * seed).astype(int)
    parameters = {"objective": "binary", "num_leaves": 6, "verbosity": -1, "num_threads": 1, "seed": seed}
    text: str = lgb.train(parameters, lgb.Dataset(vectors, labels), 10).model_to_string()
    return text


@pytest.fixture
def folder(model: RiskModel, tmp_path: Path) -> Path:
    texts = [sibling_text(seed) for seed in (1, 2)]
    save_bundle(tmp_path / "bundle", model.booster.model_to_string(), manifest_for(model), texts)
    return tmp_path / "bundle"


def test_siblings_travel_hashed_and_change_neither_score_nor_contribution(
    folder: Path, model: RiskModel
) -> None:
    assert {path.name for path in folder.iterdir()} == {MODEL, MANIFEST, *SIBLINGS[:2]}
    files = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"]
    for name in SIBLINGS[:2]:
        assert files[name] == hashlib.sha256((folder / name).read_bytes()).hexdigest()
    loaded = load_bundle(folder).model
    vectors = made_vectors(100, 31)
    np.testing.assert_array_equal(loaded.score(vectors), model.score(vectors))
    np.testing.assert_array_equal(loaded.explain(vectors).values, model.explain(vectors).values)
    matrix = loaded.matrix(vectors)
    for booster, values in zip(loaded.siblings, loaded.explain_siblings(matrix), strict=True):
        slope = loaded.calibration.slope
        theirs = booster.predict(matrix, pred_contrib=True)[:, :-1]
        np.testing.assert_allclose(values, slope * theirs, rtol=0, atol=1e-10)


def test_the_tables_of_siblings_are_worked_out_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load_bundle(folder).model.prepare()
    kept = {path.name for path in (folder.parent / TABLES_DIR).iterdir()}
    assert len(kept) == 3

    def build(*_: object) -> Pieces:
        raise AssertionError("they are worked out again")

    monkeypatch.setattr(tabled, "build_pieces", build)
    load_bundle(folder).model.prepare()
    assert {path.name for path in (folder.parent / TABLES_DIR).iterdir()} == kept


def test_a_bundle_without_siblings_says_nothing_about_firmness(model: RiskModel) -> None:
    assert model.siblings == ()
    assert model.explain_siblings(model.matrix(made_vectors(3, 1))) == ()


def test_an_altered_sibling_is_refused(folder: Path) -> None:
    with (folder / SIBLINGS[1]).open("a") as file:
        file.write("\n")
    with pytest.raises(BundleError, match=r"sibling-2\.txt is not the file"):
        load_bundle(folder)


@pytest.mark.parametrize("lost", [0, 1])
def test_a_missing_sibling_is_refused(folder: Path, lost: int) -> None:
    (folder / SIBLINGS[lost]).unlink()
    with pytest.raises(BundleError, match="nothing less"):
        load_bundle(folder)


def test_siblings_are_numbered_without_gaps(folder: Path) -> None:
    (folder / SIBLINGS[0]).rename(folder / SIBLINGS[4])
    path = folder / MANIFEST
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest["files"][SIBLINGS[4]] = manifest["files"].pop(SIBLINGS[0])
    path.write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(BundleError, match="in order"):
        load_bundle(folder)
