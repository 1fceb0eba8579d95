"""Whether the measures of a plan answer the household's causes, and whether its labour gets work.

A check on paper, for the person who writes the plan: it refuses nothing. The rule is DOMAIN §2's: a measure
matches the reason, and a household with labour and will gets a measure of own production or work.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from features import FEATURES, Coverage, RowEngine, policy_value
from features.engines.row import Rows
from features.policy.measures import Measure
from scoring.assessment import Assessment

LabourState = Literal["met", "missing", "without_labour", "unknown"]

OWN_ROWS = ("unsafe_house", "unsafe_water")
"""Rule hits that are a cause of their own (因住房安全, 因饮水安全) though they carry the code 99."""


@dataclass(frozen=True)
class CauseMatch:
    """One cause of the household and the measures of the plan that answer it.

    `groups` are those of the catalogue that would; `is_assumption` says that no document gives them.
    """

    cause: str
    measures: tuple[str, ...]
    groups: tuple[str, ...]
    is_assumption: bool


@dataclass(frozen=True)
class LabourMatch:
    """Whether a household with labour has a measure of own production or work, and of which groups it may be.

    ``unknown`` where the register of members is silent. Whether somebody is willing is asked at the visit.
    """

    state: LabourState
    measures: tuple[str, ...]
    groups: tuple[str, ...]
    is_assumption: bool


@dataclass(frozen=True)
class Matching:
    """All of it; `unmatched` are measures that answer no cause and no labour."""

    causes: tuple[CauseMatch, ...]
    labour: LabourMatch
    unmatched: tuple[str, ...]


def match_measures(
    measures: Sequence[Measure],
    causes: Sequence[str],
    has_labour: bool | None,
    on: dt.date,
    region: str,
) -> Matching:
    """The check of a plan against causes, as `find_causes` names them, with the rule in force on a date."""
    rule = policy_value("measure_match", region, on).value
    found = []
    for cause in causes:
        row = rule["causes"][cause]
        found.append(
            CauseMatch(cause, _of(measures, row["groups"]), tuple(row["groups"]), row["is_assumption"])
        )
    work = rule["labour"]
    working = _of(measures, work["groups"])
    state: LabourState = "met" if working else "missing"
    if has_labour is None:
        state = "unknown"
    elif not has_labour:
        state = "without_labour"
    labour = LabourMatch(state, working, tuple(work["groups"]), work["is_assumption"])
    answering = {code for one in found for code in one.measures} | set(working if has_labour else ())
    unmatched = tuple(one.code for one in measures if one.code not in answering)
    return Matching(tuple(found), labour, unmatched)


def find_causes(made: Assessment) -> tuple[str, ...]:
    """The causes among a household's reasons and rule hits, in order of first mention.

    Official codes, and `OWN_ROWS`. A reason that rests on missing values alone names no cause.
    """
    told = [one.code for one in made.risk_reasons if any(fact.value is not None for fact in one.facts)]
    hits = [one.code if one.code in OWN_ROWS else one.cause for one in made.rule_hits]
    return tuple(dict.fromkeys([*told, *hits]))


def find_labour(rows: Rows, as_of: dt.date, coverage: Coverage, region: str) -> bool | None:
    """Whether anybody in the household can work, weakly too; `None` where the register is silent.

    Raises `ContractError` when the household is not registered on the date.
    """
    (is_without,) = _engine(region).vector(rows, as_of, coverage)
    return None if is_without is None else not is_without


@lru_cache(maxsize=8)
def _engine(region: str) -> RowEngine:
    return RowEngine([FEATURES["composition_is_without_labour"]], region)


def _of(measures: Sequence[Measure], groups: Sequence[str]) -> tuple[str, ...]:
    return tuple(one.code for one in measures if one.group in groups)
