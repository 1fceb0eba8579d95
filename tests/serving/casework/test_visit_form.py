"""The form of a visit: what is taken, what is refused, and that nothing of it can be about a person."""

from __future__ import annotations

import copy
import datetime as dt
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.api.visit_documentation import EXAMPLE_VISIT
from serving.cases.guarantees import ITEMS, Check, Guarantees
from serving.cases.visit import Finding, Rigid, VisitForm, read_visit
from serving.errors import Problem
from serving.storage.columns import document_text

TODAY = dt.date(2026, 11, 2)
HOSTILE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def read(**parts: Any) -> VisitForm:
    given: dict[str, Any] = {
        "submission_key": "0123456789abcdef", "visited_on": "2026-11-02", "finding": "no_difficulty", **parts
    }  # fmt: skip
    return read_visit({name: one for name, one in given.items() if one is not ...}, "H1", TODAY)


def faults(**parts: Any) -> list[tuple[str, str]]:
    with pytest.raises(Problem) as refused:
        read(**parts)
    assert refused.value.code == "request_invalid"
    return [(one.pointer, one.code) for one in refused.value.errors]


def test_the_example_is_read_as_it_stands() -> None:
    form = read_visit(EXAMPLE_VISIT, "H1", TODAY)
    assert (form.finding, form.causes, form.rigid_spending) == (Finding.DIFFICULTY, ("01",), Rigid.UNSOLVED)
    assert form.account is not None
    assert form.account.income.total_fen == 2_600_000 + 420_000 - 130_000 - 1_480_050
    assert form.guarantees is not None
    assert form.guarantees.unchecked == ("water",)
    assert (form.has_gap, form.surfaces) == (False, True)
    assert [one.feed for one in form.corrections] == ["insurance"]
    # Kept and read back it is the same: a visit that is sent again is known by it.
    assert json.loads(document_text(form.kept())) == json.loads(json.dumps(form.kept())) == form.kept()


@pytest.mark.parametrize(
    ("parts", "wanted"),
    [
        ({"finding": "difficulty"}, [("/causes", "missing")]),
        ({"finding": "rich"}, [("/finding", "unknown_category")]),
        ({"finding": ...}, [("/finding", "missing")]),
        ({"causes": ["01"]}, [("/causes", "not_taken")]),
        ({"finding": "difficulty", "causes": ["01"] * 2}, [("/causes/1", "repeated")]),
        ({"finding": "difficulty", "causes": ["08"]}, [("/causes/0", "unknown_category")]),
        (
            {"finding": "difficulty", "causes": ["01", "02", "03", "04", "05", "06"]},
            [("/causes", "wrong_number")],
        ),
        ({"visited_on": "2026-11-03"}, [("/visited_on", "in_the_future")]),
        ({"visited_on": "1980-05-01"}, [("/visited_on", "before_policy")]),
        ({"visited_on": "2019-12-31", "finding": "not_met"}, [("/visited_on", "before_policy")]),
        ({"visited_on": "2026-02-30"}, [("/visited_on", "not_a_date")]),
        ({"submission_key": "short"}, [("/submission_key", "malformed")]),
        ({"submission_key": 7}, [("/submission_key", "malformed")]),
        ({"note": "张三说"}, [("", "unknown_field")]),
        ({"protective": ["rich"]}, [("/protective/0", "unknown_category")]),
        ({"guarantees": {"water": True}}, [("/guarantees/water", "unknown_category")]),
        ({"guarantees": {"fun": "yes"}}, [("/guarantees", "unknown_field")]),
        ({"rigid_spending": "some"}, [("/rigid_spending", "unknown_category")]),
        ({"answers": [{"family": "01", "is_agreed": False}]}, [("/answers/0/why", "missing")]),
        (
            {"answers": [{"family": "01", "is_agreed": True, "why": "not_so"}]},
            [("/answers/0/why", "not_taken")],
        ),
        (
            {"answers": [{"family": "01", "is_agreed": True}] * 2},
            [("/answers/1/family", "repeated")],
        ),
        ({"answers": [{"family": "张三", "is_agreed": True}]}, [("/answers/0/family", "malformed")]),
        ({"finding": "not_met", "guarantees": {"water": "no"}}, [("/guarantees", "not_taken")]),
        ({"corrections": [{"feed": "identification", "row": {}}]}, [("/corrections/0/feed", "unknown_category")]),
        ({"corrections": [{"feed": "water"}]}, [("/corrections/0/row", "missing")]),
        (
            {"corrections": [{"feed": "guarantee", "row": {"item": "water", "answer": "no"}}]},
            [("/corrections/0/row/occurred_on", "missing")],
        ),
        (
            {"corrections": [{"feed": "guarantee", "row": {
                "occurred_on": "2026-11-03", "item": "water", "answer": "no",
            }}]},
            [("/corrections/0/row/occurred_on", "after_visit")],
        ),
        (
            {"corrections": [{"feed": "guarantee", "row": {
                "occurred_on": "2026-11-01", "known_on": "2020-01-01", "item": "water", "answer": "no",
            }}]},
            [("/corrections/0/row", "unknown_field")],
        ),
        (
            {"corrections": [{"feed": "guarantee", "replaces": {"item": "water"}}]},
            [("/corrections/0/replaces/occurred_on", "missing")],
        ),
    ],
)  # fmt: skip
def test_what_is_refused(parts: dict[str, Any], wanted: list[tuple[str, str]]) -> None:
    assert faults(**parts) == wanted


@settings(max_examples=80, derandomize=True, deadline=None)
@given(st.sampled_from(sorted(EXAMPLE_VISIT)), HOSTILE)
def test_nothing_else_than_a_form_is_taken_and_no_value_is_repeated(part: str, value: Any) -> None:
    document = {**copy.deepcopy(EXAMPLE_VISIT), part: value}
    refused = None
    try:
        json.dumps(read_visit(document, "H1", TODAY).kept(), allow_nan=False)
    except Problem as problem:
        refused = problem
    if refused is not None:
        assert refused.code == "request_invalid"
        assert {one.pointer.split("/")[1] for one in refused.errors if one.pointer} <= {part}
        if isinstance(value, str) and len(value) > 3:
            assert value not in json.dumps(refused.body(), ensure_ascii=False)


@settings(max_examples=80, derandomize=True, deadline=None)
@given(st.dictionaries(st.sampled_from(ITEMS), st.sampled_from(tuple(Check))))
def test_every_guarantee_is_a_gap_unchecked_or_holds(answers: dict[str, Check]) -> None:
    made = Guarantees(answers)
    assert set(made.gaps) == {one for one, said in answers.items() if said == "no"}
    assert set(made.unchecked) == set(ITEMS) - {one for one, said in answers.items() if said != "not_checked"}
    assert Guarantees.of_kept(made.as_json()) == Guarantees({one: made.of(one) for one in ITEMS})
