"""Every delivered record: its dates, keys and amounts, and what a silent department leaves out."""

from __future__ import annotations

import pandas as pd
import pytest

from training.simulation import County, CountySettings, simulate_county
from training.simulation.settings import FEEDS

SILENT_FROM = 40


@pytest.mark.parametrize("feed", FEEDS)
def test_nothing_is_known_before_it_occurred_or_after_the_end(clean: County, feed: str) -> None:
    frame = clean.feeds[feed]
    assert (frame["known_on"] >= frame["occurred_on"]).all()
    assert (frame["known_on"] <= pd.Timestamp(clean.settings.ends_on)).all()


@pytest.mark.parametrize("feed", ["household", "member", "employment"])
def test_ends_have_both_dates_in_order(clean: County, feed: str) -> None:
    frame = clean.feeds[feed]
    ended = frame[frame["ended_on"].notna()]
    assert (frame["ended_on"].isna() == frame["ended_known_on"].isna()).all()
    assert (ended["ended_on"] >= ended["occurred_on"]).all()
    assert (ended["ended_known_on"] > ended["ended_on"]).all()
    assert (ended["ended_known_on"] >= ended["known_on"]).all()
    assert (ended["ended_known_on"] <= pd.Timestamp(clean.settings.ends_on)).all()


def test_households_are_open_and_have_a_place(clean: County) -> None:
    households = clean.feeds["household"]
    assert len(households) == clean.settings.households
    assert households["household_id"].is_unique
    assert households["village_code"].str.fullmatch("500299[0-9]{6}").all()
    assert households["land_mu"].between(0, 100).all()


def test_a_member_has_one_attribute_row_at_a_time(clean: County) -> None:
    rows = clean.feeds["member"].sort_values(["member_id", "occurred_on"])
    following = rows.groupby("member_id")["occurred_on"].shift(-1)
    both = rows["ended_on"].notna() & following.notna()
    assert (following[both] > rows["ended_on"][both]).all()


def test_self_paid_and_reimbursed_fit_into_the_total(clean: County) -> None:
    claims = clean.feeds["illness"]
    assert (claims["self_paid_yuan"] + claims["reimbursed_yuan"] <= claims["total_yuan"] + 0.005).all()
    assert (claims[["self_paid_yuan", "reimbursed_yuan"]] >= 0).all(axis=None)


def test_a_later_death_does_not_erase_an_earlier_job(clean: County) -> None:
    members = clean.feeds["member"].sort_values("occurred_on").groupby("member_id").tail(1)
    workers = members[members["labour"].isin(["ordinary", "skilled"])]
    has_worked = workers["member_id"].isin(clean.feeds["employment"]["member_id"])
    died = workers["ended_on"].notna()
    assert died.sum() > 50
    assert has_worked[died].mean() == pytest.approx(has_worked[~died].mean(), abs=0.08)


def test_claims_settle_late(clean: County) -> None:
    claims = clean.feeds["illness"]
    early = claims[claims["occurred_on"] < "2025-10-31"]
    days = (early["known_on"] - early["occurred_on"]).dt.days
    assert 14 <= days.median() <= 75
    assert (days > 90).mean() > 0.02


def test_feeds_carry_no_truth(clean: County) -> None:
    hidden = {"skill", "frailty", "savings", "wealth", "kin", "since", "cause_code", "identified_on"}
    for frame in clean.feeds.values():
        assert not hidden & set(frame.columns)


def test_delivered_months_are_covered(clean: County) -> None:
    coverage = clean.coverage
    assert set(coverage["feed"]) == set(FEEDS)
    assert (coverage["known_on"] > coverage["complete_until"]).all()
    assert (coverage["known_on"] <= pd.Timestamp(clean.settings.ends_on)).all()
    delay = (coverage["known_on"] - coverage["complete_until"]).dt.days[coverage["feed"] == "illness"]
    assert delay.between(45, 75).all()


@pytest.mark.parametrize(
    ("feed", "area"), [("illness", "500299002"), ("employment", "500299"), ("member", "500299001")]
)
def test_a_silent_feed_tells_nothing_more(feed: str, area: str) -> None:
    settings = CountySettings(households=2_000, seed=5, dirt_share=0, silent=((feed, area, SILENT_FROM),))
    county = simulate_county(settings)
    since = pd.Timestamp(settings.month_ends[SILENT_FROM].replace(day=1))
    villages = county.feeds["household"].set_index("household_id")["village_code"]
    frame = county.feeds[feed]
    inside = frame["household_id"].map(villages).str.startswith(area)
    assert (frame.loc[inside, "occurred_on"] < since).all()
    if "ended_on" in frame:
        assert not (frame.loc[inside, "ended_on"] >= since).any()
    covered = county.coverage[county.coverage["feed"] == feed]
    silent = covered["area_code"].str.startswith(area)
    assert (covered.loc[silent, "complete_until"] < since).all()
    assert silent.any()
    if area != "500299":
        assert (frame.loc[~inside, "occurred_on"] >= since).any()
        assert (covered.loc[~silent, "complete_until"] >= since).any()


def test_the_seed_decides_everything() -> None:
    first, again, other = (
        simulate_county(CountySettings(households=400, seed=seed, months=12)) for seed in (9, 9, 10)
    )
    for feed in FEEDS:
        pd.testing.assert_frame_equal(first.feeds[feed], again.feeds[feed])
    pd.testing.assert_frame_equal(first.outcomes, again.outcomes)
    assert not first.feeds["income"].equals(other.feeds["income"])


def test_progress_counts_the_months() -> None:
    seen: list[tuple[int, int]] = []
    settings = CountySettings(households=200, months=3, run_in_months=2)
    simulate_county(settings, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(number, 5) for number in range(1, 6)]
