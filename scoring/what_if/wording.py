"""A what-if as an official reads it, from the catalogue of texts and the names of the measures."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from features import CONTRACTS, policy_value
from features.policy.measures import groups, measures
from features.policy.sources import source_text
from features.signals.fields import FEN_PER_YUAN
from scoring.texts import catalogue
from scoring.what_if.matching import CauseMatch, LabourMatch
from scoring.what_if.outcome import IncomeChange, MeasureEffect, WhatIf

_SEPARATORS = {"zh": "、", "en": "; "}


def measure_name(code: str, language: str) -> str:
    """What a measure is called."""
    one = measures()[code]
    return one.zh if language == "zh" else one.en


def group_name(code: str, language: str) -> str:
    """What a group of measures is called."""
    one = groups()[code]
    return one.zh if language == "zh" else one.en


def cause_name(cause: str, made: WhatIf, language: str) -> str:
    """What a cause is called: an official code, or one of those that have no number."""
    own: dict[str, str] = _words(language)["causes"]
    if cause in own:
        return own[cause]
    codes = policy_value("reason_codes", made.plan.region, made.as_of).value
    return str(codes[cause][language])


def line_name(basis: str, line: str, language: str) -> str:
    """What a line of reference income is called."""
    return str(_words(language)["lines" if basis == "account" else "parts"][line])


def exact_yuan(fen: int, language: str) -> str:
    """An amount to the fen: 1,234.50元."""
    return _yuan(Decimal(fen) / FEN_PER_YUAN, language)


def period_text(made: WhatIf, language: str) -> str:
    """Which year is counted, and what that assumes."""
    period = made.plan.period
    days = {
        name: getattr(period, name).isoformat()
        for name in ("planned_from", "planned_until", "counted_from", "counted_until")
    }
    return str(_words(language)["period"]).format(**days)


def measure_text(effect: MeasureEffect, language: str) -> str:
    """One measure: what it pays, from when, and what of it counts."""
    words, planned = _words(language)["measure"], effect.planned
    kind = planned.measure.changes.kind
    notes = []
    if planned.is_assumption:
        notes.append(words["assumption"])
    elif planned.amount_fen and not planned.is_amount_given:
        notes.append(words["source"].format(source=source_text(planned.entry.source, language)))
    if effect.drawn_fen:
        notes.append(words["drawn"].format(drawn=exact_yuan(effect.drawn_fen, language)))
    if effect.paid_fen and effect.counted_fen is not None and effect.counted_fen < effect.paid_fen:
        if kind == "reimbursement":
            notes.append(words["capped"])
        elif kind != "allowance":
            notes.append(words["not_counted"])
    said = {
        "name": measure_name(planned.measure.code, language),
        "starts_on": planned.starts_on.isoformat(),
        "notes": _join(notes, language),
    }
    if planned.measure.paid == "in_kind":
        return str(words["in_kind"]).format(**said).strip()
    counted = words["unknown"]
    if effect.counted_fen is not None:
        counted = exact_yuan(effect.counted_fen, language)
    per = words["per"]["several" if planned.persons > 1 else "one"]
    is_once = planned.measure.paid == "once"
    return (
        str(words["sentence"])
        .format(
            **said,
            amount=exact_yuan(planned.amount_fen, language),
            per=per.format(persons=planned.persons),
            paid=words["paid"][planned.measure.paid],
            count="" if is_once else words["count"].format(count=len(planned.payments)),
            counted=counted,
        )
        .strip()
    )


def income_text(change: IncomeChange | None, language: str) -> str:
    """Reference income per person before and after, against the line with its mark."""
    words = _words(language)["income"]
    if change is None:
        return str(words["unknown"])
    before, after = change.gap_fen(change.before), change.gap_fen(change.after)
    gap = words["above"] if not before else words["open"] if after else words["closed"]
    return str(words["sentence"]).format(
        before=_yuan(Decimal(change.before.total_fen) / change.before.members / FEN_PER_YUAN, language),
        after=_yuan(Decimal(change.after.total_fen) / change.after.members / FEN_PER_YUAN, language),
        line=_yuan(Decimal(str(change.line.value)), language),
        mark=words["mark"] if change.line.is_assumption else "",
        gap=gap.format(before=exact_yuan(before, language), after=exact_yuan(after, language)),
    )


def model_text(made: WhatIf, language: str) -> str:
    """What a changed score means and does not mean, and which changes the model cannot see."""
    words = _words(language)["model"]
    said = [words["caution"]]
    if made.unseen_feeds:
        names = [CONTRACTS[feed].zh if language == "zh" else CONTRACTS[feed].en for feed in made.unseen_feeds]
        said.append(words["unseen"].format(feeds=_SEPARATORS[language].join(names)))
    return _join(said, language)


def cause_text(match: CauseMatch, made: WhatIf, language: str) -> str:
    """Whether a cause is answered, by which measures, or where to look for one."""
    words = _words(language)["match"]
    return (
        str(words["matched" if match.measures else "missing"])
        .format(
            cause=cause_name(match.cause, made, language),
            measures=_SEPARATORS[language].join(measure_name(code, language) for code in match.measures),
            groups=_SEPARATORS[language].join(group_name(code, language) for code in match.groups),
            mark=words["mark"] if match.is_assumption else "",
        )
        .strip()
    )


def unmatched_text(code: str, language: str) -> str:
    """That a measure answers none of the causes."""
    return str(_words(language)["match"]["unmatched"]).format(measure=measure_name(code, language))


def labour_text(match: LabourMatch, language: str) -> str:
    """Whether the household's labour has a measure of own production or work."""
    names = _SEPARATORS[language].join(group_name(code, language) for code in match.groups)
    return str(_words(language)["labour"][match.state]).format(groups=names)


def _words(language: str) -> dict[str, Any]:
    words: dict[str, Any] = catalogue(language)["what_if"]
    return words


def _yuan(yuan: Decimal, language: str) -> str:
    rounded = yuan.quantize(Decimal("0.01"), ROUND_HALF_UP)
    if language == "zh":
        return f"{rounded:,}元"
    return f"{'-' if rounded < 0 else ''}¥{abs(rounded):,}"


def _join(sentences: list[str], language: str) -> str:
    return ("" if language == "zh" else " ").join(sentences)
