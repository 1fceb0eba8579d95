"""A what-if as plain data with its words, as the API answers it. Nothing of it is stored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from features.signals.fields import FEN_PER_YUAN
from scoring.assessment import Assessment
from scoring.texts import LANGUAGES, catalogue
from scoring.what_if import wording
from scoring.what_if.ledger import Ledger
from scoring.what_if.matching import CauseMatch
from scoring.what_if.outcome import IncomeChange, MeasureEffect, ReasonChange, WhatIf, reason_changes

NATURE = "association_not_effect"
"""What the difference of two scores is, in every answer."""


def make_answer(made: WhatIf) -> dict[str, Any]:
    """The what-if as JSON; amounts in yuan, dates as text."""
    period = made.plan.period
    return {
        "household_id": made.household_id,
        "as_of_date": made.as_of.isoformat(),
        "period": {
            "counted_from": period.counted_from.isoformat(),
            "counted_until": period.counted_until.isoformat(),
            "planned_from": period.planned_from.isoformat(),
            "planned_until": period.planned_until.isoformat(),
            "text": _each(lambda language: wording.period_text(made, language)),
        },
        "measures": [_measure(one) for one in made.effects],
        "reference_income": None if made.income is None else _income(made.income),
        "reference_income_text": _each(lambda language: wording.income_text(made.income, language)),
        "model": _model(made),
        "matching": _matching(made),
    }


def _measure(effect: MeasureEffect) -> dict[str, Any]:
    planned = effect.planned
    code, group = planned.measure.code, planned.measure.group
    is_paid = planned.measure.paid != "in_kind"
    return {
        "code": code,
        "name": _each(lambda language: wording.measure_name(code, language)),
        "group": group,
        "group_name": _each(lambda language: wording.group_name(group, language)),
        "starts_on": planned.starts_on.isoformat(),
        "ends_on": planned.ends_on and planned.ends_on.isoformat(),
        "persons": planned.persons,
        "payments": len(planned.payments) if is_paid else 0,
        "amount_yuan": planned.amount_fen / FEN_PER_YUAN,
        "paid_yuan": effect.paid_fen / FEN_PER_YUAN,
        "drawn_monthly_yuan": effect.drawn_fen / FEN_PER_YUAN,
        "counted_yuan": None if effect.counted_fen is None else effect.counted_fen / FEN_PER_YUAN,
        "is_amount_given": planned.is_amount_given,
        "is_assumption": planned.is_assumption,
        "source": None if planned.is_amount_given else planned.entry.source,
        "effective_from": planned.entry.effective_from.isoformat(),
        "effective_until": planned.entry.effective_until and planned.entry.effective_until.isoformat(),
        "text": _each(lambda language: wording.measure_text(effect, language)),
    }


def _income(change: IncomeChange) -> dict[str, Any]:
    basis = change.before.basis
    return {
        "basis": basis,
        "basis_text": _each(lambda language: catalogue(language)["what_if"]["basis"][basis]),
        "members": change.before.members,
        "line": {
            "value": change.line.value,
            "unit": change.line.unit,
            "effective_from": change.line.effective_from.isoformat(),
            "is_assumption": change.line.is_assumption,
            "source": change.line.source,
        },
        "before": _ledger(change.before, change),
        "after": _ledger(change.after, change),
        "change_yuan": (change.after.total_fen - change.before.total_fen) / FEN_PER_YUAN,
        "is_gap_closed": change.is_gap_closed,
        "lines": [
            _line(line, change)
            for line, fen in change.after.line_fen.items()
            if fen or change.before.line_fen[line]
        ],
    }


def _line(line: str, change: IncomeChange) -> dict[str, Any]:
    basis = change.before.basis
    return {
        "line": line,
        "name": _each(lambda language: wording.line_name(basis, line, language)),
        "before_yuan": change.before.line_fen[line] / FEN_PER_YUAN,
        "after_yuan": change.after.line_fen[line] / FEN_PER_YUAN,
        "counted_change_yuan": change.changed_fen.get(line, 0) / FEN_PER_YUAN,
    }


def _ledger(ledger: Ledger, change: IncomeChange) -> dict[str, Any]:
    gap = change.gap_fen(ledger)
    return {
        "total_yuan": ledger.total_fen / FEN_PER_YUAN,
        "per_person_yuan": ledger.total_fen / ledger.members / FEN_PER_YUAN,
        "gap_yuan": gap / FEN_PER_YUAN,
        "is_under_line": gap > 0,
    }


def _model(made: WhatIf) -> dict[str, Any]:
    return {
        "nature": NATURE,
        "nature_text": _each(lambda language: catalogue(language)["what_if"]["model"]["nature"]),
        "text": _each(lambda language: wording.model_text(made, language)),
        "before": _score(made.before),
        "after": _score(made.after),
        "base_rate": made.before.base_rate,
        "horizon_months": made.before.horizon_months,
        "reason_changes": [
            _reason_change(family, *change) for family, change in reason_changes(made).items()
        ],
        "unseen_feeds": list(made.unseen_feeds),
    }


def _reason_change(
    family: str, change: ReasonChange, before: float | None, after: float | None
) -> dict[str, Any]:
    return {
        "code": family[:2],
        "family": family,
        "name": _each(lambda language: catalogue(language)["families"][family]["name"]),
        "change": change,
        "change_text": _each(lambda language: catalogue(language)["what_if"]["reason_change"][change]),
        "contribution_before": before,
        "contribution_after": after,
    }


def _score(made: Assessment) -> dict[str, Any]:
    return {
        "score": made.score,
        "grade": made.grade,
        "grade_text": _each(lambda language: catalogue(language)["grades"][made.grade]),
    }


def _matching(made: WhatIf) -> dict[str, Any]:
    matching = made.matching
    labour = matching.labour
    return {
        "causes": [_cause(one, made) for one in matching.causes],
        "labour": {
            "state": labour.state,
            "measures": list(labour.measures),
            "groups": list(labour.groups),
            "is_assumption": labour.is_assumption,
            "text": _each(lambda language: wording.labour_text(labour, language)),
        },
        "unmatched_measures": [_unmatched(code) for code in matching.unmatched],
    }


def _cause(match: CauseMatch, made: WhatIf) -> dict[str, Any]:
    return {
        "cause": match.cause,
        "is_matched": bool(match.measures),
        "measures": list(match.measures),
        "groups": list(match.groups),
        "is_assumption": match.is_assumption,
        "text": _each(lambda language: wording.cause_text(match, made, language)),
    }


def _unmatched(code: str) -> dict[str, Any]:
    return {"code": code, "text": _each(lambda language: wording.unmatched_text(code, language))}


def _each(pick: Callable[[str], str]) -> dict[str, str]:
    return {language: pick(language) for language in LANGUAGES}
