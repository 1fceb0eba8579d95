"""What holds for every household and every plan."""

from __future__ import annotations

import copy
import datetime as dt
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from features import CONTRACTS, FEATURES, RowEngine
from features.errors import ContractError
from features.policy.measures import measures
from features.signals import complete
from scoring.what_if import Choice, WhatIf, make_answer, make_plan
from scoring.what_if.application import apply_measure
from scoring.what_if.ledger import find_ledger
from scoring.what_if.outcome import IncomeChange
from tests.features.worlds import AS_OF_DATES, REGION, make_world
from tests.scoring.what_if.cases import CASES, WUSHAN, member
from tests.scoring.what_if.conftest import Ask

# microloan has its own dates; dibao and tekun exclude each other.
CODES = sorted(set(measures()) - {"microloan", "tekun"})
CROWD = [
    member(number, school="compulsory" if number <= 4 else "vocational", disability_grade=2)
    for number in range(1, 9)
]
"""As many of every kind as a plan is drawn for: two kinds of work for four persons each."""
EXAMPLES = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
REFERENCE = ("account_reference_income_per_person_yuan_12m", "income_reference_per_person_yuan_12m")
ENGINE = RowEngine([FEATURES[name] for name in REFERENCE], REGION)


@st.composite
def choices(draw: st.DrawFn, as_of: dt.date, codes: list[str] | None = None) -> list[Choice]:
    if codes is None:
        codes = draw(st.lists(st.sampled_from(CODES), unique=True, max_size=6))
    made = []
    for code in codes:
        one = measures()[code]
        first = as_of + dt.timedelta(days=1)
        starts = draw(st.none() | st.dates(first, first + dt.timedelta(days=363)))
        most = min(one.at_most_yuan, 60_000) * 100
        amount = draw(st.none() | st.integers(1, most)) if most else None
        persons = draw(st.none() | st.integers(1, 4)) if one.per == "person" else None
        made.append(Choice(code, starts, None, amount, persons))
    return made


@st.composite
def households(draw: st.DrawFn) -> tuple[dict[str, Any], dt.date]:
    as_of = draw(st.sampled_from([one for one in AS_OF_DATES if one.year >= 2021]))
    world = make_world(draw(st.integers(0, 10**6)), as_of)
    rows: dict[str, Any] = dict(world.of_household(draw(st.sampled_from(sorted(world.rows)))))
    # Half of the households of a world have nobody in them.
    rows["member"] = [*rows["member"], member(1)]
    if draw(st.booleans()):
        rows = {feed: some for feed, some in rows.items() if feed != "account"}
    try:
        ENGINE.village_code(rows, as_of)
    except ContractError:
        assume(False)
    return rows, as_of


def total_after(rows: Any, plan: list[Choice], as_of: dt.date) -> int | None:
    made = make_plan(plan, as_of, REGION)
    for one in made.measures:
        rows = apply_measure(rows, one, made.period)
    found = find_ledger(rows, as_of, complete(CONTRACTS, "50", dt.date(2010, 1, 1), as_of), REGION)
    return found.total_fen if found else None


@EXAMPLES
@given(st.data(), households())
def test_more_help_never_lowers_reference_income(data: st.DataObject, household: tuple[Any, dt.date]) -> None:
    rows, as_of = household
    plan = data.draw(choices(as_of))
    without = total_after(rows, [], as_of)
    assume(without is not None)
    assert without is not None
    fewer = plan[: data.draw(st.integers(0, len(plan)))]
    some, whole = total_after(rows, fewer, as_of), total_after(rows, plan, as_of)
    assert some is not None
    assert whole is not None
    assert without <= some <= whole
    for number, one in enumerate(plan):
        if one.amount_fen and one.amount_fen < measures()[one.code].at_most_yuan * 100:
            more = [*plan[:number], replace(one, amount_fen=one.amount_fen + 1), *plan[number + 1 :]]
            assert (total_after(rows, more, as_of) or 0) >= whole
        if one.starts_on:
            sooner = [*plan[:number], replace(one, starts_on=None), *plan[number + 1 :]]
            assert (total_after(rows, sooner, as_of) or 0) >= whole


@EXAMPLES
@given(st.data(), households())
def test_the_feature_says_the_same_after_the_plan(
    data: st.DataObject, household: tuple[Any, dt.date]
) -> None:
    """The engine's own feature over the changed rows is what the ledger comes to."""
    rows, as_of = household
    coverage = complete(CONTRACTS, "50", dt.date(2010, 1, 1), as_of)
    made = make_plan(data.draw(choices(as_of)), as_of, REGION)
    for one in made.measures:
        rows = apply_measure(rows, one, made.period)
    found = find_ledger(rows, as_of, coverage, REGION)
    of_account, of_departments = ENGINE.vector(rows, as_of, coverage)
    if found is None:
        assert (of_account, of_departments) == (None, None)
    else:
        value = of_account if found.basis == "account" else of_departments
        assert value is not None
        assert abs(found.total_fen / found.members / 100 - value) <= 1e-9 * max(1, abs(value))


@EXAMPLES
@given(st.data(), households())
def test_amounts_add_up_line_by_line_and_measure_by_measure(
    data: st.DataObject, household: tuple[Any, dt.date]
) -> None:
    rows, as_of = household
    coverage = complete(CONTRACTS, "50", dt.date(2010, 1, 1), as_of)
    made = make_plan(data.draw(choices(as_of)), as_of, REGION)
    first = find_ledger(rows, as_of, coverage, REGION)
    assume(first is not None)
    assert first is not None
    alone, kept = {}, copy.deepcopy(rows)
    last = first
    for one in made.measures:
        rows = apply_measure(rows, one, made.period)
        found = find_ledger(rows, as_of, coverage, REGION)
        assert found is not None
        assert (found.basis, found.members) == (first.basis, first.members)
        alone[one.measure.code] = found.total_fen - last.total_fen
        last = found
        paid = one.amount_fen * len(one.payments)
        match one.measure.changes.kind:
            case "cash" | "aid" | "wages" | "business":
                assert alone[one.measure.code] == paid
            case "allowance" | "reimbursement":
                assert 0 <= alone[one.measure.code] <= paid
            case _:
                assert alone[one.measure.code] == 0
    change = IncomeChange(first, last, None)  # type: ignore[arg-type]
    assert sum(change.changed_fen.values()) == sum(alone.values()) == last.total_fen - first.total_fen
    assert kept == household[0]


def _numbers(made: WhatIf) -> list[object]:
    return [
        made.before.score.hex(),
        made.after.score.hex(),
        made.before.risk_reasons,
        made.after.risk_reasons,
    ]


def test_no_measure_changes_nothing_to_the_bit(ask: Ask) -> None:
    for case in CASES:
        made = ask(case.rows, [])
        before = _numbers(made)
        assert before[0] == before[1]
        assert before[2] == before[3]
        assert made.before == made.after
        assert made.income is not None
        assert made.income.before == made.income.after
        assert made.income.changed_fen == {}
        assert made.effects == ()
        assert made.matching.unmatched == ()


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_asking_again_and_in_another_order_gives_the_same_answer(data: st.DataObject, ask: Ask) -> None:
    plan = data.draw(choices(dt.date(2025, 6, 30)))
    rows = WUSHAN.rows | {"member": CROWD}
    kept = copy.deepcopy(rows)
    first = make_answer(ask(rows, plan))
    assert make_answer(ask(rows, plan)) == first
    assert make_answer(ask(rows, data.draw(st.permutations(plan)))) == first
    assert rows == kept
    # The facts as they are have the same score whatever is planned.
    assert first["model"]["before"] == make_answer(ask(rows, []))["model"]["before"]
