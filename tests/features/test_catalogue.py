"""Contracts and features are documented, named and made up as they promise."""

from __future__ import annotations

import datetime as dt
import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import CONTRACTS, FEATURES, catalogue, feature_version
from features.errors import ContractError, LanguageError
from features.language import View, feature
from features.language.expressions import Expr
from features.language.feature import THEMES, UNITS
from features.policy import policy_value
from features.regions import check_area_code, contains
from features.signals import OUTCOME_FEEDS
from features.signals.contract import Contract
from features.signals.fields import Category, Count, Date, Flag, Identifier, Money

_FORBIDDEN = (
    "ethnic",
    "religio",
    "petition",
    "minority",
    "nation",
    "politic",
    "民族",
    "宗教",
    "信访",
    "上访",
    "政治",
    "信仰",
)
_PERSONAL = re.compile(r"(^|_)(name|phone|mobile|id_card|identity|address|opinion|remark|note|text)(_|$)")
_HAN = re.compile("[\u4e00-\u9fff]")
_WINDOW = re.compile(r"_(\d+)m$")
_UNIT_WORD = {
    "yuan": "yuan",
    "yuan per person": "yuan",
    "share": "share",
    "days": "days",
    "percent": "percent",
    "mu": "mu",
    "persons": "count",
    "count": "count",
    "yes/no": "is",
    "months": "months",
}


@pytest.mark.parametrize("contract", CONTRACTS.values(), ids=list(CONTRACTS))
def test_every_field_is_described_in_both_languages(contract: Contract) -> None:
    assert _HAN.search(contract.zh)
    assert _HAN.search(contract.source_zh)
    assert contract.en.isascii()
    assert contract.source_en.isascii()
    described = contract.describe()
    assert [one["field"] for one in described] == [field.surface for field in contract.fields]
    for one in described:
        assert _HAN.search(str(one["zh"])), one
        assert str(one["en"]).isascii(), one
        assert one["en"], one
        assert one["range"], one
        assert one["type"], one


@pytest.mark.parametrize("contract", CONTRACTS.values(), ids=list(CONTRACTS))
def test_every_record_has_its_dates_and_key(contract: Contract) -> None:
    names = [field.name for field in contract.fields]
    assert {"household_id", "occurred_on", "known_on", "is_known_on_estimated"} <= set(names)
    assert ({"ended_on", "ended_known_on"} <= set(names)) == (contract.kind == "spell")
    assert len({field.column for field in contract.fields}) == len(names)
    for rule in contract.all_rules:
        assert rule.field in {field.surface for field in (*contract.fields, *contract.checked)}


@given(st.sampled_from(list(CONTRACTS)), st.integers(0, 10**9))
@settings(max_examples=150)
def test_made_up_rows_are_accepted_and_within_range(feed: str, seed: int) -> None:
    contract = CONTRACTS[feed]
    row = contract.generate(random.Random(seed))
    assert row == contract.generate(random.Random(seed))
    stored = contract.parse_row(row)
    assert isinstance(stored, dict)
    assert list(stored) == contract.schema.names
    for field in contract.fields:
        value = stored[field.column]
        if isinstance(field, Money):
            assert isinstance(value, int)
            assert field.minimum_yuan * 100 <= value <= field.maximum_yuan * 100
        if isinstance(field, Count):
            assert isinstance(value, int)
            assert field.minimum <= value <= field.maximum


@given(st.sampled_from(list(CONTRACTS)), st.integers(0, 10**6), st.data())
@settings(max_examples=100)
def test_one_step_beyond_the_range_is_refused(feed: str, seed: int, data: st.DataObject) -> None:
    contract = CONTRACTS[feed]
    fields = [one for one in contract.fields if isinstance(one, Money | Count)]
    if not fields:
        return
    field = data.draw(st.sampled_from(fields))
    low, high = (
        (field.minimum_yuan, field.maximum_yuan)
        if isinstance(field, Money)
        else (field.minimum, field.maximum)
    )
    row = contract.generate(random.Random(seed)) | {
        field.surface: data.draw(st.sampled_from((low - 1, high + 1)))
    }
    refused = contract.parse_row(row)
    assert isinstance(refused, list)
    assert [(one.code, one.field) for one in refused] == [("out_of_range", field.surface)]


def test_nobody_is_asked_for_faith_people_or_petitions() -> None:
    texts = [
        str(text) for contract in CONTRACTS.values() for one in contract.describe() for text in one.values()
    ]
    texts += [f"{one.name} {one.zh} {one.en} {one.doc}" for one in FEATURES.values()]
    texts += [f"{one.name} {one.zh} {one.en} {one.source_zh} {one.source_en}" for one in CONTRACTS.values()]
    found = {word for word in _FORBIDDEN for text in texts if word in text.lower()}
    assert found == set()


def test_no_feature_can_hold_what_must_not_be_one() -> None:
    """DOMAIN §5: no free text, no name, number or opinion, and never the outcome itself."""
    for contract in CONTRACTS.values():
        for field in contract.fields:
            # Nothing that a person writes freely has a place to arrive in.
            assert isinstance(field, Money | Count | Flag | Category | Date | Identifier), field
            assert _PERSONAL.search(field.name) is None, field
    for one in FEATURES.values():
        assert not set(one.feeds) & set(OUTCOME_FEEDS), one.name
        assert _PERSONAL.search(one.name) is None, one.name


def test_there_are_enough_features_and_they_differ() -> None:
    assert len(FEATURES) >= 110
    assert len({one.zh for one in FEATURES.values()}) == len(FEATURES)
    assert len({one.en for one in FEATURES.values()}) == len(FEATURES)
    assert len({one.expression for one in FEATURES.values()}) == len(FEATURES)
    assert {one.theme for one in FEATURES.values()} == set(THEMES)


@pytest.mark.parametrize("name", FEATURES)
def test_a_feature_is_documented_and_named_after_what_it_is(name: str) -> None:
    one = FEATURES[name]
    assert one.name == name
    assert _HAN.search(one.zh)
    assert one.en.isascii()
    assert one.en
    assert len(one.doc) >= 10
    assert one.doc.rstrip()[-1] in ".。"
    assert one.unit in UNITS
    assert one.direction in (-1, 0, 1)
    assert one.feeds
    codes = policy_value("reason_codes", "CN-50", dt.date(2025, 1, 1)).value
    assert one.cause in codes
    # family_quantity_unit_window
    family, *words = name.split("_")
    assert family in {*THEMES, *CONTRACTS}
    assert re.fullmatch(r"[a-z0-9_]+", name)
    assert _UNIT_WORD[one.unit] in words, "the unit is part of the name"
    window = _WINDOW.search(name)
    if window:
        assert one.window_months >= int(window[1])
        assert one.window_months % int(window[1]) == 0


def test_the_catalogue_is_the_features() -> None:
    table = catalogue()
    assert list(table.index) == list(FEATURES)
    assert not table.isna().any(axis=None)
    assert not (table.drop(columns=["window_months", "direction"]) == "").any(axis=None)
    gap = table.loc["income_gap_to_line_share_12m"]
    assert (gap["feeds"], gap["window_months"], gap["unit"]) == ("member, income", 12, "share")
    assert FEATURES["income_gap_to_line_share_12m"].parameters == ("monitoring_line",)
    assert FEATURES["income_net_change_yuan_12m"].window_months == 24


def test_the_version_follows_the_definitions() -> None:
    def twice(illness: View) -> Expr:
        """Twice."""
        return illness.last(months=3).count() * 2

    def thrice(illness: View) -> Expr:
        """Twice."""
        return illness.last(months=3).count() * 3

    thrice.__name__ = "twice"
    made = [feature("名", "name", unit="count", theme="illness", cause="01")(one) for one in (twice, thrice)]
    assert feature_version([made[0]]) != feature_version([made[1]])
    assert feature_version([made[0]]) == feature_version([made[0]])
    assert feature_version() == feature_version(FEATURES.values())


def test_unknown_names_are_answered_with_the_known_ones() -> None:
    with pytest.raises(ContractError, match="it has household_id"):
        CONTRACTS["income"].field("horoscope")
    with pytest.raises(LanguageError, match="one of wages"):
        View(CONTRACTS["income"]).where(source="gifts")
    with pytest.raises(ContractError, match="twice"):
        Contract(
            "x", "x", "x", "x", "x", "event", (*CONTRACTS["income"].fields, CONTRACTS["income"].fields[0])
        )


@pytest.mark.parametrize("code", ["50", "5002", "500299", "500299001", "500299001001", "5002990010AB"])
def test_area_codes(code: str) -> None:
    assert check_area_code(code) == code
    assert contains(code[:2], code)
    assert not contains("51", code)


@pytest.mark.parametrize(
    "code", ["", "5", "500", "50029900100", "5002990010ab", "５０", "50\n", 50, None, "5-"]
)
def test_what_is_no_area_code(code: object) -> None:
    with pytest.raises(ContractError, match="village"):
        check_area_code(code)
