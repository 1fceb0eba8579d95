"""What is told of each household of a request: its score, or that nothing is known to make one of."""

from __future__ import annotations

import datetime as dt
from typing import Any

from features import Coverage
from serving.api.asked import Asked
from serving.api.brief_answers import brief
from serving.api.not_scored import not_scored
from serving.around import Around
from serving.scorer import HouseholdRows, Scorer
from serving.steps import Steps


def score_each(
    scorer: Scorer,
    around: Around,
    households: list[HouseholdRows],
    as_of: dt.date,
    coverage: Coverage,
    asked: Asked,
) -> Steps[list[dict[str, Any]]]:
    """One item for each, in order: what was asked for, or why there is no score."""

    def score(some: list[HouseholdRows]) -> Steps[list[dict[str, Any]]]:
        if asked.excerpt is not None:
            return (yield from scorer.excerpts(some, as_of, coverage, asked.excerpt))
        usual = around.usual.find((one.village_code for one in some), as_of)
        made = scorer.score(some, as_of, coverage, usual, asked.most_reasons)
        return made if asked.most_reasons else [brief(one) for one in made]

    unheard = scorer.unheard(households, as_of, coverage)
    if not unheard:
        return (yield from score(households))
    made = iter((yield from score([one for one in households if one.household_id not in unheard])))
    return [
        not_scored(one.household_id, "nothing_known") if one.household_id in unheard else next(made)
        for one in households
    ]
