"""What the household page shows of the visits that were made: whether one was drawn by lot is not told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from serving.cases.clocks import region_of
from serving.cases.people import role_text
from serving.cases.texts import case_texts
from serving.cases.visit import Finding
from serving.console.correction_view import is_counted, standing_view
from serving.console.texts import texts
from serving.storage.corrections import StoredCorrection
from serving.storage.stored_visits import StoredVisit

_SEPARATORS = {"zh": "、", "en": ", "}


def visits_view(
    visits: Iterable[StoredVisit],
    corrections: Mapping[str, Sequence[StoredCorrection]],
    body: Mapping[str, Any] | None,
    language: str,
    *,
    is_told: bool,
) -> list[dict[str, Any]]:
    """The visits, the latest first, each with what it found and the facts that it proposed to correct.

    `body` is the assessment shown beside them; values of facts are for readers who are `is_told`.
    """
    return [
        {
            "on": one.visited_on.isoformat(),
            "role": role_text(one.role, language),
            "finding": case_texts(language)["finding"][one.finding.value],
            "corrections": [
                standing_view(fact, language, is_told=is_told, is_counted=is_counted(fact, body))
                for fact in corrections.get(one.id, ())
            ],
            "told": [] if one.finding is Finding.NOT_MET else list(_told(one, language)),
        }
        for one in visits
    ]


def _told(visit: StoredVisit, language: str) -> Iterable[str]:
    words, of_cases, separator = texts(language), case_texts(language), _SEPARATORS[language]
    if visit.account is not None:
        said = visit.account.as_json(region_of(visit.village_code))
        yield words["visit_income"].format(
            on=visit.visited_on.isoformat(),
            role=role_text(visit.role, language),
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
