"""What a case's plan would change: worked out on what is stored of the household, and kept nowhere."""

from __future__ import annotations

import datetime as dt
from typing import Any

from features.signals import REQUEST_FEEDS
from scoring.what_if import PlanError, make_plan
from scoring.what_if.persons import check_persons
from serving.access import Caller
from serving.cases.clocks import region_of
from serving.cases.plan import what_if_choices
from serving.champion import Champion
from serving.console.numbers import percent
from serving.console.texts import texts
from serving.errors import Problem
from serving.neighbourhood import add_neighbourhood
from serving.signals_folder import SignalsFolder
from serving.storage import VillageStore
from serving.storage.plans import CasePlan

_NOT_NOW = {
    "signals_not_kept", "signals_failed", "nothing_known", "model_off", "model_absent", "model_failed",
    "model_loading",
}  # fmt: skip


class PlanEffects:
    """Works plans out with the model in service and the folder of stored signals."""

    def __init__(self, champion: Champion, signals: SignalsFolder, villages: VillageStore) -> None:
        self.champion = champion
        self.signals = signals
        self.villages = villages

    def find(
        self, caller: Caller, plan: CasePlan, as_of: dt.date, corrected_on: dt.date | None = None
    ) -> dict[str, Any] | None:
        """The answer to a plan as of a date; `None` where it cannot be worked out here.

        With `corrected_on` the date's facts are as they were told right until then. It cannot be worked out
        without a model or stored signals, for a household that they do not have or know nothing of, and for a
        plan that has nothing to come.
        """
        household_id = plan.case.household_id
        choices = what_if_choices(plan.measures, as_of, region_of(plan.case.village_code))
        if not choices:
            return None
        try:
            scorer = self.champion.scorer()
            found, coverage = self.signals.find(
                [household_id], as_of, caller.scope, REQUEST_FEEDS, corrected_on=corrected_on
            )
            if household_id not in found:
                return None
            made = make_plan(choices, as_of, scorer.region)
            households, coverage = add_neighbourhood(
                [found[household_id]], as_of, coverage, self.villages, scorer.assessor.look_back
            )
            check_persons(households[0].rows, made, as_of, coverage)
            return scorer.what_if(households[0], as_of, coverage, made)
        except PlanError:
            return None
        except Problem as problem:
            if problem.code not in _NOT_NOW:
                raise
            return None


def effect_view(answer: dict[str, Any], language: str) -> dict[str, Any]:
    """What the template writes: the scores, and every sentence as the API says it."""
    model = answer["model"]
    before, after = (
        {"score": percent(one["score"]), "grade": one["grade_text"][language]}
        for one in (model["before"], model["after"])
    )
    scored = texts(language)["what_if_score"].format(
        before=before["score"], former_grade=before["grade"], after=after["score"], grade=after["grade"]
    )
    return {
        "period": answer["period"]["text"][language],
        "income": _said(answer["reference_income_text"], language),
        "measures": [_said(one["text"], language) for one in answer["measures"]],
        "model": [scored, *_said(model["text"], language)],
        "nature": model["nature_text"][language],
    }


def _said(text: dict[str, Any], language: str) -> list[str]:
    said = text[language]
    return [said] if isinstance(said, str) else list(said)
