"""A what-if request: a scoring request of one household, and the measures planned for it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from features import Coverage
from features.policy.measures import measures
from features.signals.defects import Defect
from features.signals.fields import Count, Date, Field, Money
from scoring.what_if import Choice, Plan, PlanError, make_plan
from scoring.what_if.persons import check_persons
from scoring.what_if.plan import MOST_MEASURES, MOST_PERSONS
from serving.api.score_request import TOP, RequestReader, ScoreRequest
from serving.errors import Problem
from serving.scorer import HouseholdRows, Scorer

MEASURE = ("code", "starts_on", "ends_on", "amount_yuan", "persons")

_FIELDS: tuple[Field, ...] = (
    Date(name="starts_on", zh="起始日", en="first day"),
    Date(name="ends_on", zh="最后一天", en="last day"),
    Money(name="amount", zh="金额", en="amount of one payment"),
    Count(name="persons", minimum=1, maximum=MOST_PERSONS, zh="人数", en="persons"),
)


@dataclass(frozen=True)
class WhatIfRequest:
    """A request that keeps every rule."""

    as_of: dt.date
    coverage: Coverage
    household: HouseholdRows
    plan: Plan


class WhatIfReader(RequestReader):
    """Reads one document; `read_plan` is called once."""

    top = (*TOP, "measures")

    def __init__(self, scorer: Scorer) -> None:
        super().__init__(scorer, most_households=1)
        self.plan: Plan | None = None

    def read_plan(self, document: Any) -> WhatIfRequest:
        """The request; raises `Problem` with all of its errors, the first hundred if there are more."""
        made = self.read(document)
        if self.plan is None:
            raise Problem("request_invalid", errors=self.errors)
        household = made.households[0]
        try:
            check_persons(household.rows, self.plan, made.as_of, made.coverage)
        except PlanError as error:
            self._add_faults(error)
            raise Problem("request_invalid", errors=self.errors) from None
        return WhatIfRequest(made.as_of, made.coverage, household, self.plan)

    def _request(self, document: Any) -> ScoreRequest | None:
        made = super()._request(document)
        given = document.get("measures") if isinstance(document, dict) else None
        choices = None if given is None else self._choices(given)
        if made is not None and choices is not None:
            self.plan = self._plan(choices, made.as_of)
        return made

    def _choices(self, given: Any) -> list[Choice] | None:
        items = self._array(given, "/measures")
        if items is None:
            return None
        if len(items) > MOST_MEASURES:
            self._add("/measures", "wrong_number", f"give at most {MOST_MEASURES} measures")
            return None
        before = len(self.errors)
        made = [self._choice(item, f"/measures/{number}") for number, item in enumerate(items)]
        return None if len(self.errors) > before else [one for one in made if one is not None]

    def _choice(self, item: Any, at: str) -> Choice | None:
        if not self._object(item, at, set(MEASURE), ("code",)):
            return None
        code = item.get("code")
        if code is not None and not (isinstance(code, str) and code in measures()):
            self._add(f"{at}/code", "unknown_measure", f"give one of {', '.join(measures())}")
            return None
        values = {field.column: self._value(field, item, at) for field in _FIELDS}
        return Choice(str(code), **values)

    def _value(self, field: Field, item: Mapping[str, Any], at: str) -> Any:
        given = item.get(field.surface)
        if given is None:
            return None
        try:
            if isinstance(given, str) and (not field.is_textual or given == ""):
                kind = "string" if field.is_textual else "number"
                raise field.defect("wrong_type", kind=(kind, kind))
            return field.parse(given)
        except Defect as defect:
            self._add(f"{at}/{field.surface}", defect.code, defect.way_out)
            return None

    def _plan(self, choices: list[Choice], as_of: dt.date) -> Plan | None:
        try:
            return make_plan(choices, as_of, self.scorer.region)
        except PlanError as error:
            self._add_faults(error)
            return None

    def _add_faults(self, error: PlanError) -> None:
        for one in error.faults:
            self._add(f"/measures/{one.number}/{one.part}", one.code, one.way_out)
