"""Each county's practice walked from end to end with the household that the article tells of (DOMAIN §1)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from features.policy.measures import groups, measures
from serving.access import Role
from serving.api.case_answers import told_case, told_whole
from serving.cases.case import Case
from serving.cases.offers import find_offers
from serving.cases.practice import get_practice, practice_of
from serving.cases.state import CaseState as S
from tests.serving.cases.towns import Town

T, V, C, H = Role.TOWNSHIP_OFFICIAL, Role.VILLAGE_OFFICIAL, Role.COUNTY_OFFICIAL, Role.HELPER


def make_town(folder: Path, village: str) -> Town:
    return Town(f"sqlite:///{folder}/s.db", village=village)


@pytest.fixture
def towns(tmp_path: Path) -> Iterator[list[Town]]:
    made: list[Town] = []
    yield made
    for one in made:
        one.close()


def walk(town: Town, case: Case, **found: Any) -> list[dict[str, Any]]:
    """From its first lead to the risk that is gone; what the county calls every step it was at, in order."""
    told = [told_case(case, town.today)]

    def note(case: Case) -> Case:
        told.append(told_case(case, town.today))
        return case

    case = note(town.move(case, T, "alert"))
    case = note(town.move(case, V, "verify", visited_on=town.day()))
    signed = {"authorised_on": town.day(), "compared_on": town.day()}
    case = note(town.move(case, V, "review", **signed, **town.notice()))
    town.pass_days(6)
    case = note(town.move(case, T, "submit", checked_on=town.day(), objections=0))
    case = note(town.approve(case, **found))
    case = town.move(case, V, "tell", told_on=town.day())
    case = note(town.move(case, H, "follow", delivered_on=town.day()))
    for _ in range(3):
        town.pass_days(63)
        case = town.move(case, H, "follow_up", visited_on=town.day(), is_steady=True)
    case = note(town.move(case, C, "resolve", visited_on=town.day(), **town.ran_notice()))
    assert case.due_on is None
    assert case.closed_on is not None
    assert case.identified_on is not None
    # Within the days from the clue to the identification, and in time at every step.
    assert (case.identified_on - case.opened_on).days <= 15
    assert not any(one["standing"] and one["standing"]["is_overdue"] for one in told)
    return told


def names(told: list[dict[str, Any]]) -> list[str]:
    """The steps' names, each once, in the order in which they came."""
    return list(dict.fromkeys(one["step"]["zh"] for one in told))


def test_fengdu_five_steps(tmp_path: Path, towns: list[Town]) -> None:
    town = make_town(tmp_path, "500230100201")
    towns.append(town)
    case = town.open(
        "H-FENGDU", theme="production", causes=["06"], grade=town_grade(town, "medium", is_hard=False)
    )
    told = walk(town, case, object_type="unstable_formerly_poor", causes=["06"])
    given = [one["step"]["zh"] for one in told if not one["step"]["is_assumption"]]
    assert list(dict.fromkeys(given)) == ["动态监测", "预警核实", "归口处理", "跟踪核查", "限时清零"]
    # 限时清零: what is not done in time is told upwards, level by level.
    late = town.open("H-LATE", theme="production", causes=["06"])
    town.pass_days(8)
    assert told_case(late, town.today)["standing"]["escalated_to"] == C
    town.pass_days(30)
    assert told_case(late, town.today)["standing"]["escalated_to"] == Role.PROVINCE_OFFICIAL


def town_grade(town: Town, score_grade: str | None, *, is_hard: bool) -> int:
    return practice_of(town.village, town.today).grade_of(score_grade, is_hard)


def test_nanchuan_three_grades_and_a_loop(tmp_path: Path, towns: list[Town]) -> None:
    """Support raised from ¥400+ to just over ¥1,000 a month: 五保 and the disability allowance."""
    town = make_town(tmp_path, "500119100201")
    towns.append(town)
    assert [town_grade(town, one, is_hard=False) for one in ("high", "medium", "low", None)] == [1, 2, 3, 3]
    case = town.open("H-NANCHUAN", causes=["03"], grade=town_grade(town, "medium", is_hard=False))
    assert told_case(case, town.today)["grade_text"] == {"zh": "中风险", "en": "medium risk"}
    told = walk(town, case, object_type="marginal", causes=["03"])
    given = [one["step"]["zh"] for one in told if not one["step"]["is_assumption"]]
    assert list(dict.fromkeys(given)) == ["对象发现", "预警响应", "精准帮扶", "消除风险"]
    # The help that the article tells of is in the catalogue, in a group that answers the cause.
    assert {measures()[one].group for one in ("disability_allowance", "tekun")} == {"social_security"}


def test_wushan_grid_and_application(tmp_path: Path, towns: list[Town]) -> None:
    """Surgery of more than ¥50,000; the household applied itself, and the grid worked its account out."""
    town = make_town(tmp_path, "500237100201")
    towns.append(town)
    case = town.open("H-WUSHAN", causes=["01"], is_hard=True, grade=town_grade(town, "low", is_hard=True))
    # An application surfaces whatever the score says, and is the village's (grid's) to begin with.
    assert (case.grade, case.owner) == (1, V)
    told = walk(town, case, object_type="sudden_hardship", causes=["01"])
    assert names(told)[0] == "自主申请与网格发现"
    assert "入户核算收支细账" in names(told)
    assert "一户一策帮扶" in names(told)
    marked = {one["step"]["zh"] for one in told if one["step"]["is_assumption"]}
    # The four steps of the collaboration have no names in the article.
    assert {"网格派单", "网格跟踪"} <= marked


def test_chengkou_eight_classes_and_six_lines_of_help(tmp_path: Path, towns: list[Town]) -> None:
    """More than ¥40,000 reimbursed, ¥200 per child and term, a post as 护路员."""
    town = make_town(tmp_path, "500229100201")
    towns.append(town)
    case = town.open("H-CHENGKOU", causes=["01", "09"], grade=town_grade(town, "high", is_hard=False))
    told = walk(town, case, object_type="sudden_hardship", causes=["01", "09"])
    assert told[0]["household_class"] == {"zh": "因病户", "en": "illness"}
    practice = practice_of(town.village, town.today)
    of_class = practice.class_of(("01", "09"), "sudden_hardship")
    assert of_class is not None
    reached = {
        group for one in practice.strategies if one.code in of_class.strategies for group in one.groups
    }
    assert {"health", "social_security"} <= reached <= set(groups())
    # All six lines together reach every group that the article's household was helped from.
    every = {group for one in practice.strategies for group in one.groups}
    assert {"health", "other_education", "public_post"} <= every
    assert "classes" in practice.assumptions


def test_elsewhere_the_general_names_hold(tmp_path: Path, towns: list[Town]) -> None:
    town = make_town(tmp_path, "500999100201")
    towns.append(town)
    told = walk(town, town.open("H-ELSEWHERE"))
    assert names(told) == ["发现", "预警", "入户核实", "评议公示", "审定", "帮扶", "跟踪", "风险消除"]


def test_a_case_keeps_the_practice_that_it_was_opened_under(tmp_path: Path, towns: list[Town]) -> None:
    town = make_town(tmp_path, "500119100201")
    towns.append(town)
    town.clock = town.clock.replace(year=2025, month=2, day=21)
    case = town.open("H-BEFORE")
    town.pass_days(10)
    assert case.practice == "default@2020-01-01"
    assert practice_of(case.village_code, town.today).name == "nanchuan"
    case = town.move(case, T, "alert")
    assert told_case(case, town.today)["step"]["zh"] == "预警"


def test_a_whole_case_tells_clocks_moves_and_what_is_assumed(tmp_path: Path, towns: list[Town]) -> None:
    town = make_town(tmp_path, "500119100201")
    towns.append(town)
    case = town.review(town.open())
    whole = town.records.find_case(town.person(T), case.id)
    assert whole is not None
    offers = find_offers(case, T, get_practice(case.practice), whole.beside, town.today)
    told = told_whole(whole, town.today, offers)
    assert told["practice"]["name"] == "nanchuan"
    assert {"owners", "clocks"} <= set(told["practice"]["assumptions"])
    clocks = {one["clock"]: one for one in told["clocks"]}
    assert clocks["notice"]["is_least"]
    assert clocks["notice"]["standing"] is None
    assert clocks["identification"]["standing"]["days_left"] == 15
    assert not clocks["identification"]["is_assumption"]
    assert clocks["visit"]["is_assumption"]
    assert clocks["visit"]["stopped_on"] == town.day()
    open_moves = {one["move"]: one for one in told["moves"]}
    assert set(open_moves) == {"submit", "send_back", "exclude"}
    assert [one["code"] for one in open_moves["submit"]["hindrances"]] == ["notice_running"]
    assert open_moves["send_back"]["hindrances"] == []
    # Nobody handed in a visit: what needs one would be refused.
    codes = {"declined", "moved_away", "deceased", "duplicate"}
    assert set(open_moves["exclude"]["facts"][0]["codes"]) == codes
    assert set(open_moves["exclude"]["facts"][0]["json_schema"]["enum"]) == codes
    assert [one["move"] for one in told["history"]] == ["alert", "verify", "review"]
    assert case.state is S.REVIEWING
