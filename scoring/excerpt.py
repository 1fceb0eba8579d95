"""An excerpt: of a household only the fields that were asked for, worked out without what the others take.

What has the name of a field of a whole statement is equal to it, to the last bit. `reasons` are the risk
reasons in short: a sentence of value and name, as vectors have it, without dates, sources and siblings. Which
feeds are silent is told with every excerpt: without it a low score would read as "no risk".
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from scoring.assessment import Assessor, Freshness, suggest
from scoring.families import Ranked
from scoring.model import RiskModel
from scoring.reasons import MOST_RISK_REASONS, Reason, sentences
from scoring.statement import each, grade_word, plain_feeds, plain_hit, worded_hit
from scoring.texts import LANGUAGES, in_language
from scoring.triggers import find_hits

Floats = npt.NDArray[np.float64]

FIELDS = (
    "as_of_date",
    "horizon_months",
    "score",
    "log_odds",
    "base_rate",
    "grade",
    "suggested_action",
    "rule_hits",
    "reasons",
    "model_version",
)
"""What may be asked for. Key and silent feeds are always told."""


@dataclass(frozen=True)
class Excerpt:
    """Fields of `FIELDS`, the languages that they are worded in, and how many reasons there are at most."""

    fields: frozenset[str]
    languages: tuple[str, ...] = LANGUAGES
    most_reasons: int = MOST_RISK_REASONS


class Explained(NamedTuple):
    """What the model says of n households, of which excerpts are made.

    `matrix` (n, features) has the columns of the assessor, `ranked` the risk reasons where they are wanted.
    """

    matrix: Floats
    scores: list[float]
    log_odds: list[float]
    ranked: Ranked | None


def explain_excerpts(model: RiskModel, matrix: Floats, wanted: Excerpt) -> Explained:
    """Explain each row of a matrix (n, features) whose columns are an assessor's `names`."""
    read = np.ascontiguousarray(matrix[:, : len(model.feature_names)])
    explained = model.explain_matrix(read)
    ranked = None
    if "reasons" in wanted.fields and wanted.most_reasons:
        ranked, _ = model.families.rank(read, explained.values)
    return Explained(matrix, explained.scores.tolist(), explained.log_odds.tolist(), ranked)


def make_excerpts(
    assessor: Assessor,
    explained: Explained,
    household_ids: Sequence[str],
    as_of: dt.date,
    feeds: Sequence[Mapping[str, Freshness]],
    wanted: Excerpt,
) -> list[dict[str, Any]]:
    """One excerpt for each household that was explained, of the assessor's own model."""
    model, fields, languages = assessor.model, wanted.fields, wanted.languages
    matrix, scores, log_odds, ranked = explained
    needs_hits = bool(fields & {"rule_hits", "suggested_action"})
    made = []
    for row, values in enumerate(matrix.tolist()):
        grade = model.borders.grade(scores[row])
        silent = plain_feeds(feeds[row])
        hits = []
        if needs_hits:
            hits = find_hits(dict(zip(assessor.names, values, strict=True)), as_of, assessor.region)
        told: dict[str, Any] = {"household_id": household_ids[row]}
        if "as_of_date" in fields:
            told["as_of_date"] = as_of.isoformat()
        if "horizon_months" in fields:
            told["horizon_months"] = model.horizon_months
        if "score" in fields:
            told["score"] = scores[row]
        if "log_odds" in fields:
            told["log_odds"] = log_odds[row]
        if "base_rate" in fields:
            told["base_rate"] = model.base_rate
        if "grade" in fields:
            told["grade"] = grade
            word = grade_word({"grade": grade, **silent})
            told |= _texts("grade_text", "grades", word, languages)
        if "suggested_action" in fields:
            action = suggest(grade, bool(hits), feeds[row])
            told["suggested_action"] = action
            told |= _texts("suggested_action_text", "actions", action, languages)
        if "rule_hits" in fields:
            told["rule_hits"] = [worded_hit(plain_hit(one), languages) for one in hits]
        if "reasons" in fields:
            found = model.families.reasons(ranked, row, values) if ranked is not None else []
            told["reasons"] = [short_reason(one, languages) for one in found[: wanted.most_reasons]]
        if "model_version" in fields:
            told["model_version"] = model.version
        made.append(told | silent)
    return made


def short_reason(reason: Reason, languages: Sequence[str]) -> dict[str, Any]:
    """A risk reason in short: its code and family, what it adds and, in words, its name and values."""
    told: dict[str, Any] = {
        "code": reason.code,
        "family": reason.family,
        "contribution": reason.contribution,
        "strength": reason.strength,
        "share": reason.share,
    }
    if languages:
        said = sentences(reason)
        told["text"] = {one: in_language(said, one) for one in languages}
    return told


def _texts(name: str, kind: str, word: str, languages: Sequence[str]) -> dict[str, dict[str, str]]:
    return {name: each(lambda texts: texts[kind][word], languages)} if languages else {}
