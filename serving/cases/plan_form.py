"""What is handed in about a plan: a measure for a household, and what arrived of one."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import Any

from features.policy.measures import Measure, measures
from features.signals.fields import FEN_PER_YUAN
from scoring.what_if.plan import MOST_PERSONS
from serving.cases.document import DocumentReader
from serving.cases.plan import amount_bounds, last_due_on
from serving.cases.visit import cause_codes

MEASURE = ("measure", "cause", "amount_yuan", "persons", "starts_on", "due_on")
DELIVERY = ("submission_key", "delivered_on", "amount_yuan", "is_above_plan")
_KEY = re.compile(r"[0-9A-Za-z_-]{16,64}")


@dataclass(frozen=True)
class MeasureForm:
    """A measure that is to be planned; see `PlannedHelp`."""

    measure: Measure
    cause: str
    amount_fen: int | None
    persons: int
    starts_on: dt.date
    due_on: dt.date


@dataclass(frozen=True)
class DeliveryForm:
    """What arrived. `is_above_plan`: it is said that this is more than was planned."""

    submission_key: str
    delivered_on: dt.date
    amount_fen: int | None
    is_above_plan: bool


def read_measure(document: Any, today: dt.date, region: str) -> MeasureForm:
    """A measure of a document; raises `Problem` (422) with everything that is wrong with it.

    An amount that is left out is the catalogue's; `persons` belongs to measures for persons alone.
    """
    reader = DocumentReader()
    there = reader.object(document, "", MEASURE, ("measure", "cause", "starts_on", "due_on"))
    code = reader.word(there["measure"], "/measure", tuple(measures())) if "measure" in there else None
    causes = cause_codes(today, region)
    cause = reader.word(there["cause"], "/cause", causes) if "cause" in there else None
    starts_on, due_on = (
        reader.day(there[name], f"/{name}") if name in there else None for name in ("starts_on", "due_on")
    )
    if starts_on is not None and due_on is not None and not starts_on <= due_on <= last_due_on(starts_on):
        reader.add("/due_on", "out_of_range", "give a day from starts_on on, within 12 months")
    if starts_on is not None and starts_on > last_due_on(today):
        reader.add("/starts_on", "out_of_range", "give a day within 12 months from today")
        starts_on = None
    if code is None:
        reader.check()
    assert code is not None
    measure = measures()[code]
    if starts_on is not None and measure.find_entry(region, starts_on) is None:
        way_out = f"on the day it starts the measure must be in force: {measure.validity(region)}"
        reader.add("/starts_on", "not_in_force", way_out)
    amount = _amount(reader, there, measure, starts_on, region)
    persons = 1
    if "persons" in there and measure.per != "person":
        reader.add("/persons", "not_taken", "leave it out: the measure is for the whole household")
    elif "persons" in there:
        persons = reader.count(there["persons"], "/persons", 1, MOST_PERSONS) or 1
    reader.check()
    assert cause is not None
    assert starts_on is not None
    assert due_on is not None
    return MeasureForm(measure, cause, amount, persons, starts_on, due_on)


def read_delivery(document: Any, measure: Measure, today: dt.date) -> DeliveryForm:
    """A delivery of a document about a measure; raises `Problem` (422) with everything that is wrong."""
    reader = DocumentReader()
    there = reader.object(document, "", DELIVERY, ("submission_key", "delivered_on"))
    key = there.get("submission_key", "")
    if "submission_key" in there and not (isinstance(key, str) and _KEY.fullmatch(key)):
        reader.add("/submission_key", "malformed", "give 16 to 64 letters, digits, _ and -, such as a UUID")
    day = reader.day(there["delivered_on"], "/delivered_on") if "delivered_on" in there else None
    if day is not None and day > today:
        reader.add("/delivered_on", "in_the_future", "give the day on which it arrived")
    bounds, amount = amount_bounds(measure), None
    if bounds is None and "amount_yuan" in there:
        reader.add("/amount_yuan", "not_taken", "leave it out: the measure pays nothing")
    elif bounds is not None and "amount_yuan" not in there:
        reader.add("/amount_yuan", "missing", "give the amount that arrived")
    elif bounds is not None:
        # Several payments, and those of several persons, may arrive at once.
        most = measure.at_most_yuan * MOST_PERSONS
        amount = reader.fen(there["amount_yuan"], "/amount_yuan", most)
        if amount == 0:
            reader.add("/amount_yuan", "out_of_range", "give an amount above 0")
    is_above = reader.flag(there["is_above_plan"], "/is_above_plan") if "is_above_plan" in there else False
    reader.check()
    assert day is not None
    return DeliveryForm(str(key), day, amount, bool(is_above))


def _amount(
    reader: DocumentReader, there: dict[str, Any], measure: Measure, starts_on: dt.date | None, region: str
) -> int | None:
    bounds = amount_bounds(measure)
    if bounds is None:
        if "amount_yuan" in there:
            reader.add("/amount_yuan", "not_taken", "leave it out: the measure pays nothing")
        return None
    if "amount_yuan" not in there:
        entry = measure.find_entry(region, starts_on) if starts_on is not None else None
        return entry.value_yuan * FEN_PER_YUAN if entry is not None and entry.value_yuan is not None else None
    amount = reader.fen(there["amount_yuan"], "/amount_yuan", measure.at_most_yuan)
    if amount is not None and amount < bounds[0]:
        reader.add(
            "/amount_yuan", "out_of_range", f"give an amount above 0, up to {measure.at_most_yuan} yuan"
        )
    return amount
