"""Policy numbers by date and region, each with its source; a date before the first entry is an error."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import features.policy
from features import CONTRACTS, FEATURES, RowEngine, policy_value, policy_version
from features.errors import PolicyError
from features.policy import parameters, policy_history
from tests.features.oracle import policy

POLICY_FOLDER = Path(features.policy.__file__).parent
RAW = {path.stem: yaml.safe_load(path.read_text("utf-8")) for path in sorted(POLICY_FOLDER.glob("*.yaml"))}


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def test_every_entry_has_source_status_and_date_in_order() -> None:
    assert tuple(RAW) == parameters()
    assert len(RAW) >= 8
    for name, document in RAW.items():
        assert document["title"].keys() == {"zh", "en"}, name
        assert document["unit"], name
        for region, entries in document["regions"].items():
            assert entries, (name, region)
            dates = [entry["from"] for entry in entries]
            assert dates == sorted(set(dates)), (name, region)
            for entry in entries:
                assert entry.keys() == {"from", "value", "status", "source"}, (name, region)
                assert entry["status"] in ("published", "assumption"), (name, region)
                assert len(entry["source"]) >= 6, (name, region)


@pytest.mark.parametrize(
    ("on", "value", "is_assumption"),
    [
        ("2020-01-01", 5000, False),
        ("2020-12-31", 5000, False),
        ("2021-01-01", 6000, False),
        ("2021-12-31", 6000, False),
        ("2022-01-01", 6600, True),
        ("2099-01-01", 8700, True),
    ],
)
def test_the_monitoring_line_by_date(on: str, value: int, is_assumption: bool) -> None:
    found = policy_value("monitoring_line", "CN-50", day(on))
    assert (found.value, found.is_assumption) == (value, is_assumption)
    assert found.effective_from <= day(on)
    assert found.source


def test_regions_fall_back_to_the_region_around_them() -> None:
    on = day("2025-01-01")
    assert policy_value("feed_delay_days", "CN-50", on) == policy_value("feed_delay_days", "CN", on)
    assert policy_value("feed_delay_days", "CN-50", on).region == "CN"
    assert policy_value("feed_delay_days", "CN-50-0102", on).value["illness"] == 107
    assert policy_value("feed_delay_days", "UG", on).value["illness"] == 31


@pytest.mark.parametrize(
    ("parameter", "region", "on", "match"),
    [
        ("monitoring_line", "CN-50", "2019-12-31", "defined from 2020-01-01"),
        ("monitoring_line", "CN", "2025-01-01", "no entry for the region CN"),
        ("monitoring_line", "CN-99", "2025-01-01", "no entry for the region CN-99"),
        ("monitoring_line", "", "2025-01-01", "no entry"),
        ("crop_loss_trigger_percent", "UG", "2025-01-01", "no entry for the region UG"),
        ("poverty_line", "CN-50", "2025-01-01", "there is no policy parameter"),
        ("../errors", "CN-50", "2025-01-01", "there is no policy parameter"),
    ],
)
def test_what_is_not_defined_is_an_error(parameter: str, region: str, on: str, match: str) -> None:
    with pytest.raises(PolicyError, match=match):
        policy_value(parameter, region, day(on))


@given(
    st.sampled_from(sorted(RAW)),
    st.sampled_from(["CN-50", "CN", "UG"]),
    st.dates(day("2000-01-01"), day("2035-01-01")),
)
def test_the_entry_in_force_is_the_last_that_began(name: str, region: str, on: dt.date) -> None:
    regions = RAW[name]["regions"]
    entries = regions.get(region) or regions.get(region.split("-")[0])
    if entries is None or entries[0]["from"] > on:
        with pytest.raises(PolicyError):
            policy_value(name, region, on)
    else:
        assert policy_value(name, region, on).value == policy(name, region, on)


def test_history_is_oldest_first_and_the_version_is_stable() -> None:
    history = policy_history("monitoring_line", "CN-50")
    assert [entry.effective_from.year for entry in history] == list(range(2020, 2027))
    assert policy_version() == policy_version()
    assert len(policy_version()) == 12


def test_delays_speak_of_every_feed_and_causes_of_every_feature() -> None:
    for region in RAW["feed_delay_days"]["regions"].values():
        assert all(entry["value"].keys() == CONTRACTS.keys() for entry in region)
    codes = policy_value("reason_codes", "CN-50", day("2025-01-01")).value
    assert {one.cause for one in FEATURES.values()} <= set(codes)
    assert all(words["zh"] and words["en"] for words in codes.values())


def test_a_vector_before_the_first_policy_is_refused() -> None:
    line = [one for one in FEATURES.values() if one.parameters]
    assert line
    with pytest.raises(PolicyError, match="2020-01-01"):
        RowEngine(line).plan.policy_fen(day("2019-06-30"), "CN-50")
