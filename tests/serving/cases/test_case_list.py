"""Lists of cases, on SQLite and on PostgreSQL: what every filter finds inside every area, and what is logged of it."""

from __future__ import annotations

import datetime as dt
import itertools
import random
from collections import Counter

from serving.access import Caller, Role, Scope
from serving.cases.case import Case
from serving.cases.clocks import standing_of
from serving.cases.state import CaseState as S
from serving.storage.case_list import TOLD, CaseFilter, Due, Place
from tests.serving.cases.towns import Town

T, V, C = Role.TOWNSHIP_OFFICIAL, Role.VILLAGE_OFFICIAL, Role.COUNTY_OFFICIAL


def test_a_list_is_what_a_plain_look_at_all_cases_finds(town: Town) -> None:
    villages = [
        "500119100201",
        "500119100202",
        "500119101201",
        "500230100201",
        "510199100201",
        "5001AZ100201",
    ]
    dice = random.Random(7)
    every: list[Case] = []
    for n in range(60):
        case = town.open(
            f"H{n:03}", village=dice.choice(villages), grade=dice.randint(1, 3),
            theme=dice.choice(["illness", "employment"]), opened_on=town.today - dt.timedelta(days=dice.choice([0, 3, 9, 20, 40, 90])),
        )  # fmt: skip
        if dice.random() < 0.5:
            case = town.move(case, T, "alert")
        elif dice.random() < 0.3:
            case = town.move(case, T, "exclude", reason="declined")
        every.append(case)
    scopes = ["", "5001", "500119", "500119100201", "51", "5001AZ", None]
    filters = [
        CaseFilter(),
        CaseFilter(states={S.ALERTED}),
        CaseFilter(states={S.FOUND, S.EXCLUDED}, theme="illness"),
        CaseFilter(owner=V.value, grade=2),
        *(CaseFilter(due=one) for one in Due),
        *(CaseFilter(told=one) for one in TOLD),
        CaseFilter(area="500119100"),
        CaseFilter(area="510199", due=Due.OVERDUE),
    ]
    for prefix, asked in itertools.product(scopes, filters):
        caller = Caller("p0123456789a", C, Scope(prefix))

        def fits(case: Case, prefix: str | None = prefix, asked: CaseFilter = asked) -> bool:
            days = (case.due_on - town.today).days if case.due_on else None
            near = {
                None: True, Due.OVERDUE: days is not None and days < 0, Due.TODAY: days == 0,
                Due.SOON: days is not None and 0 <= days <= 3,
            }  # fmt: skip
            told = (
                standing_of(case.due_on, town.today, case.owner, case.village_code) if case.due_on else None
            )
            level = (told.escalated_to or "owner") if told and told.is_overdue else None
            return (
                prefix is not None and case.village_code.startswith(prefix)
                and case.village_code.startswith(asked.area) and near[asked.due]
                and (not asked.states or case.state in asked.states)
                and asked.owner in {None, case.owner} and asked.theme in {None, case.theme}
                and asked.grade in {None, case.grade} and asked.told in {None, level}
            )  # fmt: skip

        wanted = sorted(filter(fits, every), key=lambda one: (one.due_on or dt.date.max, one.grade, one.id))
        page = town.store.list(caller, asked, limit=100)
        assert list(page.items) == wanted
        assert page.total == len(wanted)
        paged: list[Case] = []
        while True:
            page = town.store.list(
                caller, asked, limit=7, after=Place.of(paged[-1]) if paged else None, level=6
            )
            paged += page.items
            assert page.parts == Counter(one.village_code[:6] for one in wanted)
            if page.after is None:
                break
            assert Place.read(page.after) == Place.of(paged[-1])
        assert paged == wanted


def test_a_list_is_logged_household_by_household(small: Town) -> None:
    for n in range(3):
        small.open(f"H{n}")
    small.store.list(small.person(V), CaseFilter())
    listed = small.audit.search(limit=10)
    assert [one.action for one in listed] == ["household_listed"] * 3
    assert {one.subject for one in listed} == {small.audit.household(f"H{n}") for n in range(3)}
