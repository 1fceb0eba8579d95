"""The leads that a visit is (点): each gap that was found at the door, and difficulty."""

from __future__ import annotations

import datetime as dt

from serving.cases.clocks import region_of
from serving.cases.lead import Lead, make_lead
from serving.cases.lead_code import VISIT_DIFFICULTY, VISIT_GAPS
from serving.cases.visit import UNSAFE, Finding, VisitForm

_OTHER = "99"


def find_visit_leads(
    form: VisitForm, household_id: str, village_code: str, source: str, known_on: dt.date
) -> list[Lead]:
    """The leads of a visit that the account `source` made; none of one that found nothing."""
    codes = [VISIT_GAPS[one] for one in form.guarantees.gaps] if form.guarantees else []
    if form.finding is Finding.DIFFICULTY:
        codes.append(VISIT_DIFFICULTY)
    official = next((one for one in form.causes if one not in UNSAFE), _OTHER)
    return [
        make_lead(
            household_id, village_code, code, source, occurred_on=form.visited_on, known_on=known_on,
            region=region_of(village_code), facts={"cause": official} if code == VISIT_DIFFICULTY else {},
        )
        for code in codes
    ]  # fmt: skip
