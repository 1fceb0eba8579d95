"""What the page of an area's cases shows: the filters that are set, the parts of the area, a row a case."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from features.regions import AREA_LEVELS
from scoring.texts import catalogue
from scoring.themes import THEMES
from serving.access import Scope
from serving.cases.case import Case
from serving.cases.casework import OWNER
from serving.cases.clocks import SOON_DAYS
from serving.cases.people import role_text
from serving.cases.practice import get_practice
from serving.cases.state import CLOSED, OPEN, CaseState
from serving.console.earlier_cases import ending_text
from serving.console.my_list import GRADES, due_text
from serving.console.stages import stage_names
from serving.console.texts import texts
from serving.map_file import AreaMap
from serving.storage.case_list import TOLD, CaseFilter, Due
from serving.storage.cases import CasePage

PER_PAGE = 25
UNTOLD = "untold"
"""Closed cases whose household was not told the result in time."""
_DUES = {
    "": "list_all", "overdue": "list_overdue", "today": "cases_today", "soon": "list_soon",
    UNTOLD: "cases_untold",
}  # fmt: skip


@dataclass(frozen=True)
class Wanted:
    """What is asked for, as an address tells it; empty is not asked for. Without a `state` it is what is
    open, or with `UNTOLD` what is closed."""

    area: str
    state: str = ""
    due: str = ""
    told: str = ""
    grade: str = ""
    theme: str = ""

    @property
    def filter(self) -> CaseFilter:
        """The same for the store."""
        every = CLOSED if self.due == UNTOLD else OPEN
        due = Due.OVERDUE.value if self.due == UNTOLD else self.due
        return CaseFilter(
            states={CaseState(self.state)} if self.state else every,
            due=Due(due) if due else None,
            told=self.told or None,
            grade=int(self.grade) if self.grade else None,
            theme=self.theme or None,
            area=self.area,
        )

    @property
    def query(self) -> dict[str, str]:
        """The same for an address."""
        return dict(vars(self))


def read_wanted(query: Mapping[str, str], area: str) -> Wanted:
    """What an address asks of an area; what makes no sense is not asked for."""

    def one_of(name: str, words: Any) -> str:
        given = query.get(name, "")
        return given if given in set(map(str, words)) else ""

    state, due, told = one_of("state", CaseState), one_of("due", _DUES), one_of("told", TOLD)
    if state and due in {Due.OVERDUE.value, UNTOLD}:
        # Of a closed case nothing else than telling its result can be late.
        due = UNTOLD if CaseState(state) in CLOSED else Due.OVERDUE.value
    return Wanted(area, state, due, told, one_of("grade", GRADES), one_of("theme", THEMES))


def next_level(area: str) -> int:
    """How many characters the codes of an area's parts have; of a village its own."""
    return next((one for one in AREA_LEVELS if one > len(area)), len(area))


def cases_view(
    found: CasePage,
    wanted: Wanted,
    scope: Scope,
    area_map: AreaMap,
    today: dt.date,
    language: str,
    *,
    is_later: bool,
) -> dict[str, Any]:
    """Everything the template writes; `is_later` where it is not the first page."""
    words = texts(language)
    names, query = stage_names(wanted.area, today, language), wanted.query

    def name_of(code: str) -> str:
        return area_map.name(code) or code or words["everywhere"]

    return {
        "name": name_of(wanted.area),
        "today": today.isoformat(),
        "query": query,
        "above": [
            {"code": wanted.area[:length], "name": name_of(wanted.area[:length])}
            for length in (0, *AREA_LEVELS)
            if length < len(wanted.area) and scope.contains(wanted.area[:length])
        ],
        "dues": [
            {
                "text": words[name].format(days=SOON_DAYS),
                "is_chosen": key == wanted.due,
                "query": {**query, "due": key, "told": "", "state": _kept_state(wanted, key)},
            }
            for key, name in _DUES.items()
        ],
        "every_stage": words["cases_closed" if wanted.due == UNTOLD else "cases_open"],
        "stages": [
            {"key": one.value, "text": names[one], "is_chosen": one == wanted.state} for one in CaseState
        ],
        "parts": [
            {"code": code, "text": words["part_count"].format(name=name_of(code), count=f"{count:,}")}
            for code, count in sorted(found.parts.items())
            if len(code) > len(wanted.area)
        ],
        "grades": [{"key": str(one), "is_chosen": str(one) == wanted.grade} for one in GRADES],
        "themes": [
            {"key": one, "text": catalogue(language)["themes"][one], "is_chosen": one == wanted.theme}
            for one in THEMES
        ],
        "told": _told(wanted.told, language),
        "count": words["cases_count"].format(count=f"{found.total:,}"),
        "items": [_row(one, name_of(one.village_code), today, language) for one in found.items],
        "after": found.after,
        "is_later": is_later,
    }  # fmt: skip


def _kept_state(wanted: Wanted, due: str) -> str:
    """The state that is chosen, where it can be kept beside another choice of deadlines."""
    is_kept = wanted.state and (due == UNTOLD) == (CaseState(wanted.state) in CLOSED)
    return wanted.state if is_kept else ""


def _told(level: str, language: str) -> str | None:
    words = texts(language)
    if not level:
        return None
    return (
        words["overdue_owner"]
        if level == OWNER
        else words["overdue_told"].format(role=role_text(level, language))
    )


def _row(case: Case, village: str, today: dt.date, language: str) -> dict[str, Any]:
    words, practice = texts(language), get_practice(case.practice)
    step, grade = practice.step(case.state), practice.grade(case.grade)
    return {
        "household_id": case.household_id,
        "village": village,
        "step": step.zh if language == "zh" else step.en,
        "level": grade.zh if language == "zh" else grade.en,
        "theme": catalogue(language)["themes"].get(case.theme, case.theme),
        "is_hard": case.is_hard,
        "owner": None if case.is_closed else role_text(case.owner, language),
        "since": words["opened_on"].format(date=case.opened_on.isoformat()),
        "ending": ending_text(case, language),
        "due": due_text(case.due_on, today, language),
        "is_overdue": case.due_on is not None and case.due_on < today,
    }
