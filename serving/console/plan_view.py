"""What the page of a plan (一户一策) shows: its measures, what arrived of them, and what is wrong."""

from __future__ import annotations

import datetime as dt
from typing import Any

from features.policy.measures import Group, Measure, groups, measures
from features.signals.fields import FEN_PER_YUAN
from serving.cases.case import Case
from serving.cases.clocks import region_of
from serving.cases.plan import (
    PlannedHelp,
    PlanProblem,
    amount_bounds,
    department_of,
    last_due_on,
    plan_problems,
)
from serving.cases.texts import case_texts
from serving.console.causes import cause_names
from serving.console.fields import Form
from serving.console.texts import BRACKETS, COLON, texts
from serving.storage.plans import CasePlan

SAID = {"added": "plan_added", "there": "plan_there", "delivered": "plan_delivered"}
"""What may just have been done, and the keys of its words."""
_SEPARATORS = {"zh": "、", "en": ", "}
_PAID = {
    "once": "paid_once",
    "monthly": "paid_monthly",
    "each_term": "paid_each_term",
    "in_kind": "paid_in_kind",
}


def plan_view(
    plan: CasePlan, today: dt.date, language: str, given: Form | None = None, chosen: str | None = None
) -> dict[str, Any]:
    """Everything the template writes; what was `given` for a further measure stands in it again.

    A measure is `chosen` first, and then asked for what it takes.
    """
    case, region = plan.case, region_of(plan.case.village_code)
    causes = cause_names(case.village_code, today, language)
    filled = given or Form(())

    def value(name: str, otherwise: str = "") -> str:
        return next(iter(filled.all(name)), otherwise)

    # The causes of the case first: a plan answers them.
    ordered = [
        *(one for one in case.causes if one in causes),
        *(one for one in causes if one not in case.causes),
    ]
    answered = {one.cause for one in plan.measures if one.ended_on is None}
    first = next((one for one in case.causes if one in causes and one not in answered), ordered[0])
    return {
        "case_id": case.id,
        "household_id": case.household_id,
        "is_closed": case.is_closed,
        "today": today.isoformat(),
        "problems": [
            {
                "text": _problem(one, plan, causes, language),
                "is_error": one.severity == "error",
                "is_assumption": one.is_assumption,
            }
            for one in plan_problems(case, plan.measures, today)
        ],
        "measures": [_planned(one, case, region, causes, language) for one in plan.measures],
        "groups": _groups(region, today, language, value("measure", chosen or "")),
        "chosen": _chosen(value("measure", chosen or ""), region, today, language),
        "causes": [
            {"key": one, "text": causes[one], "is_chosen": value("cause", first) == one}
            for one in ordered
        ],
        "starts_on": value("starts_on", today.isoformat()),
        "due_on": value("due_on", last_due_on(today).isoformat()),
        "amount": value("amount_yuan"),
        "persons": value("persons"),
        "has_given": given is not None,
    }  # fmt: skip


def said_view(plan: CasePlan, said: str, measure_id: str, language: str) -> str | None:
    """What was just done with a measure: `added`, found to be `there` already, or `delivered`."""
    one = next((each for each in plan.measures if each.id == measure_id), None)
    if one is None or said not in SAID:
        return None
    words, planned = texts(language), one.planned_fen(region_of(plan.case.village_code))
    told = words[SAID[said]].format(measure=_named(one.entry, language))
    if said == "delivered" and planned is not None:
        arrived = words["plan_arrived"].format(delivered=_yuan(one.delivered_fen), planned=_yuan(planned))
        return BRACKETS[language].format(told, arrived)
    return told


def measure_document(form: Form) -> dict[str, Any]:
    """A measure as the page sent it, in the form that plans are handed in."""
    made: dict[str, Any] = {name: form.find(name) for name in ("measure", "cause", "starts_on", "due_on")}
    made["amount_yuan"] = number_of(form.find("amount_yuan"))
    made["persons"] = number_of(form.find("persons"))
    return {name: value for name, value in made.items() if value is not None}


def delivery_document(form: Form) -> dict[str, Any]:
    """What arrived, as the page sent it."""
    made: dict[str, Any] = {
        "submission_key": form.find("submission_key"),
        "delivered_on": form.find("delivered_on"),
        "amount_yuan": number_of(form.find("amount_yuan")),
    }
    if form.find("is_above_plan") == "yes":
        made["is_above_plan"] = True
    return {name: value for name, value in made.items() if value is not None}


def number_of(given: str | None) -> Any:
    """A number where a text is one; else the text, which whoever reads it refuses."""
    if given is None or not given.isascii() or len(given) > 12:
        return given
    if given.isdigit():
        return int(given)
    whole, point, part = given.partition(".")
    return float(given) if point and whole.isdigit() and part.isdigit() else given


def _planned(
    one: PlannedHelp, case: Case, region: str, causes: dict[str, str], language: str
) -> dict[str, Any]:
    words = texts(language)
    department = department_of(one.entry.group, region, one.starts_on)
    planned = one.planned_fen(region)
    return {
        "id": one.id,
        "title": _named(one.entry, language),
        "department": department.zh if language == "zh" else department.en,
        "is_assumption": department.is_assumption,
        "cause": causes.get(one.cause, one.cause),
        "amount": words["plan_amount"].format(
            amount=_yuan(one.amount_fen), paid=words[_PAID[one.entry.paid]], persons=one.persons
        )
        if one.amount_fen is not None
        else words["paid_in_kind"],
        "time": f"{one.starts_on.isoformat()} – {one.until.isoformat()}",
        "pays": one.amount_fen is not None,
        "payment": _yuan(one.amount_fen).replace(",", "") if one.amount_fen is not None else "",
        "arrived": words["plan_arrived"].format(delivered=_yuan(one.delivered_fen), planned=_yuan(planned))
        if planned is not None
        else None,
        "share": min(100, round(100 * one.delivered_fen / planned)) if planned else None,
        "deliveries": [
            {
                "on": each.delivered_on.isoformat(),
                "amount": words["yuan"].format(amount=_yuan(each.amount_fen))
                if each.amount_fen is not None
                else words["paid_in_kind"],
            }
            for each in one.deliveries
        ],
        "is_ended": one.ended_on is not None,
    }


def _groups(region: str, today: dt.date, language: str, chosen: str) -> list[dict[str, Any]]:
    """The help catalogue by its groups, for a list to choose from."""
    made: dict[str, list[dict[str, Any]]] = {}
    for code, one in measures().items():
        if not any(
            (each.effective_until is None or today <= each.effective_until)
            and each.effective_from <= last_due_on(today)
            for each in one.history(region)
        ):
            # Whatever day it began, it would be refused.
            continue
        entry = one.find_entry(region, today)
        yuan = entry.value_yuan if entry is not None else None
        amount = "" if yuan is None else " " + texts(language)["yuan"].format(amount=f"{yuan:,}")
        made.setdefault(one.group, []).append({
            "key": code,
            "text": f"{_named(one, language)}{amount}",
            "is_chosen": code == chosen,
        })
    return [
        {"name": _named(groups()[group], language), "measures": entries} for group, entries in made.items()
    ]


def _chosen(code: str, region: str, today: dt.date, language: str) -> dict[str, Any] | None:
    """The fields of the chosen measure: an amount where it pays, a number of persons where it is for them."""
    if code not in measures():
        return None
    words, one = texts(language), measures()[code]
    pays, entry = amount_bounds(one) is not None, one.find_entry(region, today)
    hints = [words[f"plan_per_{one.per}"].format(paid=words[_PAID[one.paid]])]
    if entry is not None and entry.value_yuan is not None:
        mark = f" ({words['assumption_mark']})" if entry.is_assumption else ""
        hints.append(words["plan_of_catalogue"].format(amount=f"{entry.value_yuan:,}", mark=mark))
    return {
        "key": code,
        "text": _named(one, language),
        "pays": pays,
        "hint": "；".join(hints) if language == "zh" else "; ".join(hints),
        "has_persons": one.per == "person",
    }


def _problem(one: PlanProblem, plan: CasePlan, causes: dict[str, str], language: str) -> str:
    said = str(case_texts(language)["plan_problem"][one.code])
    of = next((each for each in plan.measures if each.id == one.measure_id), None)
    parts = [
        *([_named(of.entry, language)] if of else []),
        *([causes.get(one.cause, one.cause)] if one.cause else []),
    ]
    separator = _SEPARATORS[language]
    if one.groups:
        names = separator.join(_named(groups()[each], language) for each in one.groups)
        said += texts(language)["plan_groups"].format(groups=names)
    return f"{separator.join(parts)}{COLON[language]}{said}" if parts else said


def _named(named: Measure | Group, language: str) -> str:
    return named.zh if language == "zh" else named.en


def _yuan(fen: int | None) -> str:
    if fen is None:
        return ""
    return f"{fen // FEN_PER_YUAN:,}" if fen % FEN_PER_YUAN == 0 else f"{fen / FEN_PER_YUAN:,.2f}"
