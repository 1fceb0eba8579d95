"""Counties' practices: what the files say is what is used, and a wrong file is told with its key."""

from __future__ import annotations

import copy
import datetime as dt
from importlib import resources
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from features.policy.measures import groups
from serving.access import Role
from serving.cases.clocks import Clock
from serving.cases.errors import PracticeError
from serving.cases.moves import MOVES
from serving.cases.people import MOVERS
from serving.cases.practice import build_forms, forms_of, get_practice, practice_names, practice_of
from serving.cases.state import CaseState

DAY = dt.date(2026, 11, 2)
COUNTIES = {"500230": "fengdu", "500119": "nanchuan", "500237": "wushan", "500229": "chengkou"}


def document(name: str) -> dict[str, Any]:
    text = resources.files("serving.cases").joinpath("practices", f"{name}.yaml").read_text(encoding="utf-8")
    made: dict[str, Any] = yaml.safe_load(text)
    return made


@pytest.mark.parametrize(("county", "name"), COUNTIES.items())
def test_a_village_has_its_countys_practice(county: str, name: str) -> None:
    assert practice_of(f"{county}100201", DAY).name == name
    # Before the day that anything is known of it, the general one holds.
    assert practice_of(f"{county}100201", dt.date(2025, 2, 23)).name == "default"
    assert practice_of(f"{county}100201", dt.date(2025, 2, 24)).name == name


def test_elsewhere_the_general_practice_holds() -> None:
    assert {practice_of(one, DAY).name for one in ("500999100201", "620102001001", "500000000000")} == {
        "default"
    }
    with pytest.raises(PracticeError, match=r"default\.yaml"):
        practice_of("500999100201", dt.date(2019, 12, 31))


def test_there_are_the_practices_that_are_asked_for() -> None:
    assert set(practice_names()) == {"default", *COUNTIES.values()}


@pytest.mark.parametrize("name", practice_names())
def test_a_case_finds_its_practice_again(name: str) -> None:
    for one in forms_of(name):
        assert get_practice(one.key) == one
    for gone in (f"{name}@2001-01-01", name, "", "atlantis@2026-01-01", "../default@2020-01-01"):
        with pytest.raises(PracticeError):
            get_practice(gone)


@pytest.mark.parametrize("name", practice_names())
def test_every_state_has_a_step_an_owner_and_clocks(name: str) -> None:
    practice = forms_of(name)[-1]
    for state in CaseState:
        assert practice.step(state).zh
        owner = practice.owner(state)
        assert owner in MOVERS
        assert Role(owner)
        assert practice.clocks(state) <= set(Clock)
        moves = [one for one in practice.moves if state in MOVES[one].from_states]
        assert not moves or any(owner in MOVES[one].roles for one in moves)
    assert practice.source
    # What the law asks for is used everywhere.
    law = {
        "alert",
        "verify",
        "review",
        "submit",
        "approve",
        "exclude",
        "follow",
        "resolve",
        "relapse",
        "tell",
    }
    assert law <= set(practice.moves)
    assert Clock.IDENTIFICATION in practice.clocks(CaseState.FOUND)


@pytest.mark.parametrize("name", practice_names())
def test_grades_cover_every_household_and_hard_triggers_come_first(name: str) -> None:
    practice = forms_of(name)[-1]
    levels = [practice.grade_of(one, False) for one in ("high", "medium", "low", None)]
    assert levels == sorted(levels)
    for one in ("high", "medium", "low", None):
        assert practice.grade_of(one, True) <= practice.grade_of(one, False)
        assert practice.grade_of(one, True) == 1
    assert practice.grade(99) == practice.grades[-1]


def test_what_the_article_says_and_what_it_does_not() -> None:
    nanchuan, fengdu, wushan, chengkou = (
        forms_of(one)[-1] for one in ("nanchuan", "fengdu", "wushan", "chengkou")
    )
    # 南川 has three grades; nobody else's are known.
    assert len(nanchuan.grades) == 3
    assert "grades" not in nanchuan.assumptions
    assert all("grades" in one.assumptions for one in (fengdu, wushan, chengkou))
    loop = ["对象发现", "预警响应", "精准帮扶", "消除风险"]
    assert list(dict.fromkeys(one.zh for one in nanchuan.steps.values() if not one.is_assumption))[:4] == loop
    five = ["动态监测", "预警核实", "归口处理", "跟踪核查", "限时清零"]
    assert list(dict.fromkeys(one.zh for one in fengdu.steps.values() if not one.is_assumption))[:5] == five
    assert "申请" in wushan.step(CaseState.FOUND).zh
    assert "收支细账" in wushan.step(CaseState.VERIFYING).zh
    # 八户六策: eight and six are given, the rest is marked.
    assert (len(chengkou.classes), len(chengkou.strategies)) == (8, 6)
    assert "classes" in chengkou.assumptions
    for one in (nanchuan, fengdu, wushan, chengkou):
        assert {"owners", "clocks"} <= one.assumptions
        assert "重庆日报 2025-02-24" in one.source


def test_the_classes_of_chengkou() -> None:
    chengkou = forms_of("chengkou")[-1]
    found = {
        cause: chengkou.class_of((cause,), None)
        for cause in ("01", "02", "03", "04", "05", "06", "07", "09", "99")
    }
    assert all(found.values())
    assert len({one.code for one in found.values() if one}) == 8
    # The first cause counts; without any, the class of the rest.
    first, rest = chengkou.class_of(("09", "01"), None), chengkou.class_of((), None)
    assert first is not None
    assert rest is not None
    assert (first.code, rest.is_rest) == ("schooling", True)
    strategies = {one.code: one for one in chengkou.strategies}
    for one in chengkou.classes:
        assert set(one.strategies) <= set(strategies)
    assert {group for one in strategies.values() for group in one.groups} <= set(groups())
    assert forms_of("default")[-1].class_of(("01",), None) is None


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (("forms", 0, "owners", "found"), "platform", "forms[0].owners.found"),
        (("forms", 0, "owners", "found"), "helper", "forms[0].owners.found: helper may make no move"),
        (("forms", 0, "owners", "approving"), "village_official", "forms[0].owners.approving"),
        (("forms", 0, "clocks", "found"), ["lunch"], "forms[0].clocks.found"),
        (
            ("forms", 0, "clocks", "found"),
            ["notice"],
            "forms[0].clocks.found: no move into the state starts notice",
        ),
        (("forms", 0, "grades", "levels", 0, "score_grades"), [], "forms[0].grades.levels"),
        (("forms", 0, "grades", "levels", 0, "is_of_hard"), False, "forms[0].grades.levels: hard triggers"),
        (("forms", 0, "grades", "status"), "guess", "forms[0].grades.status"),
        (("forms", 0, "steps", "helping", "status"), None, "forms[0].steps.helping.status"),
        (("forms", 0, "steps", "helping", "zh"), " ", "forms[0].steps.helping.zh"),
        (("forms", 0, "moves", "without"), ["approve"], "forms[0].moves.without"),
        (
            ("forms", 0, "moves", "without"),
            ["regularise"],
            "forms[0].moves.without: green_lane and regularise",
        ),
        (("forms", 0, "from"), "2020", "forms[0].from"),
        (("forms", 0, "source"), "", "forms[0].source"),
        (("forms",), [], "forms"),
        (("title",), {"zh": "x"}, "title"),
        (("areas",), [500119], "areas"),
    ],
)
def test_a_wrong_file_is_told_with_its_key(path: tuple[str | int, ...], value: Any, told: str) -> None:
    made = document("default")
    at: Any = made
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    with pytest.raises(PracticeError) as refused:
        build_forms("mine", made)
    assert f"practices/mine.yaml: {told}" in str(refused.value)


def test_forms_stand_in_order() -> None:
    made = document("default")
    made["forms"].append(copy.deepcopy(made["forms"][0]))
    with pytest.raises(PracticeError, match="in order of date"):
        build_forms("mine", made)


def _places(part: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    return [place for key, one in inner for place in [(*path, key), *_places(one, (*path, key))]]


PLACES = _places(document("chengkou"))


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(
    st.sampled_from(PLACES),
    st.sampled_from(["gone", None, 3, "x", [], {}, [[]], [{}], {"x": 1}, True, float("nan")]),
)
def test_no_broken_file_ends_otherwise_than_by_name(place: tuple[Any, ...], value: Any) -> None:
    made = copy.deepcopy(document("chengkou"))
    at: Any = made
    for step in place[:-1]:
        at = at[step]
    if value == "gone":
        del at[place[-1]]
    else:
        at[place[-1]] = value
    try:
        build_forms("mine", made)
    except PracticeError as refused:
        told = str(refused)
    else:
        told = "practices/mine.yaml"
    assert "practices/mine.yaml" in told
