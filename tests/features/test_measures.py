"""The help catalogue: 14 groups, each amount with dates, status and source, and changes that the feeds know."""

from __future__ import annotations

import datetime as dt
import hashlib
from importlib import resources

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from features import CONTRACTS, policy_value, policy_version
from features.errors import PolicyError
from features.policy import measures as package
from features.policy import parameters
from features.policy.measures import catalogue, get_measure, groups, measures
from features.reference_income import PARTS
from features.signals.fields import Category
from scoring.triggers import TRIGGERS

RAW = {
    name: yaml.safe_load(resources.files(package).joinpath(f"{name}.yaml").read_text("utf-8"))
    for name in groups()
}
ON = dt.date(2026, 11, 1)


def test_the_files_are_the_14_groups() -> None:
    files = {one.name for one in resources.files(package).iterdir() if one.name.endswith(".yaml")}
    assert files == {f"{name}.yaml" for name in groups()}
    assert [one.zh for one in groups().values()] == [
        "产业帮扶", "就业帮扶", "金融帮扶", "公益岗位", "住房安全", "饮水安全", "健康帮扶", "义务教育保障",
        "其他教育帮扶", "综合保障", "社会帮扶", "易地搬迁后续扶持", "生产生活条件改善", "基础设施建设",
    ]  # fmt: skip
    assert {one.group for one in measures().values()} == set(groups())


@pytest.mark.parametrize("code", measures())
def test_every_measure_is_named_dated_and_sourced(code: str) -> None:
    one = get_measure(code)
    assert one.zh
    assert one.en
    assert one.zh != one.en
    assert one.regions
    for entries in one.regions.values():
        for entry in entries:
            assert len(entry.source) >= 6
            assert entry.is_assumption == (entry.status == "assumption")
            assert entry.is_assumption == ("假定" in entry.source)
            assert (entry.value_yuan is None) == (one.paid == "in_kind")


@pytest.mark.parametrize("code", measures())
def test_every_change_is_of_something_the_feeds_have(code: str) -> None:
    changes = get_measure(code).changes
    words = {
        (feed, field.name): field.categories
        for feed, contract in CONTRACTS.items()
        for field in contract.fields
        if isinstance(field, Category)
    }
    if changes.account:
        sign = next(sign for sign, lines in PARTS.values() if changes.account in lines)
        assert sign == (0 if changes.kind == "gift" else 1)
    if changes.assistance:
        assert changes.assistance in words["assistance", "kind"]
    if changes.work:
        assert changes.work in words["employment", "work"]
    if changes.item:
        assert changes.item in words["guarantee", "item"]
    if changes.feed:
        assert {*changes.bad, changes.good} <= set(words[changes.feed, changes.field])
        assert changes.good not in changes.bad
    assert (changes.kind == "allowance") <= (get_measure(code).paid == "monthly")
    assert (changes.kind == "wages") == (get_measure(code).paid == "monthly" and bool(changes.work))


def test_a_kind_of_assistance_is_raised_by_one_measure() -> None:
    """An allowance says what is drawn in all: two of one kind would each count what the other raises."""
    kinds = [one.changes.assistance for one in measures().values() if one.changes.kind == "allowance"]
    assert len(kinds) == len(set(kinds)) == 3


@pytest.mark.parametrize(
    ("code", "yuan", "is_assumption"),
    [
        ("premium_subsidy", 866, False),
        ("medical_assistance", 13_000, False),
        ("reimbursement", 28_000, False),
        ("temporary_relief", 2_000, False),
        ("dibao", 490, False),
        ("term_allowance", 200, False),
        ("public_welfare_post", 600, True),
        ("tekun", 920, True),
        ("disability_allowance", 100, True),
        ("water_supply", None, False),
    ],
)
def test_amounts_of_the_cases_and_their_marks(code: str, yuan: int | None, is_assumption: bool) -> None:
    entry = get_measure(code).find_entry("CN-50", ON)
    assert entry is not None
    assert (entry.value_yuan, entry.is_assumption) == (yuan, is_assumption)
    assert get_measure(code).find_entry("CN-50-0101", ON) == entry


@pytest.mark.parametrize(
    ("day", "is_in_force"),
    [("2020-12-31", False), ("2021-01-01", True), ("2025-12-31", True), ("2026-01-01", False)],
)
def test_both_validity_dates_belong_to_it(day: str, is_in_force: bool) -> None:
    one, on = get_measure("microloan"), dt.date.fromisoformat(day)
    assert (one.find_entry("CN-50", on) is not None) == is_in_force
    assert one.validity("CN-50") == "it is in force from 2021-01-01 until 2025-12-31"


def test_what_is_not_there_is_an_error() -> None:
    with pytest.raises(PolicyError, match="no such measure; there are production_grant"):
        get_measure("relocation")
    dibao = get_measure("dibao")
    assert (dibao.find_entry("UG", ON), dibao.history("UG")) == (None, ())
    assert dibao.validity("UG") == "it has no entry for the region UG"


@given(st.sampled_from(sorted(measures())), st.dates(dt.date(2015, 1, 1), dt.date(2035, 1, 1)))
def test_the_entry_in_force_is_the_one_whose_dates_hold(code: str, on: dt.date) -> None:
    raw = next(document["measures"][code] for document in RAW.values() if code in document["measures"])
    entries = next(iter(raw["regions"].values()))
    right = [one for one in entries if one["from"] <= on and on <= one.get("until", dt.date.max)]
    found = get_measure(code).find_entry("CN-50", on)
    assert (found is None) == (right == [])
    assert found is None or [found.value_yuan, found.source] == [right[0]["value"], right[0]["source"]]


_ENTRY = {"from": dt.date(2021, 1, 1), "value": 5, "status": "published", "source": "somewhere"}
_SOUND = {
    "title": {"zh": "甲", "en": "a"}, "paid": "once", "per": "household", "at_most": 9,
    "changes": {"kind": "cash", "account": "dibao"}, "regions": {"CN": [_ENTRY]},
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"title": {"zh": "甲"}}, "title in zh and en"),
        ({"paid": "weekly"}, "of the known words"),
        ({"more": 1}, "every measure needs"),
        ({"changes": {"kind": "magic"}}, "one of allowance"),
        ({"changes": {"kind": "cash"}}, "kind cash says account, assistance"),
        ({"changes": {"kind": "nothing", "account": "dibao"}}, "says no more"),
        ({"regions": {"CN": [{**_ENTRY, "value": 10}]}}, "at most at_most"),
        ({"regions": {"CN": [{**_ENTRY, "value": 1.5}]}}, "whole number of yuan"),
        ({"regions": {"CN": [{**_ENTRY, "value": None}]}}, "only help in kind"),
        ({"regions": {"CN": [{**_ENTRY, "status": "guess"}]}}, "status is one of"),
        ({"regions": {"CN": [{**_ENTRY, "until": dt.date(2020, 1, 1)}]}}, "in this order"),
        ({"regions": {"CN": [{**_ENTRY, "note": "x"}]}}, "every entry needs"),
        ({"regions": {"CN": [_ENTRY, {**_ENTRY, "from": dt.date(2022, 1, 1)}]}}, "do not overlap"),
    ],
)
def test_a_broken_file_says_what_is_wrong(change: dict[str, object], match: str) -> None:
    assert catalogue._measure("a", "health", _SOUND).code == "a"
    with pytest.raises(PolicyError, match=match):
        catalogue._measure("a", "health", {**_SOUND, **change})


def test_matches_name_groups_for_every_cause_and_say_what_is_assumed() -> None:
    match = policy_value("measure_match", "CN-50", ON).value
    causes = policy_value("reason_codes", "CN-50", ON).value
    assert set(match["causes"]) == {*causes, "unsafe_house", "unsafe_water"}
    assert {one.code for one in TRIGGERS} >= {"unsafe_house", "unsafe_water"}
    for row in (*match["causes"].values(), match["labour"]):
        assert set(row["groups"]) <= set(groups())
        assert isinstance(row["is_assumption"], bool)
    # What a public document gives (DOMAIN §2).
    assert match["causes"]["01"] == {
        "groups": ["health", "social_security", "social_help"],
        "is_assumption": False,
    }
    assert set(match["causes"]["09"]["groups"]) == {"compulsory_education", "other_education"}


def test_the_policy_version_covers_the_measures() -> None:
    folder = resources.files("features.policy")
    digest = hashlib.sha256()
    for name in (*parameters(), *(f"measures/{group}" for group in sorted(groups()))):
        digest.update(name.encode() + folder.joinpath(f"{name}.yaml").read_bytes())
    assert policy_version() == digest.hexdigest()[:12]
