"""Costa Rica: the file on made-up people, and the figures on the real one where it is at hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from training.errors import DataError
from training.surveys.costa_rica import FILE, REQUIRED, compare_costa_rica, macro_f1, read_heads

PANEL = Path(__file__).parents[4] / "shared" / "data" / "costa_rica_idb"
needs_panel = pytest.mark.skipif(
    not (PANEL / FILE).is_file(), reason="the Costa Rica households are not on this machine"
)


def made_up_people(households: int = 60) -> pd.DataFrame:
    """Two people a household; who schooled longer is less poor."""
    rng = np.random.default_rng(1)
    rows = 2 * households
    people = pd.DataFrame({name: rng.integers(0, 3, rows).astype(float) for name in REQUIRED})
    people["idhogar"] = np.repeat([f"h{number}" for number in range(households)], 2)
    people["parentesco1"] = np.tile([1, 0], households)
    people["meaneduc"] = np.repeat(rng.integers(0, 16, households), 2).astype(float)
    people["Target"] = 1 + people["meaneduc"].astype(int) // 4
    people["age"] = rng.integers(20, 70, rows)
    people["dependency"] = rng.choice(["yes", "no", ".5"], rows)
    return people


def test_members_are_in_their_households_vector(tmp_path: Path) -> None:
    people = made_up_people()
    people.to_csv(tmp_path / FILE, index=False)
    vectors, classes = read_heads(tmp_path)
    assert len(vectors) == len(classes) == 60
    assert vectors.index.is_unique
    ages = people.groupby("idhogar")["age"].mean()
    assert vectors["members_age_mean"].tolist() == pytest.approx(ages[vectors.index].tolist())
    assert set(vectors["dependency"]) == {0.0, 0.5, 1.0}
    assert not {"Target", "Id"} & set(vectors.columns)


def test_a_made_up_file_is_compared(tmp_path: Path) -> None:
    made_up_people().to_csv(tmp_path / FILE, index=False)
    first, second = (compare_costa_rica(tmp_path, seeds=(3,)).as_json() for _ in range(2))
    assert first == second
    assert first["n"] == 60
    assert first["folds"] == 5
    assert first["seed"] == 3
    assert set(first["macro_f1"]) == {"naive", "simple", "ours"}
    assert first["macro_f1"]["naive"] > 0.6


def test_macro_f1_by_hand() -> None:
    # Class 0: precision 1/2, recall 1 → 2/3; class 1: recall 1/2, precision 1 → 2/3; classes 2 and 3: 0.
    assert macro_f1(np.array([0, 1, 1, 2]), np.array([0, 1, 0, 3])) == pytest.approx((2 / 3 + 2 / 3) / 4)


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda people: people.drop(columns="rooms"), "lacks the columns rooms"),
        (lambda people: people.assign(Target=5), "other classes"),
        (lambda people: people.assign(parentesco1=1), "two heads"),
        (lambda people: people.assign(Target=1), "fewer than 5"),
    ],
)
def test_a_harmed_file_is_refused(tmp_path: Path, harm: object, said: str) -> None:
    assert callable(harm)
    harm(made_up_people()).to_csv(tmp_path / FILE, index=False)
    with pytest.raises(DataError, match=said):
        compare_costa_rica(tmp_path)


def test_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no file"):
        compare_costa_rica(tmp_path)


@needs_panel
def test_the_real_households_meet_their_reference() -> None:
    found = compare_costa_rica(PANEL, seeds=(0,)).as_json()
    assert found["n"] == 2973
    assert found["macro_f1"]["ours"] > found["macro_f1"]["simple"] > found["macro_f1"]["naive"]
    assert found["macro_f1"]["ours"] >= 0.41
