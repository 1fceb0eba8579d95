"""What the pages show of the elimination lock, condition by condition, and of resolved cases to look at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from features.policy.sources import source_text
from scoring.texts import catalogue
from serving.cases.elimination import Condition, Evidence, evidence_label, evidence_text, unmet_text
from serving.cases.texts import case_texts
from serving.console.texts import texts
from serving.storage.elimination import RelapsePage, RelapseSign

PER_PAGE = 25


def conditions_view(conditions: Sequence[Condition], language: str) -> dict[str, Any] | None:
    """The conditions in their order, and how many are met; `None` where there is nothing to mark as gone."""
    if not conditions:
        return None
    met = sum(one.is_met for one in conditions)
    return {
        "count": texts(language)["conditions_count"].format(met=met, all=len(conditions)),
        "is_open": met == len(conditions),
        "items": [
            {
                "text": case_texts(language)["condition"][one.code],
                "is_met": one.is_met,
                "unmet": [unmet_text(each, language) for each in one.unmet],
                "evidence": [_evidence(each, language) for each in one.evidence],
            }
            for one in conditions
        ],
    }


def relapses_view(found: RelapsePage, page: int, language: str) -> dict[str, Any]:
    """Resolved cases with something new since, the latest resolved first."""
    words, pages = texts(language), max(1, -(-found.total // PER_PAGE))
    return {
        "count": words["relapses_count"].format(count=f"{found.total:,}"),
        "items": [_relapse(one, language) for one in found.items],
        "page_text": words["page_number"].format(page=page, pages=pages),
        "previous": page - 1 if 1 < page <= pages else None,
        "next": page + 1 if page < pages else None,
        "has_pages": pages > 1,
    }


def _evidence(one: Evidence, language: str) -> dict[str, Any]:
    return {
        "label": evidence_label(one, language),
        "value": evidence_text(one, language),
        "on": one.on.isoformat() if one.on else None,
        "source": source_text(one.source, language) if one.source else None,
        "is_assumption": one.is_assumption,
    }


def _relapse(one: RelapseSign, language: str) -> dict[str, Any]:
    words, grades = texts(language), catalogue(language)["grades"]
    grade = None
    if one.grade_then is not None and one.grade_now is not None:
        grade = words["relapse_grades"].format(then=grades[one.grade_then], now=grades[one.grade_now])
    return {
        "household_id": one.case.household_id,
        "village_code": one.case.village_code,
        "closed_on": words["relapse_closed"].format(date=one.case.closed_on),
        "signs": [case_texts(language)["relapse"][code] for code in one.signs],
        "leads": words["relapse_leads"].format(count=one.new_leads) if one.new_leads else None,
        "grade": grade,
    }
