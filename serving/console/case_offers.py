"""What the household page offers to do with a case, in words: what a recorded visit asks for first.

What cannot be made now has no form: the page says what it waits for.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from serving.cases.account import VisitAccount, line_on
from serving.cases.case import Case
from serving.cases.clocks import region_of
from serving.cases.codes import EXCLUSIONS
from serving.cases.exclusion import NO_DIFFICULTY
from serving.cases.moves import IDENTIFY, MOVES
from serving.cases.next_step import NextStep, find_next_step
from serving.cases.offers import Beside, Offer, find_offers
from serving.cases.people import role_text
from serving.cases.practice import get_practice
from serving.console.case_panel import FACT, move_form
from serving.console.move_faults import fault_text
from serving.console.texts import texts

_SEPARATORS = {"zh": "、", "en": ", "}


def offers_view(
    case: Case, role: str | None, beside: Beside, account: VisitAccount | None, today: dt.date, language: str
) -> dict[str, Any]:
    """What comes next, and the moves as forms: that one first. `role` is that of somebody who may move cases,
    `account` the household's last one."""
    practice = get_practice(case.practice)
    upcoming = find_next_step(case, beside.met, practice, is_unlocked=beside.is_unlocked)
    offers = find_offers(case, role, practice, beside, today) if role else ()
    first = upcoming.moves[0] if upcoming else None
    return {
        "next": _next(upcoming, offers, language) if upcoming else None,
        "moves": [
            {**_form(one, case, beside, account, today, language), "is_next": one.move.name == first}
            for one in offers
        ],
    }


def _form(
    offer: Offer,
    case: Case,
    beside: Beside,
    account: VisitAccount | None,
    today: dt.date,
    language: str,
) -> dict[str, Any]:
    move, notes = offer.move, []
    form = move_form(move, case, today, language)
    if move.name == "exclude":
        notes = _choose_exclusion(form, beside, language)
    elif move.name == IDENTIFY:
        notes = _identification_notes(case, beside, account, language)
    return {**form, "missing": [fault_text(one, move, language) for one in offer.hindrances], "notes": notes}


def _choose_exclusion(form: dict[str, Any], beside: Beside, language: str) -> list[str]:
    """What the last visit found stands chosen; that the reasons which need one are not there is said."""
    (field,) = (one for one in form["fields"] if one["name"] == f"{FACT}reason")
    codes = [key for key, _ in field["options"]]
    if beside.met is not None and NO_DIFFICULTY in codes:
        field["value"] = NO_DIFFICULTY
    return [texts(language)["exclude_visit_first"]] if len(EXCLUSIONS) - len(codes) > 1 else []


def _identification_notes(
    case: Case, beside: Beside, account: VisitAccount | None, language: str
) -> list[str]:
    """What the register says of the types, and what else is known; where it is silent that is said."""
    words = texts(language)
    notes = [words[f"register_{beside.background.value if beside.background else 'unknown'}"]]
    if account is not None:
        region = region_of(case.village_code)
        said, line = account.as_json(region), line_on(account.visited_on, region)
        notes.append(
            words["account_beside_line"].format(
                date=account.visited_on.isoformat(),
                reference=f"{said['per_person_yuan']:,.0f}",
                line=f"{said['line_yuan']:,}",
                mark=f" ({words['assumption_mark']})" if line.is_assumption else "",
            )
        )
    return notes


def _next(upcoming: NextStep, offers: Sequence[Offer], language: str) -> dict[str, Any]:
    words, met = texts(language), upcoming.met
    found = "difficulty" if met.is_difficulty else "gap" if met.has_gap else "no_difficulty"
    named = [MOVES[one].zh if language == "zh" else MOVES[one].en for one in upcoming.moves]
    is_dated = any(one.name == "visited_on" for one in MOVES[upcoming.moves[0]].facts)
    is_own = any(one.move.name == upcoming.moves[0] for one in offers)
    said = words["next_own" if is_own else "next_of"].format(
        move=named[0], roles=_SEPARATORS[language].join(role_text(one, language) for one in upcoming.roles)
    )
    return {
        "found": words[f"next_{found}"].format(date=met.visited_on.isoformat()),
        "said": said,
        "day": words["next_day"] if is_own and is_dated else None,
        "later": words["next_later"].format(moves=" → ".join(named[1:])) if named[1:] else None,
        "is_excluded": upcoming.moves[-1] == "exclude",
    }
