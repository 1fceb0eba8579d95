"""What a plan would change: reference income, worked out exactly, and beside it the model's changed score.

The two are of different kinds. The first is arithmetic over the household's own lines. The second is what
the model associates with the changed facts; it is no effect of help, and nobody gets or loses help by it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Literal

import numpy as np

from features import Coverage, RowEngine, policy_value
from features.engines.row import Rows
from features.facts import latest_facts
from features.policy import PolicyValue
from features.signals.fields import FEN_PER_YUAN
from scoring.assessment import Assessment, Assessor
from scoring.reasons import LEAST_CONTRIBUTION
from scoring.what_if.application import apply_measure, drawn_before
from scoring.what_if.ledger import Ledger, find_ledger
from scoring.what_if.matching import Matching, find_causes, find_labour, match_measures
from scoring.what_if.persons import check_persons
from scoring.what_if.plan import Plan, PlannedMeasure

ReasonChange = Literal["gone", "new", "weaker", "stronger", "unchanged"]


@dataclass(frozen=True)
class MeasureEffect:
    """What one measure adds, in the catalogue's order: `counted_fen` to reference income, `None` without one.

    `paid_fen` is all that it pays in the planned year; `drawn_fen` what the household draws a month of the
    same support already, which the measure's amount includes.
    """

    planned: PlannedMeasure
    paid_fen: int
    drawn_fen: int
    counted_fen: int | None


@dataclass(frozen=True)
class IncomeChange:
    """Reference income before and after, with the line in force on the as-of date beside it."""

    before: Ledger
    after: Ledger
    line: PolicyValue

    @property
    def line_fen(self) -> int:
        """The line for the whole household."""
        return int(Decimal(str(self.line.value)) * FEN_PER_YUAN) * self.before.members

    def gap_fen(self, ledger: Ledger) -> int:
        """What the whole household is short of the line; 0 at the line and above."""
        return max(0, self.line_fen - ledger.total_fen)

    @property
    def is_gap_closed(self) -> bool:
        """Whether the household was under the line and would not be."""
        return self.gap_fen(self.before) > 0 and self.gap_fen(self.after) == 0

    @cached_property
    def changed_fen(self) -> dict[str, int]:
        """Line → what its change adds to reference income, for the lines whose amount changed."""
        return {
            name: self.after.counted_fen(name) - self.before.counted_fen(name)
            for name, fen in self.after.line_fen.items()
            if fen != self.before.line_fen[name]
        }


@dataclass(frozen=True)
class WhatIf:
    """The answer to one what-if. `income` is `None` where reference income is not known.

    `unseen_feeds` are feeds that the plan changes and that are silent for the household's village: the model
    cannot see those changes.
    """

    household_id: str
    as_of: dt.date
    plan: Plan
    effects: tuple[MeasureEffect, ...]
    income: IncomeChange | None
    before: Assessment
    after: Assessment
    matching: Matching
    unseen_feeds: tuple[str, ...]


def what_if(
    assessor: Assessor,
    engine: RowEngine,
    household_id: str,
    rows: Rows,
    as_of: dt.date,
    coverage: Coverage,
    plan: Plan,
) -> WhatIf:
    """Work a plan out for one household.

    `rows` are stored rows as `RowEngine` reads them and are left as they are; `engine` computes the
    assessor's features. Raises `ContractError` when the household is not registered on the date, and
    `PlanError` when it has fewer persons than the plan is for.
    """
    check_persons(rows, plan, as_of, coverage)
    region = plan.region
    ledgers = [find_ledger(rows, as_of, coverage, region)]
    changed = rows
    effects = []
    for planned in plan.measures:
        drawn = drawn_before(rows, planned, as_of)
        changed = apply_measure(changed, planned, plan.period)
        ledgers.append(find_ledger(changed, as_of, coverage, region))
        earlier, later = ledgers[-2:]
        counted = later.total_fen - earlier.total_fen if earlier and later else None
        paid = planned.amount_fen * len(planned.payments)
        effects.append(MeasureEffect(planned, paid, drawn, counted))
    before, after = _assess(assessor, engine, household_id, [rows, changed], as_of, coverage)
    first, last = ledgers[0], ledgers[-1]
    line = policy_value("monitoring_line", region, as_of)
    causes, has_labour = find_causes(before), find_labour(rows, as_of, coverage, region)
    silent = engine.silent_feeds(rows, as_of, coverage)
    return WhatIf(
        household_id=household_id,
        as_of=as_of,
        plan=plan,
        effects=tuple(effects),
        income=IncomeChange(first, last, line) if first and last else None,
        before=before,
        after=after,
        matching=match_measures([one.measure for one in plan.measures], causes, has_labour, as_of, region),
        unseen_feeds=tuple(feed for feed in silent if changed.get(feed) is not rows.get(feed)),
    )


def reason_changes(made: WhatIf) -> dict[str, tuple[ReasonChange, float | None, float | None]]:
    """Cause family → how the told risk reason changed, with its log-odds before and after.

    A difference too small for a sentence is ``unchanged``.
    """
    before = {one.family: one.contribution for one in made.before.risk_reasons}
    after = {one.family: one.contribution for one in made.after.risk_reasons}
    changes: dict[str, tuple[ReasonChange, float | None, float | None]] = {}
    for family in dict.fromkeys([*before, *after]):
        old, new = before.get(family), after.get(family)
        word: ReasonChange = "unchanged"
        if old is None:
            word = "new"
        elif new is None:
            word = "gone"
        elif abs(new - old) >= LEAST_CONTRIBUTION:
            word = "stronger" if new > old else "weaker"
        changes[family] = (word, old, new)
    return changes


def _assess(
    assessor: Assessor,
    engine: RowEngine,
    household_id: str,
    versions: Sequence[Rows],
    as_of: dt.date,
    coverage: Coverage,
) -> list[Assessment]:
    vectors = [engine.vector(rows, as_of, coverage) for rows in versions]
    village = engine.village_code(versions[0], as_of)
    feeds = coverage.freshness(village, as_of, assessor.region, assessor.look_back)
    return assessor.assess_matrix(
        np.array(vectors, dtype=np.float64),
        [household_id] * len(versions),
        as_of,
        [feeds] * len(versions),  # type: ignore[list-item]
        [latest_facts(rows, as_of) for rows in versions],
    )
