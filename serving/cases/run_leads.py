"""Leads of a scored run: the departments' triggers that fired, and the score where it is high."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

from features import FEATURES
from scoring.themes import OTHER
from serving.cases.card import MOST_CAUSES
from serving.cases.lead import Lead, make_lead
from serving.cases.lead_code import DECLARATION, LEAD_CODES, SCORE

SIGNALS = "signals"
"""Source of what the platform found in the departments' data and no one department reports."""


def find_run_leads(statement: Mapping[str, Any], village_code: str, region: str) -> list[Lead]:
    """The leads of one stored statement: one for each rule hit, and one of the score where its grade is high.

    A hit occurred, and was known, when the latest record of the feeds that it reads did; so the same hit
    found by the next run, or by another model, is the same lead until there is another record; so is one that
    stands on because its feed fell silent. Triggers that this version does not know any more make none.
    """
    as_of = dt.date.fromisoformat(statement["as_of_date"])
    disagreement = statement.get("disagreement")
    household = statement["household_id"]
    made = []
    standing: Mapping[str, Any] = statement.get("standing") or {"rule_hits": ()}
    for hit in (*statement["rule_hits"], *standing["rule_hits"]):
        if hit["code"] not in LEAD_CODES or hit["feature"] not in FEATURES:
            continue
        said = LEAD_CODES[hit["code"]]
        occurred, known = _latest(hit["feature"], statement.get("latest_facts", {}), as_of)
        facts = {name: hit[name] for name in ("feature", "value", "level", "is_assumption")}
        facts["disagreement"] = disagreement
        if hit["code"] == DECLARATION:
            facts["cause"] = hit["cause"]
        source = said.department.value if said.department else SIGNALS
        # The themes of causes are those of the run's own day: a record may be older than the list of causes.
        theme = make_lead(
            household, village_code, said.code, source, occurred_on=as_of, known_on=as_of, region=region,
            facts=facts,
        ).theme  # fmt: skip
        made.append(
            make_lead(
                household,
                village_code,
                said.code,
                source,
                occurred_on=occurred,
                known_on=known,
                region=region,
                facts=facts,
                theme=theme,
            )
        )
    # Where every department is silent the grade is made of nothing: what stands on beside it says which was.
    if statement["grade"] == standing.get("grade", "high") == "high":
        themes = statement.get("themes") or ()
        facts = {
            "score": statement["score"], "grade": "high", "disagreement": disagreement,
            "causes": _causes(statement["risk_reasons"]),
        }  # fmt: skip
        made.append(
            make_lead(
                household,
                village_code,
                SCORE,
                statement["model_version"],
                occurred_on=as_of,
                known_on=as_of,
                region=region,
                facts=facts,
                theme=max(themes, key=lambda one: one["score"])["theme"] if themes else OTHER,
            )
        )
    return made


def _latest(
    feature: str, latest_facts: Mapping[str, Mapping[str, Any]], as_of: dt.date
) -> tuple[dt.date, dt.date]:
    """When the latest record of the feature's feeds occurred and was known; the run's day where there is
    none."""
    found = [
        (dt.date.fromisoformat(one["occurred_on"]), dt.date.fromisoformat(one["known_on"]))
        for one in (latest_facts.get(feed) for feed in FEATURES[feature].feeds)
        if one is not None
    ]
    return max(found, key=lambda one: (one[1], one[0]), default=(as_of, as_of))


def _causes(reasons: Iterable[Mapping[str, Any]]) -> list[str]:
    codes = dict.fromkeys(str(one["code"])[:2] for one in reasons)
    return list(codes)[:MOST_CAUSES] or ["99"]
