"""The elimination lock (风险消除): what has to hold before a person marks a risk as gone. Source: DOMAIN §2.

Income steadily over the current line, rigid spending solved, guarantees and water firm, months since the
identification, a measure delivered; and a whole household without labour (整户无劳动力) is never marked. No
score is asked: it neither opens the lock nor keeps it shut.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field

from features.dates import months_before
from features.policy import policy_value
from features.signals.fields import FEN_PER_YUAN
from serving.cases.account import line_on
from serving.cases.errors import MoveRefused, Reason
from serving.cases.guarantees import Guarantees
from serving.cases.visit import Finding, Rigid

WAYS_OUT = {
    "not_identified": "only a household that was identified is marked so",
    "identified_too_lately": "wait until the months since the identification have passed",
    "without_labour": "a whole household without labour is not marked: go on helping it",
    "not_visited": "visit the household and meet it",
    "visit_too_old": "visit the household again",
    "difficulty_found": "the last visit found difficulty: go on helping",
    "income_unknown": "work out the income-and-spending account at a visit",
    "income_under_line": "reference income has to be over the current line",
    "income_not_steady": "accounts over the current line have to reach back for the months asked for",
    "rigid_spending_unknown": "ask at a visit whether large spending is solved",
    "rigid_spending_unsolved": "large spending has to be solved first",
    "guarantee_gap": "close the gap first",
    "guarantee_not_checked": "look at it at a visit",
    "no_measure_delivered": "a measure has to be delivered first",
}
"""Every condition that can be unmet, and the way out."""


@dataclass(frozen=True)
class IncomeReading:
    """The reference income of one visit's account: of the whole household, and who shares it."""

    visited_on: dt.date
    total_fen: int
    members: int


@dataclass(frozen=True)
class EliminationFacts:
    """What is known of a case when somebody would mark its risk as gone on the day `on`.

    `readings` are the accounts of its visits since the identification, or since the last relapse;
    `last_met_on`, `finding`, `guarantees` and `rigid_spending` are the last of these visits' that met
    somebody; `deliveries` counts the measures of which something arrived, since the relapse if there was one.
    """

    on: dt.date
    region: str
    identified_on: dt.date | None
    is_without_labour: bool
    deliveries: int
    readings: Sequence[IncomeReading] = ()
    last_met_on: dt.date | None = None
    finding: Finding | None = None
    guarantees: Guarantees = field(default_factory=lambda: Guarantees({}))
    rigid_spending: Rigid | None = None


@dataclass(frozen=True)
class Unmet:
    """One condition that does not hold; `item` is the guarantee that it is about."""

    code: str
    item: str | None = None


class EliminationLocked(MoveRefused):
    """The risk may not be marked as gone yet; `unmet` has every condition that does not hold."""

    def __init__(self, unmet: Sequence[Unmet]) -> None:
        super().__init__([Reason("/move", _code(one), WAYS_OUT[one.code]) for one in unmet])
        self.unmet = tuple(unmet)


def check_elimination(facts: EliminationFacts) -> None:
    """Raise `EliminationLocked` with all conditions that do not hold."""
    unmet = find_unmet(facts)
    if unmet:
        raise EliminationLocked(unmet)


def find_unmet(facts: EliminationFacts) -> list[Unmet]:
    """Every condition that does not hold, in the order of `WAYS_OUT`."""
    terms = policy_value("elimination_terms", facts.region, facts.on).value
    fresh = policy_value("account_fresh_months", facts.region, facts.on).value
    found = []
    if facts.identified_on is None:
        found.append(Unmet("not_identified"))
    elif facts.identified_on > months_before(facts.on, terms["monitored_months"]):
        found.append(Unmet("identified_too_lately"))
    if facts.is_without_labour:
        found.append(Unmet("without_labour"))
    fresh_from = months_before(facts.on, fresh)
    found += _of_visit(facts, fresh_from)
    found += _of_income(facts, fresh_from, terms["steady_months"])
    if facts.rigid_spending is None:
        found.append(Unmet("rigid_spending_unknown"))
    elif facts.rigid_spending is Rigid.UNSOLVED:
        found.append(Unmet("rigid_spending_unsolved"))
    found += [Unmet("guarantee_gap", one) for one in facts.guarantees.gaps]
    found += [Unmet("guarantee_not_checked", one) for one in facts.guarantees.unchecked]
    if facts.deliveries < terms["delivered_measures"]:
        found.append(Unmet("no_measure_delivered"))
    return found


def _of_visit(facts: EliminationFacts, fresh_from: dt.date) -> list[Unmet]:
    if facts.last_met_on is None:
        return [Unmet("not_visited")]
    found = [Unmet("visit_too_old")] if facts.last_met_on < fresh_from else []
    if facts.finding is Finding.DIFFICULTY:
        found.append(Unmet("difficulty_found"))
    return found


def _of_income(facts: EliminationFacts, fresh_from: dt.date, steady_months: int) -> list[Unmet]:
    """The accounts that are over the current line without a break, back from the last: since when?"""
    readings = sorted(facts.readings, key=lambda one: one.visited_on)
    if not readings or readings[-1].visited_on < fresh_from:
        return [Unmet("income_unknown")]
    line_fen = line_on(facts.on, facts.region).value * FEN_PER_YUAN
    since = None
    for one in reversed(readings):
        if one.total_fen <= line_fen * one.members:
            break
        since = one.visited_on
    if since is None:
        return [Unmet("income_under_line")]
    return [Unmet("income_not_steady")] if since > months_before(facts.on, steady_months) else []


def _code(one: Unmet) -> str:
    return one.code if one.item is None else f"{one.code}.{one.item}"
