"""Groups: who belongs to one, and a recall counted by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from training.evaluation.groups import GROUP_FEATURES, household_groups, measure_groups, outcome_kinds

VECTORS = pd.DataFrame(
    [
        # members, elderly, disabled, formerly poor
        [2, 2, 0, 1],
        [3, 2, 1, 0],
        [0, 0, 0, 0],
        [1, 1, 2, np.nan],
        [np.nan, 1, np.nan, 1],
    ],
    columns=list(GROUP_FEATURES),
    dtype=float,
)
VILLAGES = np.array(
    ["500299001001", "500299001002", "500299002001", "500299002001", "500230001001"], dtype=object
)


def test_who_belongs_to_which_group() -> None:
    found = household_groups(VECTORS, VILLAGES, [("remote", ("500299001002", "50023"))])
    assert found["elderly_only"].tolist() == ["yes", "no", "no", "yes", "unknown"]
    assert found["disabled"].tolist() == ["no", "yes", "no", "yes", "unknown"]
    assert found["formerly_poor"].tolist() == ["yes", "no", "no", "unknown", "yes"]
    assert found["county"].tolist() == ["500299"] * 4 + ["500230"]
    assert found["township"].tolist() == ["500299001"] * 2 + ["500299002"] * 2 + ["500230001"]
    assert found["remote"].tolist() == ["no", "yes", "no", "no", "yes"]


def test_without_areas_or_features_there_are_no_such_groups() -> None:
    assert household_groups(VECTORS[["composition_members_count"]], None, [("remote", ("50",))]) == {}


def test_recall_by_hand() -> None:
    kinds = np.array(["a", "a", "a", "b", "b", "c"], dtype=object)
    labels = np.array([1, 1, 0, 1, 0, 0])
    chance = np.array([1.0, 0.5, 1.0, 0.0, 0.5, 1.0])
    [found] = measure_groups({"kind": kinds}, {}, labels, chance, small_cell=2, seed=0, resamples=200)
    a, b, c = found.cells
    assert (a.n, a.visits, a.positives, a.found, a.is_small) == (3, 2.5, 2, 1.5, False)
    assert (b.n, b.visits, b.positives, b.found, b.is_small) == (2, 0.5, 1, 0.0, True)
    assert (c.positives, c.recall, c.is_small) == (0, None, True)
    assert a.recall is not None
    assert (a.recall.value, a.recall.low, a.recall.high) == pytest.approx((0.75, 0.5, 1.0))


def test_an_interval_is_that_of_drawing_the_outcomes() -> None:
    rng = np.random.default_rng(0)
    chance = (rng.random(120) < 0.4).astype(float)
    [found] = measure_groups(
        {"kind": np.full(120, "a", dtype=object)}, {}, np.ones(120, dtype=np.int64), chance,
        small_cell=1, seed=0, resamples=4_000,
    )  # fmt: skip
    drawn = [rng.choice(chance, 120).mean() for _ in range(4_000)]
    recall = found.cells[0].recall
    assert recall is not None
    assert (recall.low, recall.high) == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=0.012)


def test_type_and_cause_are_known_of_the_identified_alone() -> None:
    outcomes = pd.DataFrame({"household_id": ["H1"], "cause_code": ["01"], "object_type": ["marginal"]})
    found = outcome_kinds(outcomes, np.array(["H0", "H1"], dtype=object))
    assert {name: kinds.tolist() for name, kinds in found.items()} == {
        "object_type": ["unknown", "marginal"],
        "cause": ["unknown", "01"],
    }
    assert outcome_kinds(None, np.array(["H0"], dtype=object)) == {}
