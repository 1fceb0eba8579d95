"""The page of a visit: its questions, and the document that its answers become.

It asks the same of every household and shows neither score nor grade nor why the household is visited:
whoever was drawn by lot is to be looked at as everybody else. Nothing is answered beforehand but the date.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from features.reference_income import PARTS
from serving.cases.account import MOST_MEMBERS
from serving.cases.clocks import region_of
from serving.cases.guarantees import ITEMS, Check
from serving.cases.texts import case_texts
from serving.cases.visit import PROTECTIVE, Finding, Rigid, Why, entry_days
from serving.console.causes import cause_names
from serving.console.fields import Form
from serving.console.record_form import Record, corrections_of, record_views
from serving.console.texts import texts
from serving.errors import FieldError

AGREE = "agree"
_GUARANTEE, _ANSWER, _LINE = "guarantee.", "answer.", "line."
_WHOLE = re.compile(r"[0-9]{1,9}", re.ASCII)
_YUAN = re.compile(r"[0-9]{1,9}(\.[0-9]{1,2})?", re.ASCII)


@dataclass(frozen=True)
class Asked:
    """A reason of the household's score that the visitor may agree with or not: its family and its words."""

    family: str
    text: str


def asked_of(body: Mapping[str, Any] | None, language: str) -> list[Asked]:
    """The reasons that are asked about: what raises the risk, and what lowers it, with its facts."""
    if body is None:
        return []
    reasons = (*body["risk_reasons"], *body["protective_reasons"])
    return [Asked(one["family"], one["text"][language]["sentence"]) for one in reasons]


def form_view(
    asked: Sequence[Asked],
    village_code: str,
    today: dt.date,
    language: str,
    given: Form | None = None,
    records: Sequence[Record] = (),
) -> dict[str, Any]:
    """Everything the template writes; what was `given` before stands in it again."""
    words = case_texts(language)
    filled = given or Form(())

    def value(name: str) -> str:
        return next(iter(filled.all(name)), "")

    def options(kind: str, codes: Sequence[str], name: str) -> list[dict[str, Any]]:
        return [{"key": one, "text": words[kind][one], "is_chosen": value(name) == one} for one in codes]

    parts = [
        {
            "name": words["account_part"][part],
            "lines": [
                {"name": _LINE + line, "text": words["account_line"][line], "value": value(_LINE + line)}
                for line in lines
            ],
        }
        for part, (_, lines) in PARTS.items()
    ]
    causes = cause_names(village_code, today, language)
    shown = record_views(records, language, filled)
    return {
        "today": today.isoformat(),
        "earliest": (today - dt.timedelta(days=entry_days(today, region_of(village_code)))).isoformat(),
        "visited_on": value("visited_on") or today.isoformat(),
        "findings": options("finding", [one.value for one in Finding], "finding"),
        "guarantees": [
            {
                "name": _GUARANTEE + item,
                "text": words["guarantee_item"][item],
                "options": options("guarantee_check", [Check.YES.value, Check.NO.value], _GUARANTEE + item),
            }
            for item in ITEMS
        ],
        "rigid": options("rigid_spending", [one.value for one in Rigid], "rigid_spending"),
        "causes": [
            {
                "key": code,
                "text": said,
                "is_main": value("cause") == code,
                "is_more": code in filled.all("more_causes"),
            }
            for code, said in causes.items()
        ],
        "asked": [
            {"name": _ANSWER + one.family, "text": one.text, "chosen": value(_ANSWER + one.family)}
            for one in asked
        ],
        "records": shown,
        "whys": [{"key": one.value, "text": words["why"][one.value]} for one in Why],
        "agree": AGREE,
        "protective": [
            {"key": one, "text": words["protective"][one], "is_chosen": one in filled.all("protective")}
            for one in PROTECTIVE
        ],
        "members": value("members"),
        "most_members": MOST_MEMBERS,
        "parts": parts,
        "has_account": any(name.startswith(_LINE) for name in filled.names),
        "has_records": any(one["is_open"] for one in shown),
        "has_answers": any(name.startswith(_ANSWER) for name in filled.names),
    }


def document_of(form: Form) -> dict[str, Any]:
    """What the page sent in the form that a visit is handed in; whether it is right its reader says."""
    document: dict[str, Any] = {
        "submission_key": form.find("submission_key"),
        "visited_on": form.find("visited_on"),
        "finding": form.find("finding"),
    }
    guarantees = {
        name.removeprefix(_GUARANTEE): form.find(name) for name in form.names if name.startswith(_GUARANTEE)
    }
    if guarantees:
        document["guarantees"] = guarantees
    if rigid := form.find("rigid_spending"):
        document["rigid_spending"] = rigid
    causes = [form.find("cause"), *(one for one in form.all("more_causes") if one != form.find("cause"))]
    document["causes"] = [one for one in causes if one is not None]
    document["answers"] = [
        _answer(name.removeprefix(_ANSWER), form.find(name) or "")
        for name in sorted(form.names)
        if name.startswith(_ANSWER)
    ]
    document["protective"] = form.all("protective")
    document["corrections"] = corrections_of(form)
    lines = [
        {"line": name.removeprefix(_LINE), "amount_yuan": _yuan(form.find(name) or "")}
        for name in sorted(form.names)
        if name.startswith(_LINE)
    ]
    if lines or form.find("members"):
        document["account"] = {"members": _count(form.find("members")), "lines": lines}
    return {name: value for name, value in document.items() if value not in (None, [])}


def question_of(error: FieldError, language: str) -> str | None:
    """What the page calls the question that an error of the document is about; `None` for none of them."""
    match error.pointer.strip("/").split("/"):
        case ["guarantees", item] if item in ITEMS:
            return str(case_texts(language)["guarantee_item"][item])
        case [name, *_] if name in _QUESTIONS:
            return texts(language)[_QUESTIONS[name]]
    return None


_QUESTIONS = {
    "visited_on": "visit_date",
    "finding": "visit_finding",
    "causes": "visit_causes",
    "account": "visit_account",
    "answers": "visit_answers",
    "rigid_spending": "visit_rigid",
    "protective": "visit_protective",
    "guarantees": "visit_guarantees",
    "corrections": "visit_records",
}
"""Parts of the document, and the keys of what the page calls them."""


def _answer(family: str, given: str) -> dict[str, Any]:
    return (
        {"family": family, "is_agreed": True}
        if given == AGREE
        else {"family": family, "is_agreed": False, "why": given}
    )


def _count(given: str | None) -> Any:
    return int(given) if given is not None and _WHOLE.fullmatch(given) else given


def _yuan(given: str) -> Any:
    return float(given) if _YUAN.fullmatch(given) else given
