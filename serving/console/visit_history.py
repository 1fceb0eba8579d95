"""What the household page shows of the visits that were made: whether one was drawn by lot is not told."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from serving.cases.clocks import region_of
from serving.cases.people import role_text
from serving.cases.texts import case_texts
from serving.cases.visit import Finding
from serving.console.texts import texts
from serving.storage.visits import StoredVisit

_SEPARATORS = {"zh": "、", "en": ", "}


def visits_view(visits: Iterable[StoredVisit], language: str) -> list[dict[str, Any]]:
    """The visits, the latest first, each with what it found."""
    return [
        {
            "on": one.visited_on.isoformat(),
            "role": role_text(one.role, language),
            "finding": case_texts(language)["finding"][one.finding.value],
            "told": [] if one.finding is Finding.NOT_MET else list(_told(one, language)),
        }
        for one in visits
    ]


def _told(visit: StoredVisit, language: str) -> Iterable[str]:
    words, of_cases, separator = texts(language), case_texts(language), _SEPARATORS[language]
    if visit.account is not None:
        said = visit.account.as_json(region_of(visit.village_code))
        yield words["visit_income"].format(
            net=f"{said['net_per_person_yuan']:,.0f}",
            reference=f"{said['per_person_yuan']:,.0f}",
            line=f"{said['line_yuan']:,}",
            date=said["line_from"],
        )
    if visit.guarantees is not None and visit.guarantees.gaps:
        gaps = separator.join(of_cases["guarantee_item"][one] for one in visit.guarantees.gaps)
        yield words["visit_gaps"].format(gaps=gaps)
    if visit.rigid_spending is not None:
        yield of_cases["rigid_spending"][visit.rigid_spending.value]
    if answers := visit.body.get("answers"):
        agreed = sum(one["is_agreed"] for one in answers)
        yield words["visit_answered"].format(agreed=agreed, others=len(answers) - agreed)
