"""What the household page offers to do with a case: what a recorded visit asks for first.

What would be refused whatever is filled in has no form: the page says what it waits for.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from serving.cases.account import VisitAccount, line_on
from serving.cases.case import Case
from serving.cases.clocks import region_of
from serving.cases.elimination import Condition, unmet_text
from serving.cases.exclusion import NO_DIFFICULTY, possible_exclusions
from serving.cases.moves import MOVES, Move
from serving.cases.moving import find_hindrances
from serving.cases.next_step import Met, NextStep, find_next_step
from serving.cases.object_type import Background, fits_background
from serving.cases.people import role_text
from serving.cases.practice import Practice
from serving.console.case_panel import FACT, move_form
from serving.console.move_faults import fault_text
from serving.console.texts import texts

_SEPARATORS = {"zh": "、", "en": ", "}
_OVER = frozenset({"already_identified"})
"""What never ends: the move is not offered at all."""


@dataclass(frozen=True)
class Beside:
    """What is recorded beside a case: the last visit that met somebody with the last account, the conditions
    of the elimination lock, and what the register says."""

    met: Met | None = None
    account: VisitAccount | None = None
    conditions: Sequence[Condition] = ()
    background: Background | None = None


def offers_view(
    case: Case, moves: Sequence[Move], beside: Beside, practice: Practice, today: dt.date, language: str
) -> dict[str, Any]:
    """What comes next, and the moves as forms: that one first."""
    upcoming = find_next_step(case, beside.met, practice)
    wanted = upcoming.moves if upcoming else ()
    ordered = sorted(moves, key=lambda one: wanted.index(one.name) if one.name in wanted else len(wanted))
    return {
        "next": _next(upcoming, moves, language) if upcoming else None,
        "moves": [
            {**form, "is_next": one.name == wanted[0] if wanted else False}
            for one in ordered
            if (form := _offer(one, case, beside, today, language)) is not None
        ],
    }


def _offer(move: Move, case: Case, beside: Beside, today: dt.date, language: str) -> dict[str, Any] | None:
    hindrances = find_hindrances(case, move, today)
    if any(one.code in _OVER for one in hindrances):
        return None
    missing = [fault_text(one, move, language) for one in hindrances]
    form, notes = move_form(move, case, today, language), []
    if move.name == "resolve" and beside.conditions:
        missing = [unmet_text(each, language) for one in beside.conditions for each in one.unmet]
    elif move.name == "exclude":
        notes = _restrict_exclusions(form, case, beside, language)
    elif move.name == "approve":
        notes = _restrict_types(form, case, beside, language)
    return {**form, "missing": missing, "notes": notes}


def _restrict_exclusions(form: dict[str, Any], case: Case, beside: Beside, language: str) -> list[str]:
    """Only the reasons that the visits bear out; what the last one found stands chosen."""
    is_met, is_in_need = beside.met is not None, beside.met is not None and beside.met.is_in_need
    possible = possible_exclusions(case.state, is_met=is_met, is_in_need=is_in_need)
    (field,) = (one for one in form["fields"] if one["name"] == f"{FACT}reason")
    rest = [key for key, _ in field["options"] if key not in possible]
    field["options"] = [one for one in field["options"] if one[0] in possible]
    if is_met and not is_in_need and NO_DIFFICULTY in possible:
        field["value"] = NO_DIFFICULTY
    words = texts(language)
    return [words["exclude_visit_first"]] if len(rest) > 1 else []


def _restrict_types(form: dict[str, Any], case: Case, beside: Beside, language: str) -> list[str]:
    """Only the types that the register allows, and what else is known; where it is silent that is said."""
    words = texts(language)
    (field,) = (one for one in form["fields"] if one["name"] == f"{FACT}object_type")
    field["options"] = [one for one in field["options"] if fits_background(one[0], beside.background)]
    notes = [words[f"register_{beside.background.value if beside.background else 'unknown'}"]]
    if beside.account is not None:
        region = region_of(case.village_code)
        said, line = beside.account.as_json(region), line_on(beside.account.visited_on, region)
        notes.append(
            words["account_beside_line"].format(
                date=beside.account.visited_on.isoformat(),
                reference=f"{said['per_person_yuan']:,.0f}",
                line=f"{said['line_yuan']:,}",
                mark=f" ({words['assumption_mark']})" if line.is_assumption else "",
            )
        )
    return notes


def _next(upcoming: NextStep, moves: Sequence[Move], language: str) -> dict[str, Any]:
    words, met = texts(language), upcoming.met
    found = "difficulty" if met.is_difficulty else "gap" if met.has_gap else "no_difficulty"
    named = [MOVES[one].zh if language == "zh" else MOVES[one].en for one in upcoming.moves]
    is_dated = any(one.name == "visited_on" for one in MOVES[upcoming.moves[0]].facts)
    is_own = any(one.name == upcoming.moves[0] for one in moves)
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
