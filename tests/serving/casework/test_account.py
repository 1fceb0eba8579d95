"""The account of a visit: the formula by hand, the features' own formula, and what is refused."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import CONTRACTS, FEATURES, Coverage, RowEngine
from features.dates import to_day
from features.policy import policy_value
from features.signals import complete
from features.signals.account import (
    BUSINESS,
    COSTS,
    NOT_COUNTED,
    PAYOUTS,
    PROPERTY,
    SELF_PAID,
    TRANSFERS,
    WAGES,
)
from serving.cases.account import LINES, VisitAccount, read_account
from serving.cases.document import DocumentReader

DAY = dt.date(2026, 11, 2)
REGION = "CN-50"

documents = st.fixed_dictionaries({
    "members": st.integers(1, 12),
    "lines": st.lists(
        st.fixed_dictionaries(
            {
                "line": st.sampled_from(LINES),
                "amount_yuan": st.integers(0, 9_000_000).map(lambda fen: fen / 100),
            },
            optional={"occurred_on": st.dates(dt.date(2025, 11, 3), DAY).map(str)},
        ),
        min_size=1,
        max_size=12,
    ),
})


def read(document: Any, day: dt.date = DAY) -> VisitAccount:
    reader = DocumentReader()
    made = read_account(reader, document, "/account", day)
    reader.check()
    assert made is not None
    return made


def by_hand(document: dict[str, Any], *, net: bool) -> Fraction:
    """DOMAIN §2 in fractions: wages + business + property + transfers − costs (+ payouts − self-paid)."""
    total = Fraction(0)
    for one in document["lines"]:
        amount = Fraction(round(one["amount_yuan"] * 100), 100)
        if one["line"] in (*WAGES, *BUSINESS, *PROPERTY, *TRANSFERS):
            total += amount
        elif one["line"] in COSTS:
            total -= amount
        elif not net and one["line"] in PAYOUTS:
            total += amount
        elif not net and one["line"] in SELF_PAID:
            total -= amount
        else:
            assert one["line"] in (*NOT_COUNTED, *PAYOUTS, *SELF_PAID)
    return total


@settings(max_examples=50, derandomize=True, deadline=None)
@given(documents)
def test_the_account_comes_to_what_it_comes_to_by_hand(document: dict[str, Any]) -> None:
    made = read(document)
    total, net = by_hand(document, net=False), by_hand(document, net=True)
    assert Fraction(made.income.total_fen, 100) == total
    assert Fraction(made.net_fen, 100) == net
    line = policy_value("monitoring_line", REGION, DAY)
    assert made.is_over(line) == (total / document["members"] > line.value)
    told = made.as_json(REGION)
    assert told["total_yuan"] == float(total)
    assert (told["line_yuan"], told["line_is_assumption"]) == (line.value, line.is_assumption)
    assert told["line_source"] == line.source
    assert VisitAccount.of_kept(made.kept(), DAY) == VisitAccount(DAY, made.members, made.income.lines)


@settings(max_examples=50, derandomize=True, deadline=None)
@given(documents)
def test_the_account_is_what_the_features_make_of_its_rows(document: dict[str, Any]) -> None:
    made = read(document)
    known = {"occurred_on": to_day(dt.date(2020, 1, 1)), "known_on": to_day(dt.date(2020, 1, 1))}
    spell = {**known, "is_known_on_estimated": False, "ended_on": None, "ended_known_on": None}
    member = {
        **spell, "household_id": "H", "born_on": to_day(dt.date(1980, 1, 1)), "labour": "ordinary",
        "disability_grade": 0, "has_chronic_illness": False, "school": "none", "relation": None,
    }  # fmt: skip
    rows: dict[str, list[dict[str, Any]]] = {
        "household": [
            {**spell, "household_id": "H", "village_code": "500999100201", "background": "other", "land_mu": 3}
        ],
        "member": [{**member, "member_id": str(n)} for n in range(made.members)],
        "account": [
            {
                "household_id": "H", "line": one.line, "amount_fen": one.amount_fen,
                "occurred_on": to_day(one.occurred_on), "known_on": to_day(one.known_on),
                "is_known_on_estimated": False,
            }
            for one in made.income.lines
        ],
    }  # fmt: skip
    feature = FEATURES["account_reference_income_per_person_yuan_12m"]
    coverage = complete(CONTRACTS, "50", dt.date(2019, 1, 1), DAY)
    (value,) = RowEngine([feature], REGION).vector(rows, DAY, coverage)
    assert isinstance(coverage, Coverage)
    assert value == pytest.approx(made.income.per_person_yuan, abs=1e-9)


@pytest.mark.parametrize(
    ("change", "pointer", "code"),
    [
        ({"members": 0}, "/account/members", "out_of_range"),
        ({"members": True}, "/account/members", "out_of_range"),
        ({"members": 2.5}, "/account/members", "out_of_range"),
        ({"lines": []}, "/account/lines", "wrong_number"),
        ({"lines": {}}, "/account/lines", "not_a_list"),
        ({"lines": [{"line": "lottery", "amount_yuan": 1}]}, "/account/lines/0/line", "unknown_category"),
        ({"lines": [{"line": "gifts"}]}, "/account/lines/0/amount_yuan", "missing"),
        ({"lines": [{"line": "gifts", "amount_yuan": -1}]}, "/account/lines/0/amount_yuan", "out_of_range"),
        ({"lines": [{"line": "gifts", "amount_yuan": "1"}]}, "/account/lines/0/amount_yuan", "wrong_type"),
        ({"lines": [{"line": "gifts", "amount_yuan": 1.005}]}, "/account/lines/0/amount_yuan", "too_precise"),
        (
            {"lines": [{"line": "gifts", "amount_yuan": 1, "occurred_on": "2025-11-02"}]},
            "/account/lines/0/occurred_on", "outside_period",
        ),
        (
            {"lines": [{"line": "gifts", "amount_yuan": 1, "occurred_on": "2026-11-03"}]},
            "/account/lines/0/occurred_on", "outside_period",
        ),
        ({"lines": [{"line": "gifts", "amount_yuan": 1, "note": "给张三"}]}, "/account/lines/0", "unknown_field"),
        ({"who": "张三"}, "/account", "unknown_field"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_and_never_repeated(change: dict[str, Any], pointer: str, code: str) -> None:
    reader = DocumentReader()
    document = {"members": 3, "lines": [{"line": "gifts", "amount_yuan": 1}], **change}
    assert read_account(reader, document, "/account", DAY) is None or code == "unknown_field"
    assert [(one.pointer, one.code) for one in reader.errors] == [(pointer, code)]
    assert "张三" not in str(reader.errors)


def test_a_leap_day_looks_back_twelve_months() -> None:
    day = dt.date(2028, 2, 29)
    lines = [{"line": "gifts", "amount_yuan": 1, "occurred_on": one} for one in ("2027-03-01", "2028-02-29")]
    assert len(read({"members": 1, "lines": lines}, day).lines) == 2
