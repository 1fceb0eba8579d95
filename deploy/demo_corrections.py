"""The demo's corrections: what village officials found otherwise than the departments' records say.

Each is a whole record as the form of a visit shows it, with one thing written over. All are proposed in the
town of the demo's own township official, who reviews them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from deploy.demo_courses import Course, assured
from deploy.demo_town import Town, open_case
from features.engines.row import stored_row
from features.signals.buckets import Buckets
from serving.access import Role
from serving.cases.clocks import region_of
from serving.cases.run_leads import find_run_leads
from serving.command import OPERATOR
from serving.console.record_form import Record, records_of_rows

Values = dict[str, Any]
Scored = tuple[dict[str, Any], str]
"""What a run says of a household, and its village."""
Otherwise = Callable[[Values, dt.date], Values | None]
"""A record's values as they should be, empty where there should be none; `None` where that does not fit."""


def _bill(told: Values, on: dt.date) -> Values | None:
    """The insurance counts as paid what the household paid itself."""
    if told["self_paid_yuan"] < 1_000 or told["reimbursed_yuan"] < 3_000:
        return None
    back = round(told["reimbursed_yuan"] * 0.4, 2)
    return {
        **told,
        "reimbursed_yuan": round(told["reimbursed_yuan"] - back, 2),
        "self_paid_yuan": round(told["self_paid_yuan"] + back, 2),
    }


def _work(told: Values, on: dt.date) -> Values | None:
    """Somebody who is recorded as away at work has been at home for weeks."""
    home = on - dt.timedelta(days=40)
    if told.get("ended_on") or told["work"] != "migrant" or told.get("monthly_wage_yuan", 0) < 2_000:
        return None
    if told["occurred_on"] >= home.isoformat():
        return None
    return {**told, "ended_on": home.isoformat()}


def _wages(told: Values, on: dt.date) -> Values | None:
    """Half of the wages that are recorded never came."""
    if told["source"] != "wages" or told["amount_yuan"] < 3_000:
        return None
    return {**told, "amount_yuan": round(told["amount_yuan"] / 2, 2)}


def _aid(told: Values, on: dt.date) -> Values | None:
    """The aid of a term that is recorded did not arrive."""
    return {**told, "aid_yuan": 0.0} if told.get("aid_yuan", 0) >= 300 else None


def _house(told: Values, on: dt.date) -> Values | None:
    """A house that is recorded as unsafe was repaired."""
    return {**told, "grade": "B"} if told["grade"] in {"C", "D"} else None


def _other_household(told: Values, on: dt.date) -> Values | None:
    """A small bill that is another household's."""
    return {} if told["self_paid_yuan"] < 1_000 else None


KINDS: Sequence[tuple[str, Otherwise]] = (
    ("illness", _bill), ("income", _wages), ("employment", _work), ("schooling", _aid),
    ("illness", _other_household), ("housing", _house),
)  # fmt: skip
"""The feeds that are wrong in turn, and how; the first two have been reviewed when the demo begins."""
DAYS = (13, 12, 11, 10, 9, 8)
"""So long before the last day each household has its leads, a day before the visit."""


def find_corrections(
    scored: Sequence[Scored], signals: Path, on: dt.date
) -> Iterator[tuple[int, Scored, Values]]:
    """For each kind one of the households whose records it fits: the kind's place, whose, the document."""
    left, stored = list(scored), Buckets.open(signals)
    for place, (feed, otherwise) in enumerate(KINDS):
        for at, one in enumerate(left):
            rows = stored.household_rows(one[0]["household_id"])
            known = {name: [stored_row(row) for row in records] for name, records in rows.items()}
            document = _document(records_of_rows(known), feed, otherwise, on)
            if document is not None:
                del left[at]
                yield place, one, document
                break


def _document(records: Sequence[Record], feed: str, otherwise: Otherwise, on: dt.date) -> Values | None:
    for record in records:
        told = dict(record.values)
        made = otherwise(told, on) if record.feed == feed else None
        if made is not None:
            return {"feed": feed, "replaces": told} | ({"row": made} if made else {})
    return None


def correct(town: Town, body: Mapping[str, Any], village: str, document: Values) -> Course:
    """A household whose visit finds a record to be otherwise, proposed by the village for the town."""
    yield town.clock.day
    leads = find_run_leads(body, village, region_of(village))
    town.done["leads"] += town.leads.add(OPERATOR, leads, on=town.clock.day).new
    household = body["household_id"]
    case = open_case(town.engine, household)
    if case is not None and case.state == "found":
        town.move(case.id, "alert", Role.TOWNSHIP_OFFICIAL)
    yield town.clock.day + dt.timedelta(days=1)
    is_poor = bool(document.get("row")) and document["feed"] != "housing"
    found = {"causes": [_CAUSES[document["feed"]]]} if is_poor else {}
    town.visit(
        household, village, "difficulty" if is_poor else "no_difficulty", Role.VILLAGE_OFFICIAL,
        corrections=[document], **found, **assured(town, is_poor=is_poor),
    )  # fmt: skip
    town.done["corrections"] += 1


_CAUSES = {"illness": "01", "income": "07", "employment": "07", "schooling": "09"}
