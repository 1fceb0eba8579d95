"""What a run wrote, read back: one household as the service words it, and the summary."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from features import CONTRACTS
from features.engines.run_folder import RunFolder
from features.errors import RunError
from features.facts import LatestFact
from features.health import Verdict
from features.usual import UsualHere
from scoring import Assessment
from scoring.assessment import Freshness, is_silent, with_evidence
from scoring.certainty import Certainty
from scoring.disagreement import find_disagreement
from scoring.grades import GradeBorders
from scoring.listing import find_not_listed
from scoring.outlook import HorizonScore, ThemeScore
from scoring.reasons import Reason, ReasonFact
from scoring.statement import make_statement, put_into_words
from scoring.triggers import TriggerHit
from serving.api.not_scored import not_scored
from serving.province.columns import NOTHING_KNOWN
from serving.province.feeds import STATES
from serving.province.folder import MANIFEST, SUMMARY, ProvinceFolder


def read_statement(out: Path, household_id: str) -> dict[str, Any] | None:
    """What the service answers of one household, from a finished run; None where it was not registered.

    Of whom nothing was known it is the `problem` in place of a score.

    Raises `RunError` when the run is not finished or a file is harmed.
    """
    said = RunFolder(out, MANIFEST).finished()
    for path in ProvinceFolder(out).files():
        try:
            found = pq.read_table(path, partitioning=None, filters=[("household_id", "=", household_id)])
        except (pa.ArrowException, OSError):
            raise RunError(f"{path} is no Parquet table: remove it and start the run again") from None
        if len(found):
            row = found.to_pylist()[0]
            # Runs written before nothing was known of anybody do not hold the column.
            if row.get("problem") is not None:
                return not_scored(household_id, NOTHING_KNOWN)
            return put_into_words(make_statement(assessment_of(row), said["region"]))
    return None


def read_summary(out: Path) -> dict[str, Any]:
    """The summary of a finished run; raises `RunError` when it is not finished."""
    RunFolder(out, MANIFEST).finished()
    summary: dict[str, Any] = json.loads((out / SUMMARY).read_bytes())
    return summary


def assessment_of(row: Mapping[str, Any]) -> Assessment:
    """The assessment that a row was made of; the feeds that are not told are fresh, and left out.

    A province keeps what is said of a household, not what it was drawn from: the families behind a later
    "what changed", what is usual around the household, and the siblings' view of a reason are not in it.
    """
    feeds: dict[str, Freshness] = {feed: state for state in STATES for feed in row[f"{state}_feeds"]}
    facts = {one["feed"]: LatestFact(**one) for one in row["latest_facts"]}
    known: dict[str, Freshness] = {**dict.fromkeys(CONTRACTS, "fresh"), **feeds}
    risk, protective = (
        tuple(
            with_evidence(_reason(one, effect), known, facts, UsualHere()) for one in row[f"{effect}_reasons"]
        )
        for effect in ("risk", "protective")
    )
    hits = tuple(TriggerHit(**one) for one in row["rule_hits"])
    return Assessment(
        household_id=row["household_id"],
        as_of_date=row["as_of_date"],
        score=row["score"],
        log_odds=row["log_odds"],
        base_log_odds=row["base_log_odds"],
        families=(),
        grade=row["grade"],
        not_listed=find_not_listed(
            row["log_odds"],
            row["grade"],
            GradeBorders(row["listing_border"], row["listing_border"]),
            protective,
            has_hits=bool(hits),
            has_silent_feeds=is_silent(feeds),
        ),
        disagreement=find_disagreement(row["grade"], hits),
        risk_reasons=risk,
        protective_reasons=protective,
        rule_hits=hits,
        feeds=feeds,
        facts=facts,
        feed_faults=tuple(
            Verdict(one["feed"], one["area_code"], one["period"], one["state"], one["reason"])
            for one in row["feed_faults"]
        ),
        suggested_action=row["suggested_action"],
        base_rate=row["base_rate"],
        horizon_months=row["horizon_months"],
        model_version=row["model_version"],
        policy_version=row["policy_version"],
        feature_version=row["feature_version"],
        certainty=_certainty(row),
        # Runs written before scores were divided do not hold these columns.
        horizons=tuple(HorizonScore(**one) for one in row.get("horizons", ())),
        themes=tuple(ThemeScore(**one) for one in row.get("themes", ())),
    )


def _certainty(row: Mapping[str, Any]) -> Certainty | None:
    # Runs written before certainty was told, and models without it, do not say it.
    level = row.get("certainty")
    if level is None:
        return None
    return Certainty(level, row["certainty_low"], row["certainty_high"], row["certainty_missing_share"])


def _reason(one: Mapping[str, Any], effect: Any) -> Reason:
    facts = tuple(ReasonFact(**fact) for fact in one["facts"])
    return Reason(one["code"], one["family"], effect, one["contribution"], facts, one["share"])
