"""The hidden truth: difficulty comes first, discovery after it, and not always."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from training.simulation import County, CountySettings, simulate_county
from training.simulation.settings import FEEDS


@pytest.fixture(scope="module")
def truth(counties: list[County]) -> pd.DataFrame:
    return pd.concat([one.truth for one in counties], ignore_index=True)


def test_one_identification_a_household(counties: list[County]) -> None:
    for county in counties:
        assert county.outcomes["household_id"].is_unique
        assert county.outcomes["identified_on"].notna().all()
        assert (county.outcomes["identified_on"] <= pd.Timestamp(county.settings.ends_on)).all()


def test_no_identification_before_the_hardship(truth: pd.DataFrame) -> None:
    found = truth[truth["identified_on"].notna()]
    assert len(found) > 100
    assert (found["identified_on"] >= found["since"]).all()


def test_few_identifications_are_mistaken(counties: list[County], truth: pd.DataFrame) -> None:
    identified = sum(len(one.outcomes) for one in counties)
    mistaken = identified - truth["identified_on"].notna().sum()
    assert 0 < mistaken / identified < 0.12


def test_some_difficulties_are_never_found(truth: pd.DataFrame) -> None:
    with_a_year_to_go = truth[truth["since"] <= "2025-10-01"].drop_duplicates("household_id")
    days = (with_a_year_to_go["identified_on"] - with_a_year_to_go["since"]).dt.days
    assert 0.03 <= 1 - (days <= 365).mean() <= 0.20


def test_discovery_takes_months(truth: pd.DataFrame) -> None:
    days = (truth["identified_on"] - truth["since"]).dt.days.dropna()
    assert 30 <= days.median() <= 120


def test_the_truth_has_causes(truth: pd.DataFrame) -> None:
    assert set(truth["cause_code"]) <= {"01", "02", "03", "04", "05", "06", "07", "09"}
    assert truth["cause_code"].value_counts().index[0] == "01"


def test_a_large_bill_alone_rarely_ruins(clean: County) -> None:
    claims = clean.feeds["illness"]
    claims = claims[claims["occurred_on"].dt.year == 2024]
    bills = claims.groupby("household_id")["self_paid_yuan"].sum()
    billed = bills[bills > 20_800].index
    fell = clean.truth.loc[clean.truth["since"].dt.year.isin([2024, 2025]), "household_id"]
    share = pd.Index(billed).isin(fell).mean()
    # Far from certain, and yet more frequent than among all.
    assert 2 * len(fell) / clean.settings.households < share < 0.35


def test_truth_is_not_saved(tmp_path: Path) -> None:
    county = simulate_county(CountySettings(households=400, months=6, run_in_months=0))
    county.save(tmp_path / "county")
    assert {one.name for one in (tmp_path / "county").iterdir()} == {
        *(f"{name}.parquet" for name in (*FEEDS, "coverage", "outcomes", "visits")),
        "area_groups.yaml", "map.geojson",
    }  # fmt: skip
    groups = (tmp_path / "county" / "area_groups.yaml").read_text(encoding="utf-8")
    assert not any(one in groups for one in county.feeds["household"]["household_id"])
    again = pd.read_parquet(tmp_path / "county" / "income.parquet")
    assert list(again.columns) == list(county.feeds["income"].columns)
    assert len(again) == len(county.feeds["income"])
