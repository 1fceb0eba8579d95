"""Check-ups of feeds that lie in other ways, and of feeds that tell the truth about something bad."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pyarrow as pa
import pytest

from features.errors import ContractError
from features.health import REASONS, Deliveries, check_health, refused_rows
from features.health.verdicts import Verdict
from features.signals import CONTRACTS
from tests.features.health.faulty import SETTINGS, FaultyCounty, deliveries_of, feed_check
from training.errors import TrainingError
from training.simulation import CountySettings, simulate_county
from training.simulation.faults import FAULT_KINDS, Fault, inject


def judge(faulty: FaultyCounty, feed: str, frame: pd.DataFrame) -> list[Verdict]:
    """The faults of a feed whose frame was changed by hand; statements as they were."""
    feeds = {"household": faulty.feeds["household"], feed: frame}
    given = deliveries_of(feeds, faulty.coverage)
    with feed_check(given, feed, faulty.place(feed).as_of, faulty.past(feed)) as check:
        found = check.verdicts(1)
    return [one for one in found if one.state != "fine"]


def in_month(faulty: FaultyCounty, feed: str) -> pd.Series[bool]:
    happened = pd.to_datetime(faulty.recent(feed)["occurred_on"], errors="coerce")
    return happened.dt.to_period("M") == pd.Timestamp(faulty.place(feed).month).to_period("M")


@pytest.mark.parametrize("feed", ["income", "illness"])
def test_an_empty_month_that_is_stated_complete_is_blocked(faulty: FaultyCounty, feed: str) -> None:
    (verdict,) = judge(faulty, feed, faulty.recent(feed)[~in_month(faulty, feed)])
    assert (verdict.state, verdict.reason) == ("blocked", "few_rows")
    # A row with a mangled date stays where it was.
    assert verdict.share == pytest.approx(1.0, abs=0.005)


def test_keys_that_nobody_recognises_are_blocked(faulty: FaultyCounty) -> None:
    frame = faulty.recent("illness").copy()
    here = in_month(faulty, "illness")
    frame.loc[here, "household_id"] = [f"K{9_000_000 + at}" for at in range(int(here.sum()))]
    (verdict,) = judge(faulty, "illness", frame)
    assert (verdict.area, verdict.state, verdict.reason) == ("500299", "blocked", "foreign_households")


def test_a_great_disaster_is_no_fault(faulty: FaultyCounty) -> None:
    """Ten times the rows, each of a household of its own: the alarm of its life, and nothing to stop."""
    register = faulty.feeds["household"]["household_id"].str.strip(",").unique()[:3_000]
    frame = faulty.recent("disaster")
    pattern = frame[in_month(faulty, "disaster")].iloc[0]
    many = pd.DataFrame([pattern] * len(register)).assign(household_id=register)
    # Small and great losses in every village: a village of great ones alone would look like another unit.
    many["loss_yuan"] = [1_000.0 + 7 * (at * 7_919 % len(many)) for at in range(len(many))]
    assert judge(faulty, "disaster", pd.concat([frame, many], ignore_index=True)) == []


def test_one_office_in_another_unit_does_not_hide_behind_the_county(faulty: FaultyCounty) -> None:
    """Two towns of five at fault are two flagged towns, not a blocked county."""
    villages = faulty.villages
    towns = sorted({one[:9] for one in villages.values()})[:2]
    frame = faulty.recent("income").copy()
    here = in_month(faulty, "income") & frame["household_id"].map(villages).str[:9].isin(towns)
    amounts = pd.to_numeric(frame["amount_yuan"], errors="coerce")
    frame.loc[here & amounts.notna(), "amount_yuan"] = (amounts * 100).map("{:.2f}".format)
    found = judge(faulty, "income", frame)
    assert [(one.area, one.state, one.reason) for one in found] == [
        (town, "flagged", "unit_slip") for town in towns
    ]
    assert all(one.decades is not None and 1.8 < one.decades < 2.2 for one in found)


def test_what_is_not_known_yet_is_not_judged(faulty: FaultyCounty) -> None:
    place = faulty.place("household")
    before = check_health(faulty.clean, place.month, feeds=["household"], periods=1)
    assert [one.period for one in before.verdicts] == [dt.date(2026, 8, 1)]


def test_feeds_nobody_delivers_are_told_apart(faulty: FaultyCounty) -> None:
    found = check_health(faulty.clean, SETTINGS.ends_on, feeds=["income", "accident"], periods=1)
    assert found.never_delivered == ("accident",)
    with pytest.raises(ContractError, match="no contract for horoscope"):
        check_health(faulty.clean, SETTINGS.ends_on, feeds=["horoscope"])


def test_refused_rows_keep_what_can_be_read() -> None:
    delivered = pa.table({
        "household_id": ["H1", "", "H3"],
        "occurred_on": ["2025-03-01", "2025-02-30", "soon"],
        "known_on": ["2025-04-01", None, "2025-04-02 00:00:00"],
        "source": ["gifts", "wages", None],
        "amount_yuan": ["30000000", "1.2万元", "-5"],
        "cost_yuan": ["1.5", None, "2"],
    })
    first, second, third = refused_rows("income", delivered).to_pylist()
    assert (first["source"], first["amount_fen"], first["cost_fen"]) == ("gifts", 3_000_000_000, 150)
    assert [second[one] for one in ("household_id", "occurred_on", "known_on", "amount_fen")] == [None] * 4
    assert (third["occurred_on"], third["known_on"], third["amount_fen"]) == (None, dt.date(2025, 4, 2), -500)


def test_every_reason_has_both_languages() -> None:
    for code, one in REASONS.items():
        assert code == one.code
        assert all((one.zh, one.en, one.way_out_zh, one.way_out_en))
        assert not one.zh.isascii()
        verdict = Verdict("income", "500299", dt.date(2025, 1, 1), "blocked", code)
        assert (verdict.text("zh"), verdict.way_out("en")) == (one.zh, one.way_out_en)
    fine = Verdict("income", "500299", dt.date(2025, 1, 1), "fine")
    assert fine.text("zh") == fine.way_out("en") == ""


def test_every_feed_can_be_at_fault_and_judged() -> None:
    """Nothing is made for six feeds only: every simulated feed takes every fault, or says why not."""
    county = simulate_county(CountySettings(households=400, months=2, run_in_months=26, dirt_share=0))
    for feed in sorted(set(county.feeds) & set(CONTRACTS)):
        stated = county.coverage[county.coverage["feed"] == feed]["complete_until"].max()
        for kind in FAULT_KINDS:
            try:
                injected = inject(county.feeds, county.coverage, Fault(kind, feed, "500299", stated.date()))
            except TrainingError as error:
                assert "no row" in str(error) or "no earlier row" in str(error)  # noqa: PT017
                continue
            assert injected.touched, (feed, kind)
    clean = deliveries_of(county.feeds, county.coverage)
    found = check_health(clean, county.settings.ends_on, periods=3)
    assert {one.feed for one in found.verdicts} == set(county.feeds)
    assert found.blocked == ()


def test_a_fault_is_the_same_for_the_same_seed(faulty: FaultyCounty) -> None:
    fault = faulty.fault("missing_values", "illness", "town")
    one, same, other = (inject(faulty.feeds, faulty.coverage, fault, seed=seed) for seed in (3, 3, 4))
    pd.testing.assert_frame_equal(one.feeds["illness"], same.feeds["illness"])
    assert one.touched == same.touched != other.touched


@pytest.mark.parametrize(
    ("kind", "feed", "area", "match"),
    [
        ("lie", "income", "500299", "a fault is one of"),
        ("zeros", "horoscope", "500299", "one of the feeds"),
        ("zeros", "income", "5002", "6, 9 or 12 digits"),
    ],
)
def test_faults_that_there_are_not(kind: str, feed: str, area: str, match: str) -> None:
    with pytest.raises(TrainingError, match=match):
        Fault(kind, feed, area, dt.date(2026, 8, 31))


def test_a_month_that_nobody_stated_has_no_fault(faulty: FaultyCounty) -> None:
    with pytest.raises(TrainingError, match="does not state that month"):
        inject(faulty.feeds, faulty.coverage, Fault("zeros", "income", "500299", dt.date(2030, 1, 1)))


def test_without_refused_rows_the_rest_is_judged(faulty: FaultyCounty) -> None:
    given = Deliveries.of(faulty.clean.signals)
    assert check_health(given, SETTINGS.ends_on, feeds=["member"], periods=1).blocked == ()
    assert check_health(given.signals, SETTINGS.ends_on, feeds=["member"], periods=1).blocked == ()
