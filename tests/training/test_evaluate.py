"""An evaluation from made-up matrices, where it is known what a model can and cannot find."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from features import FEATURES
from scoring.calibration import Calibration
from scoring.capacity import Capacity, Quota
from scoring.errors import CapacityError
from scoring.grades import GradeBorders
from scoring.line import Blend, Line, Term
from scoring.model import RiskModel
from training.baselines import rule_features
from training.candidate import Candidate, fit_candidate
from training.champion import Champion
from training.errors import DataError
from training.evaluate import Evaluation, Matrices, evaluate_matrices
from training.evaluation.ablation import NOTHING
from training.evaluation.comparison import OURS
from training.evaluation.document import evaluation_json
from training.evaluation.groups import GROUP_FEATURES
from training.experiment import BootstrapSettings, Experiment, GridSettings, GroupSettings
from training.fit import FitSettings
from training.matrix import Matrix
from training.split_fit import fit_without
from training.timeline import rolling_splits

TRAIN = tuple(dt.date(year, 10, 31) for year in (2021, 2022, 2023))
TEST = (dt.date(2023, 10, 31), dt.date(2024, 10, 31))
SIGNAL, SECOND = "production_loss_yuan_12m", "insurance_uninsured_count"
"""What the outcome follows: features that no rule and no points card reads."""
NOISE = ("production_trouble_count_12m", "employment_days_12m")
NAMES = (SIGNAL, SECOND, *NOISE)
SHARES = {"high": 0.02, "medium": 0.1}
FIT = FitSettings(max_trees=80, folds=3, threads=1, siblings=1, min_rows_in_leaf=20, learning_rate=0.1)


def experiment(**changes: Any) -> Experiment:
    settings: dict[str, Any] = {
        "name": "made-up",
        "region": "CN-50",
        "splits": rolling_splits(TRAIN, TEST, 12),
        "capacity": Capacity(Quota(share=0.05), "township"),
        "features": NAMES,
        "fit": FIT,
        "bootstrap": BootstrapSettings(200),
        "groups": GroupSettings(20, (("remote", ("500299003",)),)),
    }
    return Experiment(**{**settings, **changes})


def matrix(dates: tuple[dt.date, ...], strength: float, seed: int, households: int = 1_500) -> Matrix:
    """A U-shaped signal, which a line cannot follow, and a plain one."""
    rng = np.random.default_rng(seed)
    n = households * len(dates)
    columns = dict.fromkeys((*NAMES, *rule_features(TEST, "CN-50"), *GROUP_FEATURES))
    values = {name: np.round(np.abs(rng.normal(size=n)), 2) for name in columns}
    values["composition_members_count"] = rng.integers(1, 6, n).astype(float)
    values["composition_elderly_count"] = np.minimum(
        values["composition_members_count"], rng.integers(0, 3, n)
    )
    values["composition_is_formerly_poor"] = (rng.random(n) < 0.2).astype(float)
    margin = strength * (values[SIGNAL] * 2 + values[SECOND] - 2.5) - 3
    labels = (rng.random(n) < 1 / (1 + np.exp(-margin))).astype(np.int64)
    index = pd.MultiIndex.from_arrays(
        [
            np.tile([f"H{at:05d}" for at in range(households)], len(dates)),
            np.repeat(pd.DatetimeIndex(list(dates)), households),
        ],
        names=["household_id", "as_of_date"],
    )
    villages = np.array([f"50029900{at % 3 + 1}001" for at in range(households)], dtype=object)
    return Matrix(pd.DataFrame(values, index=index), labels, np.tile(villages, len(dates)))


def matrices(strength: float, seed: int = 0, households: int = 1_500) -> Matrices:
    tests = {as_of: matrix((as_of,), strength, seed + 10 + at, households) for at, as_of in enumerate(TEST)}
    found = [pd.DataFrame({"household_id": test.households[test.labels == 1]}) for test in tests.values()]
    outcomes = pd.concat(found).drop_duplicates("household_id").assign(
        cause_code="01", object_type="marginal", identified_on=pd.Timestamp("2025-01-31")
    )  # fmt: skip
    return Matrices(matrix(TRAIN, strength, seed, households), tests, outcomes)


def evaluated(given: Matrices, of: Experiment, champion: Champion | None = None) -> Evaluation:
    return evaluate_matrices(of, given, version="v", grade_shares=SHARES, champion=champion)


@pytest.fixture(scope="module")
def strong() -> Evaluation:
    return evaluated(matrices(1.5), experiment(is_ablated=True))


def test_what_only_the_model_sees_makes_it_better_than_the_rules(strong: Evaluation) -> None:
    verdict = strong.comparison.verdict
    for name in ("lowest income first", "union of triggers", "points card"):
        assert verdict.words[name] == "better"
        assert verdict.differences[name].precision.low > 0


@pytest.mark.parametrize("must_beat", ["all", "rules"])
def test_a_model_of_noise_is_not_better(must_beat: str) -> None:
    found = evaluated(matrices(0.0), experiment(must_beat=must_beat))
    assert not found.is_better
    assert found.verdict.sentence.startswith(("NOT BETTER than", "WORSE than"))
    assert evaluation_json(found)["verdict"]["is_better"] is False
    assert found.flat_metrics()["is_better"] == 0.0


def test_numbers_are_those_of_the_rows(strong: Evaluation) -> None:
    given = matrices(1.5)
    for test in strong.tests:
        rows = given.tests[test.as_of]
        assert (test.n, test.positives) == (len(rows.labels), rows.positives)
        assert test.visits == 75 == sum(one.visits for one in test.areas)
        assert [one.area for one in test.areas] == ["500299001", "500299002", "500299003"]
        ours = test.rankings[OURS]
        found = sum(one.found for one in test.areas)
        assert ours.precision.value == pytest.approx(found / 75)
        assert ours.recall.value == pytest.approx(found / rows.positives)
        dial = {one.times: one for one in test.dial[OURS]}
        assert dial[1.0].found.value == pytest.approx(found)
        for one in dial.values():
            assert one.found.value + one.missed.value == pytest.approx(rows.positives)
        assert sum(one.households for one in test.reliability) == test.n


def test_each_area_has_its_shares_with_intervals(strong: Evaluation) -> None:
    for test in strong.tests:
        for one in test.areas:
            assert one.precision is not None
            assert one.recall is not None
            for share, by in ((one.base_rate, one.households), (one.recall, one.positives)):
                assert share.low < share.value < share.high
                count = one.positives if share is one.base_rate else one.found
                assert share.value == pytest.approx(count / by)
                # Of independent cases the interval is about 1.96 standard errors to each side.
                error = 1.96 * np.sqrt(share.value * (1 - share.value) / by)
                assert (share.high - share.low) / 2 == pytest.approx(error, rel=0.35)
            assert one.precision.value == pytest.approx(one.found / one.visits)
            assert one.is_small == (one.positives < 20)


def test_each_list_is_the_top_of_its_area_by_hand(strong: Evaluation) -> None:
    rows = matrices(1.5).tests[TEST[-1]]
    scores = strong.model.score(rows.vectors[list(NAMES)])
    assert rows.villages is not None
    found = 0
    for area in ("500299001", "500299002", "500299003"):
        inside = np.flatnonzero([one.startswith(area) for one in rows.villages])
        best = inside[np.argsort(-scores[inside], kind="stable")][:25]
        found += int(rows.labels[best].sum())
    assert sum(one.found for one in strong.tests[-1].areas) == pytest.approx(found, abs=1)


def test_groups_add_up(strong: Evaluation) -> None:
    test = strong.tests[-1]
    by = {one.by: one.cells for one in test.groups}
    assert set(by) == {
        "object_type", "cause", "elderly_only", "disabled", "formerly_poor", "county", "township", "remote"
    }  # fmt: skip
    for name, cells in by.items():
        assert sum(one.positives for one in cells) == test.positives
        assert sum(one.found for one in cells) == pytest.approx(
            test.rankings[OURS].recall.value * test.positives
        )
        if name not in {"object_type", "cause"}:
            assert sum(one.n or 0 for one in cells) == test.n
            assert sum(one.visits or 0 for one in cells) == pytest.approx(test.visits)
        for one in cells:
            assert one.is_small == (one.positives < 20)
            if one.recall:
                assert one.recall.low <= one.recall.value <= one.recall.high
    remote = {one.group: one for one in by["remote"]}
    assert remote["yes"].n == 500


def test_the_theme_that_carries_the_signal_is_missed_most(strong: Evaluation) -> None:
    lost = {one.theme: one.lost.pr_auc for one in strong.comparison.ablation}
    assert set(lost) == {FEATURES[name].theme for name in NAMES}
    assert lost["production"].low > 0
    assert max(lost, key=lambda theme: lost[theme].value) == "production"
    assert lost["employment"].low < 0.02


def test_what_a_theme_adds_is_told_by_a_model_made_like_the_released_one() -> None:
    """Where no feature is left out, the released model itself comes out: trees, lost feeds and line."""
    given, asked = matrices(1.5), experiment(fit=dataclasses.replace(FIT, max_trees=20))
    split, train = asked.split, given.train.on(asked.split.train)
    made = fit_candidate(train, asked, "made", SHARES)
    line = Line(-3.0, tuple(Term(name, "signed_log", 0, 9, 1, 1, 1, 0.1, 0, 0) for name in NAMES))
    trees = dataclasses.replace(made.fitted, blend=None)
    for fitted, is_blended in ((made.fitted, made.fitted.blend is not None), (trees, False)):
        one = Candidate(dataclasses.replace(made.model, blend=fitted.blend), fitted)
        released = fit_without(NOTHING, train, given.tests, split, one)
        again = fit_without("no such theme", train, given.tests, split, one)
        assert released.keys() == again.keys() == {str(day) for day in split.test}
        for day in split.test:
            assert np.array_equal(released[str(day)], again[str(day)])
            plain = made.fitted.booster.predict(given.tests[day].vectors[list(NAMES)], raw_score=True)
            assert np.array_equal(plain, released[str(day)]) != is_blended
    # With a line, a theme that is left out is left out of it too.
    shared = dataclasses.replace(made.fitted, blend=Blend(line, 0.5))
    one = Candidate(dataclasses.replace(made.model, blend=shared.blend), shared)
    day = split.test[0]
    without = fit_without("production", train, given.tests, split, one)[str(day)]
    moved = given.tests[day].vectors.assign(**{SIGNAL: 9.0})
    tests = {day: dataclasses.replace(given.tests[day], vectors=moved)}
    assert np.array_equal(fit_without("production", train, tests, split, one)[str(day)], without)


def test_lists_of_consecutive_dates_are_compared(strong: Evaluation) -> None:
    [change] = strong.comparison.list_changes
    assert (change.from_date, change.to_date) == TEST
    assert change.listed_before == change.listed_after == 75
    assert change.stay + change.leave == change.listed_before
    assert change.stay + change.enter == change.listed_after


def test_the_same_evaluation_gives_the_same_bytes(strong: Evaluation) -> None:
    again = evaluated(matrices(1.5), experiment(is_ablated=True))
    first, second = (json.dumps(evaluation_json(one), allow_nan=False) for one in (strong, again))
    assert first == second
    assert strong.model.booster.model_to_string() == again.model.booster.model_to_string()


def test_no_test_row_reaches_the_fit(strong: Evaluation) -> None:
    """With every test row made up anew, the model and the choice among candidates are the same."""
    grid = GridSettings((
        ("few", dataclasses.replace(FIT, num_leaves=3)),
        ("many", dataclasses.replace(FIT, num_leaves=31)),
    ))
    given = matrices(1.5)
    others = dataclasses.replace(given, tests=matrices(0.1, seed=50).tests)
    of = experiment(grid=grid, splits=rolling_splits(TRAIN, TEST[1:], 12))
    first, second = evaluated(given, of), evaluated(others, of)
    assert first.choices == second.choices
    assert first.choices[0] is not None
    assert first.choices[0].dates == TRAIN[1:]
    assert first.model.booster.model_to_string() == second.model.booster.model_to_string()
    assert first.fitted.settings.num_leaves == (3 if first.choices[0].chosen == "few" else 31)


def test_the_champion_stands_beside_ours(strong: Evaluation) -> None:
    champion = Champion("county-1", strong.model, dt.date(2024, 10, 31))
    found = evaluated(matrices(1.5), experiment(), champion)
    first, last = found.comparison.churn
    assert (last.champion, last.champion_saw_test) == ("county-1", False)
    assert first.champion_saw_test
    # The same model on the date of its own test: nobody leaves.
    assert (last.leave, last.enter, last.jaccard.value) == (0, 0, 1.0)
    assert last.difference.precision.value == 0
    assert first.leave == first.enter > 0
    assert "champion" not in found.verdict.words


def test_rows_without_the_outcome_are_refused() -> None:
    given = matrices(1.5)
    empty = dataclasses.replace(given.train, labels=np.zeros_like(given.train.labels))
    with pytest.raises(DataError, match="hold 0 identifications"):
        evaluated(dataclasses.replace(given, train=empty), experiment())


def test_areas_that_are_not_there_are_refused_before_anything_is_fitted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("training.evaluate.fit_split", lambda *_, **__: pytest.fail("it was fitted"))
    capacity = Capacity(Quota(share=0.1), "township", (("500299009", Quota(visits=3)),))
    with pytest.raises(CapacityError, match="override for 500299009"):
        evaluated(matrices(1.5), experiment(capacity=capacity))


def test_a_champion_of_other_features_needs_them() -> None:
    from training.evaluate import features_of_tests

    booster = type("Booster", (), {})()
    model = RiskModel(booster, ("loan_count",), Calibration(), GradeBorders(0.5, 0.1), 0.01, 12, "v")
    assert "loan_count" in features_of_tests(experiment(), Champion("v", model, TRAIN[0]))
    assert "loan_count" not in features_of_tests(experiment())
