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
from features.policy import PolicyValue, policy_value
from features.signals.fields import FEN_PER_YUAN
from serving.cases.account import line_on
from serving.cases.errors import MoveRefused, Reason
from serving.cases.guarantees import ITEMS, Guarantees
from serving.cases.texts import case_texts
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
    somebody; `deliveries` counts the measures of which something arrived, since the relapse if there was one,
    `last_delivered_on` is the latest day of it.
    """

    on: dt.date
    region: str
    identified_on: dt.date | None
    is_without_labour: bool
    deliveries: int
    last_delivered_on: dt.date | None = None
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


@dataclass(frozen=True)
class Evidence:
    """One recorded fact, or one number of policy, that a condition is judged by.

    `code` is one of the catalogue's `evidence`, `item` the guarantee that it is about. `value` is null where
    nothing is recorded; `on` is the day that it is of. Of policy: its `source`, and whether it is assumed.
    """

    code: str
    value: dt.date | float | bool | str | None
    on: dt.date | None = None
    item: str | None = None
    source: str | None = None
    is_assumption: bool = False


@dataclass(frozen=True)
class Condition:
    """One condition of the lock: what of it does not hold (nothing: it is met), and what that rests on."""

    code: str
    unmet: tuple[Unmet, ...]
    evidence: tuple[Evidence, ...]

    @property
    def is_met(self) -> bool:
        """Whether it holds."""
        return not self.unmet


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
    return [unmet for one in judge_elimination(facts) for unmet in one.unmet]


def judge_elimination(facts: EliminationFacts) -> list[Condition]:
    """Every condition in the order of `WAYS_OUT`, met or unmet, with what it was judged by."""
    terms = policy_value("elimination_terms", facts.region, facts.on)
    fresh = policy_value("account_fresh_months", facts.region, facts.on)
    fresh_from = months_before(facts.on, fresh.value)
    return [
        _identified(facts, terms),
        _labour(facts),
        _visit(facts, fresh, fresh_from),
        _income(facts, terms, fresh_from),
        _rigid(facts),
        _guarantees(facts),
        _delivered(facts, terms),
    ]


def _identified(facts: EliminationFacts, terms: PolicyValue) -> Condition:
    unmet: tuple[Unmet, ...] = ()
    if facts.identified_on is None:
        unmet = (Unmet("not_identified"),)
    elif facts.identified_on > months_before(facts.on, terms.value["monitored_months"]):
        unmet = (Unmet("identified_too_lately"),)
    asked = _asked("monitored_months", terms.value["monitored_months"], terms)
    return Condition("monitored", unmet, (Evidence("identified_on", facts.identified_on), asked))


def _labour(facts: EliminationFacts) -> Condition:
    unmet = (Unmet("without_labour"),) if facts.is_without_labour else ()
    known = Evidence("labour", "without" if facts.is_without_labour else "with", facts.identified_on)
    return Condition("labour", unmet, (known,))


def _visit(facts: EliminationFacts, fresh: PolicyValue, fresh_from: dt.date) -> Condition:
    if facts.last_met_on is None:
        unmet = [Unmet("not_visited")]
    else:
        unmet = [Unmet("visit_too_old")] if facts.last_met_on < fresh_from else []
        if facts.finding is Finding.DIFFICULTY:
            unmet.append(Unmet("difficulty_found"))
    known = Evidence("finding", facts.finding.value if facts.finding else None, facts.last_met_on)
    return Condition("visit", tuple(unmet), (known, _asked("fresh_months", fresh.value, fresh)))


def _income(facts: EliminationFacts, terms: PolicyValue, fresh_from: dt.date) -> Condition:
    """The accounts that are over the current line without a break, back from the last: since when?"""
    steady = _asked("steady_months", terms.value["steady_months"], terms)
    readings = sorted(facts.readings, key=lambda one: one.visited_on)
    if not readings:
        # The line is not asked for: a region that has none has no accounts either.
        return Condition("income", (Unmet("income_unknown"),), (Evidence("reference_income", None), steady))
    line, since = line_on(facts.on, facts.region), None
    for one in reversed(readings):
        if one.total_fen <= line.value * FEN_PER_YUAN * one.members:
            break
        since = one.visited_on
    unmet: tuple[Unmet, ...] = ()
    if readings[-1].visited_on < fresh_from:
        unmet = (Unmet("income_unknown"),)
    elif since is None:
        unmet = (Unmet("income_under_line"),)
    elif since > months_before(facts.on, terms.value["steady_months"]):
        unmet = (Unmet("income_not_steady"),)
    accounts = (
        Evidence("reference_income", one.total_fen / one.members / FEN_PER_YUAN, one.visited_on)
        for one in readings
    )
    return Condition(
        "income", unmet, (*accounts, _asked("line", line.value, line, line.effective_from), steady)
    )


def _rigid(facts: EliminationFacts) -> Condition:
    unmet: tuple[Unmet, ...] = ()
    if facts.rigid_spending is None:
        unmet = (Unmet("rigid_spending_unknown"),)
    elif facts.rigid_spending is Rigid.UNSOLVED:
        unmet = (Unmet("rigid_spending_unsolved"),)
    said = facts.rigid_spending.value if facts.rigid_spending else None
    return Condition("rigid_spending", unmet, (Evidence("rigid_spending", said, facts.last_met_on),))


def _guarantees(facts: EliminationFacts) -> Condition:
    checks = facts.guarantees
    unmet = [Unmet("guarantee_gap", one) for one in checks.gaps]
    unmet += [Unmet("guarantee_not_checked", one) for one in checks.unchecked]
    evidence = (Evidence("guarantee", checks.of(one).value, facts.last_met_on, item=one) for one in ITEMS)
    return Condition("guarantees", tuple(unmet), tuple(evidence))


def _delivered(facts: EliminationFacts, terms: PolicyValue) -> Condition:
    asked = terms.value["delivered_measures"]
    unmet = (Unmet("no_measure_delivered"),) if facts.deliveries < asked else ()
    known = Evidence("deliveries", facts.deliveries, facts.last_delivered_on)
    return Condition("delivered", unmet, (known, _asked("delivered_measures", asked, terms)))


def _asked(code: str, value: float, policy: PolicyValue, on: dt.date | None = None) -> Evidence:
    """A number that policy asks for."""
    return Evidence(code, value, on, source=policy.source, is_assumption=policy.is_assumption)


def evidence_text(evidence: Evidence, language: str) -> str:
    """Its value in words; days as they are written everywhere."""
    words, value = case_texts(language), evidence.value
    match evidence.code, value:
        case "guarantee", str():
            return str(words["guarantee_check"][value])
        case "labour" | "finding" | "rigid_spending", str():
            return str(words[evidence.code][value])
        case _, None:
            return str(words["not_recorded"])
        case "reference_income" | "line", float() | int():
            return str(words["yuan_per_person"]).format(value=f"{value:,.2f}".removesuffix(".00"))
        case "monitored_months" | "fresh_months" | "steady_months", int():
            return str(words["months"]).format(value=value)
        case _, dt.date():
            return value.isoformat()
    return str(value)


def evidence_label(evidence: Evidence, language: str) -> str:
    """What it is called: of a guarantee the guarantee's name."""
    words = case_texts(language)
    return str(words["guarantee_item"][evidence.item] if evidence.item else words["evidence"][evidence.code])


def unmet_text(unmet: Unmet, language: str) -> str:
    """What does not hold, in words; of a guarantee with its name."""
    words = case_texts(language)
    said = str(words["unmet"][unmet.code])
    if unmet.item is None:
        return said
    return str(words["of_guarantee"]).format(item=words["guarantee_item"][unmet.item], said=said)


def find_named_unmet(code: str) -> Unmet | None:
    """The inverse of the code that a refused move names it by; `None` for another code."""
    name, _, item = code.partition(".")
    return Unmet(name, item or None) if name in WAYS_OUT and item in ("", *ITEMS) else None


def _code(one: Unmet) -> str:
    return one.code if one.item is None else f"{one.code}.{one.item}"
