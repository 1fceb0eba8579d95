"""The simulated county against the facts of DOMAIN §4, with room for chance in small counties."""

from __future__ import annotations

import pandas as pd
import pytest

from training.simulation import County

HOUSEHOLD_YEARS = 3 * 3 * 6_000
QUINTILES_2023 = (5_264, 12_864, 18_479, 25_981, 50_136)


@pytest.fixture(scope="module")
def identified(counties: list[County]) -> pd.DataFrame:
    """Identifications of the observed months, with the background of the household."""
    frames = []
    for county in counties:
        backgrounds = county.feeds["household"].set_index("household_id")["background"]
        outcomes = county.outcomes
        outcomes = outcomes[outcomes["identified_on"] > county.settings.month_ends[23].isoformat()]
        frames.append(outcomes.assign(background=outcomes["household_id"].map(backgrounds)))
    return pd.concat(frames, ignore_index=True)


def living(county: County) -> pd.DataFrame:
    members = county.feeds["member"]
    return members.loc[members["ended_on"].isna()]


def in_year(county: County, feed: str, year: int) -> pd.DataFrame:
    frame = county.feeds[feed]
    within: pd.DataFrame = frame[frame["occurred_on"].dt.year == year]
    return within


def per_household(county: County, amounts: pd.Series, keys: pd.Series) -> pd.Series:
    return amounts.groupby(keys).sum().reindex(county.feeds["household"]["household_id"], fill_value=0.0)


def income_per_head(county: County) -> tuple[pd.Series, pd.Series]:
    """Net income per head in 2023 and the persons of each household."""
    income = in_year(county, "income", 2023)
    net = per_household(county, income["amount_yuan"] - income["cost_yuan"], income["household_id"])
    size = living(county).groupby("household_id").size().reindex(net.index, fill_value=1)
    return net / size, size


def test_share_identified_a_year(identified: pd.DataFrame) -> None:
    assert 0.003 <= len(identified) / HOUSEHOLD_YEARS <= 0.009


def test_formerly_poor_are_identified_more_often(counties: list[County], identified: pd.DataFrame) -> None:
    poor = sum((one.feeds["household"]["background"] == "formerly_poor").sum() for one in counties)
    found = (identified["background"] == "formerly_poor").sum()
    rate = found / poor
    other_rate = (len(identified) - found) / (3 * 6_000 - poor)
    assert 0.14 <= poor / (3 * 6_000) <= 0.20
    assert 3.0 <= rate / other_rate <= 6.0


def test_illness_leads_the_causes(identified: pd.DataFrame) -> None:
    shares = identified["cause_code"].value_counts(normalize=True)
    assert 0.40 <= shares["01"] <= 0.60
    assert shares.index[0] == "01"
    # Disability and lost jobs are close to each other; small counties swap them.
    assert "03" in shares.index[1:3]
    assert set(shares.index) <= {"01", "02", "03", "04", "05", "06", "07", "09", "99"}


def test_every_type_of_object_occurs(identified: pd.DataFrame) -> None:
    shares = identified["object_type"].value_counts(normalize=True)
    assert set(shares.index) == {"unstable_formerly_poor", "marginal", "sudden_hardship"}
    # Of all monitored households 33.5 % are sudden hardships, of one year's new ones 58.7 % were.
    assert shares.between(0.18, 0.60).all()


def test_types_follow_the_background(identified: pd.DataFrame) -> None:
    backgrounds = identified.groupby("object_type")["background"].unique()
    assert list(backgrounds["unstable_formerly_poor"]) == ["formerly_poor"]
    assert list(backgrounds["marginal"]) == ["other"]


def test_income_per_head(clean: County) -> None:
    per_head, size = income_per_head(clean)
    mean = (per_head * size).sum() / size.sum()
    assert mean == pytest.approx(20_820, rel=0.05)
    ranked = per_head.sort_values()
    fifths = pd.cut(size[ranked.index].cumsum() / size.sum(), 5, labels=False)
    means = (ranked * size[ranked.index]).groupby(fifths).sum() / size[ranked.index].groupby(fifths).sum()
    for found, wanted in zip(means, QUINTILES_2023, strict=True):
        assert found == pytest.approx(wanted, rel=0.25)


def test_income_grows(clean: County) -> None:
    def total(year: int) -> float:
        income = in_year(clean, "income", year)
        return float((income["amount_yuan"] - income["cost_yuan"]).sum())

    # Slightly less than 6 %: the population ages and nobody is born or moves in.
    assert 1.02 <= total(2025) / total(2024) <= 1.08


def test_composition_of_income(clean: County) -> None:
    income = in_year(clean, "income", 2023)
    shares = (income["amount_yuan"] - income["cost_yuan"]).groupby(income["source"]).sum()
    shares = shares / shares.sum()
    for source, wanted in {"wages": 0.42, "business": 0.34, "property": 0.025, "transfers": 0.21}.items():
        assert shares[source] == pytest.approx(wanted, abs=0.05)


def test_low_income_is_not_the_label(clean: County, identified: pd.DataFrame) -> None:
    per_head, _ = income_per_head(clean)
    lowest = per_head[per_head <= per_head.quantile(0.2)]
    assert lowest.mean() < 7_300
    assert clean.outcomes["household_id"].isin(lowest.index).sum() / len(lowest) < 0.12


def test_the_poorest_draw_the_allowance(clean: County) -> None:
    income = in_year(clean, "income", 2024)
    monthly = income[(income["source"] == "transfers") & (income["occurred_on"].dt.month % 3 != 0)]
    drawn = per_household(clean, monthly["amount_yuan"], monthly["household_id"])
    net = per_household(clean, income["amount_yuan"] - income["cost_yuan"], income["household_id"])
    others = net - drawn * 12 / 8
    assert 0.01 <= (drawn > 0).mean() <= 0.06
    assert others[drawn > 0].median() < 0.3 * others.median()


def test_household_size_and_disability(clean: County) -> None:
    members = living(clean)
    assert len(members) / clean.settings.households == pytest.approx(3.0, abs=0.2)
    assert (members["disability_grade"] > 0).mean() == pytest.approx(0.07, abs=0.02)


def test_hospital_stays(clean: County) -> None:
    claims = in_year(clean, "illness", 2024)
    patients = claims.loc[claims["care"] == "inpatient", "member_id"].nunique()
    assert 0.155 <= patients / len(living(clean)) <= 0.22


def test_self_paid_has_a_heavy_tail(counties: list[County]) -> None:
    yearly = pd.concat([
        per_household(county, claims["self_paid_yuan"], claims["household_id"])
        for county in counties
        for claims in [in_year(county, "illness", 2024)]
    ])
    assert 0.07 <= (yearly > 10_000).mean() <= 0.13
    assert 0.025 <= (yearly > 20_000).mean() <= 0.055
    assert 0.004 <= (yearly > 50_000).mean() <= 0.011


def test_disasters_come_by_town(counties: list[County]) -> None:
    touched = [
        in_year(county, "disaster", year)["household_id"].nunique() / county.settings.households
        for county in counties
        for year in (2022, 2023, 2024, 2025)
    ]
    # 5–12 % a year; three small counties of six towns hold only some 36 events.
    assert 0.04 <= sum(touched) / len(touched) <= 0.14
    county = counties[0]
    towns = county.feeds["household"].set_index("household_id")["village_code"].str[:9]
    events = county.feeds["disaster"]
    # All that one town reports of a day is one event.
    assert events["household_id"].map(towns).groupby(events["occurred_on"]).nunique().median() == 1
