"""What of an answer is asked for in the query of `POST /v1/scores`: reasons, fields, words."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from starlette.datastructures import QueryParams

from scoring.excerpt import FIELDS, Excerpt
from scoring.reasons import MOST_RISK_REASONS
from scoring.texts import LANGUAGES
from serving.errors import FieldError, Problem
from serving.query import unknown_names

_NAMES = ("reasons", "fields", "words")
_COUNTS = tuple(str(one) for one in range(MOST_RISK_REASONS + 1))
_WORDS = {**{one: (one,) for one in LANGUAGES}, "none": ()}


@dataclass(frozen=True)
class Asked:
    """At most `most_reasons` of each kind; of each household the `excerpt`, or all where it is None."""

    most_reasons: int = MOST_RISK_REASONS
    excerpt: Excerpt | None = None


@lru_cache(maxsize=64)
def read_asked(query_string: bytes) -> Asked:
    """What a query asks for; raises `Problem` with everything that is wrong with it.

    A platform asks for the same all day, and what it asks for is read once.
    """
    query = QueryParams(query_string)
    error = unknown_names(query, _NAMES)
    errors = [] if error is None else [error]
    most_reasons = MOST_RISK_REASONS
    fields: frozenset[str] | None = None
    languages: tuple[str, ...] = LANGUAGES
    if given := query.getlist("reasons"):
        if len(given) > 1 or given[0] not in _COUNTS:
            way_out = f"give reasons once, as a whole number from 0 to {MOST_RISK_REASONS}"
            errors.append(FieldError("/query/reasons", "out_of_range", way_out))
        else:
            most_reasons = int(given[0])
    if given := query.getlist("fields"):
        named = given[0].split(",")
        if len(given) > 1 or len(set(named)) < len(named) or not set(named) <= set(FIELDS):
            way_out = f"give fields once, with commas between, each once, of {', '.join(FIELDS)}"
            errors.append(FieldError("/query/fields", "unknown_part", way_out))
        fields = frozenset(named)
    if given := query.getlist("words"):
        if len(given) > 1 or given[0] not in _WORDS:
            way_out = f"give words once, as one of {', '.join(_WORDS)}; without it every language is told"
            errors.append(FieldError("/query/words", "unknown_part", way_out))
        elif fields is None:
            way_out = "give fields too: a whole answer is worded in every language"
            errors.append(FieldError("/query/words", "unknown_part", way_out))
        else:
            languages = _WORDS[given[0]]
    if errors:
        raise Problem("request_invalid", errors=errors)
    return Asked(most_reasons, None if fields is None else Excerpt(fields, languages, most_reasons))


ASKED_PARAMETERS: list[dict[str, Any]] = [
    {
        "name": "reasons",
        "in": "query",
        "required": False,
        "schema": {
            "type": "integer", "minimum": 0, "maximum": MOST_RISK_REASONS, "default": MOST_RISK_REASONS,
        },
        "description": "At most so many reasons of each kind; 0: score, grade, rule hits and action only",
    },
    {
        "name": "fields",
        "in": "query",
        "required": False,
        "style": "form",
        "explode": False,
        "schema": {
            "type": "array",
            "items": {"type": "string", "enum": list(FIELDS)},
            "minItems": 1,
            "uniqueItems": True,
        },
        "description": "Only these fields of each household, for a platform that shows score and reasons: a "
        "much smaller and faster answer. The household's key and its silent feeds are always told. "
        "`reasons` are the risk reasons in short. Ignored while the model is off.",
    },
    {
        "name": "words",
        "in": "query",
        "required": False,
        "schema": {"type": "string", "enum": list(_WORDS)},
        "description": "With `fields`: texts in this language alone, or none",
    },
]  # fmt: skip
"""The parameters as the OpenAPI document has them."""
