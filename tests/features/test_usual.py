"""Usual values: the plain median of a village and of its township, and nothing of fewer than five."""

from __future__ import annotations

import datetime as dt
import statistics

import numpy as np
import pandas as pd

from features.neighbourhood import LEAST_HOUSEHOLDS
from features.usual import UsualHere, town_of, usual_here, usual_values

AS_OF = dt.date(2026, 10, 31)
MONEY, FLAG, LOCAL = "illness_self_paid_yuan_12m", "water_is_unsafe", "neighbourhood_median_income_yuan"
VILLAGES = ["500999100201"] * 7 + ["500999100202"] * 5 + ["500999100203"] * 3 + ["500999101201"] * 4


def made(seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rows = len(VILLAGES)
    money = np.round(rng.gamma(1.0, 2_000, rows), 2)
    money[rng.random(rows) < 0.2] = np.nan
    return pd.DataFrame(
        {MONEY: money, FLAG: (rng.random(rows) < 0.5).astype(float), LOCAL: 9_000.0},
        index=[f"H{number}" for number in range(rows)],
    )


def test_they_are_the_median_of_who_is_known_in_village_and_township() -> None:
    for seed in range(20):
        vectors = made(seed)
        found = {one.area_code: one for one in usual_values(vectors, VILLAGES, AS_OF)}
        for area in ("500999100201", "500999100202", "500999100203", "500999100", "500999101"):
            inside = [
                float(value)
                for value, village in zip(vectors[MONEY], VILLAGES, strict=True)
                if village.startswith(area) and not np.isnan(value)
            ]
            told = found[area].medians.get(MONEY) if area in found else None
            if len(inside) < LEAST_HOUSEHOLDS:
                assert told is None
            else:
                assert told == statistics.median(inside)
                assert found[area].as_of == AS_OF


def test_a_village_of_fewer_than_five_gives_none() -> None:
    areas = [one.area_code for one in usual_values(made(1), VILLAGES, AS_OF)]
    assert "500999100203" not in areas
    assert "500999101" not in areas
    assert "500999100" in areas


def test_a_yes_needs_more_than_half() -> None:
    vectors = pd.DataFrame({FLAG: [1.0, 1.0, 1.0, 0.0, 0.0, 0.0]})
    (village, town) = usual_values(vectors, ["500999100201"] * 6, AS_OF)
    assert village.medians[FLAG] == town.medians[FLAG] == 0.0
    vectors.iloc[3, 0] = 1.0
    assert usual_values(vectors, ["500999100201"] * 6, AS_OF)[0].medians[FLAG] == 1.0


def test_what_is_one_value_for_the_village_is_usual_in_the_township_only() -> None:
    for one in usual_values(made(2), VILLAGES, AS_OF):
        assert (LOCAL in one.medians) == (len(one.area_code) == 9)


def test_what_is_usual_around_a_household() -> None:
    found = {one.area_code: one for one in usual_values(made(3), VILLAGES, AS_OF)}
    here = usual_here(found, "500999100203")
    assert here == UsualHere({}, found["500999100"].medians)
    assert usual_here(found, "500999100201").village == found["500999100201"].medians
    assert usual_here({}, "500999100201") == UsualHere()
    assert (town_of("500999100201"), town_of("500999100"), town_of("UG1")) == ("500999100", None, None)


def test_no_household_is_needed() -> None:
    assert usual_values(made(4).iloc[:0], [], AS_OF) == []
