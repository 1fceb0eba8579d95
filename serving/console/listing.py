"""What the list page shows: a run's households, highest score first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scoring.statement import grade_word
from scoring.texts import catalogue
from serving.console.numbers import percent
from serving.console.texts import texts
from serving.storage import Page, Run, Stored, Unheard
from serving.storage.assessments import MOST_LISTED

PER_PAGE = 50
UNHEARD = "unheard"
"""What is asked for in place of an action: those of whom nothing is known."""


@dataclass(frozen=True)
class UnheardPage:
    """Some households of a run of which nothing is known, by village and key, and how many there are."""

    items: tuple[Unheard, ...]
    total: int


def listing_view(
    found: Page | UnheardPage | None,
    run: Run,
    action: str,
    area: str,
    page: int,
    silent: int,
    language: str,
) -> dict[str, Any]:
    """Everything the template writes. `found` is `None` where the area asked for cannot exist; of `silent`
    households of it nothing is known, and they are in no order of scores."""
    words = texts(language)
    actions = {"": words["filter_all"], **catalogue(language)["actions"]}
    is_unheard = isinstance(found, UnheardPage)
    if silent or is_unheard:
        actions[UNHEARD] = words["unheard"]
    chosen = action if action in actions else ""
    total = found.total if found else 0
    pages = max(1, -(-(total if is_unheard else min(total, MOST_LISTED)) // PER_PAGE))
    # Of one action as many are not counted further.
    is_counted = not chosen or is_unheard or total <= MOST_LISTED
    return {
        "subtitle": words["list_unheard_subtitle" if is_unheard else "list_subtitle"].format(
            date=run.as_of_date.isoformat()
        ),
        "unheard": words["list_unheard"].format(count=f"{silent:,}") if silent and not is_unheard else None,
        "count": words["list_count" if is_counted else "list_count_over"].format(
            count=f"{total if is_counted else MOST_LISTED:,}"
        ),
        "bounded": words["list_bounded"].format(count=f"{MOST_LISTED:,}")
        if total > MOST_LISTED and not is_unheard
        else None,
        "actions": [{"key": key, "text": said, "is_chosen": key == chosen} for key, said in actions.items()],
        "action": chosen,
        "area": area,
        "items": [_item(one, language) for one in found.items] if found else [],
        "page_text": words["page_number"].format(page=page, pages=pages),
        "previous": page - 1 if 1 < page <= pages else None,
        "next": page + 1 if page < pages else None,
        "has_pages": pages > 1,
    }


def grade_mark(body: Mapping[str, Any]) -> str:
    """How a grade is drawn: a low one that silent feeds stand behind has no colour of its own."""
    word = grade_word(body)
    return "none" if word == "low_with_gaps" else word


def hits_of(body: dict[str, Any], language: str) -> list[str]:
    """The departments' alerts in words, those last that stand on from before their data ran out."""
    standing, said = body.get("standing") or {"rule_hits": ()}, texts(language)["hit_standing"]
    return [
        *(one["text"][language] for one in body["rule_hits"]),
        *(
            said.format(hit=one["text"][language], date=standing["as_of_date"])
            for one in standing["rule_hits"]
        ),
    ]


def _item(stored: Stored | Unheard, language: str) -> dict[str, Any]:
    if isinstance(stored, Unheard):
        return {
            "household_id": stored.household_id,
            "village_code": stored.village_code,
            "grade": "none",
            "grade_text": texts(language)["unheard"],
            "score": "–",
            "reason": None,
            "hits": [],
        }
    body = stored.body
    reasons = body["risk_reasons"]
    return {
        "household_id": body["household_id"],
        "village_code": stored.village_code,
        "grade": grade_mark(body),
        "grade_text": body["grade_text"][language],
        "score": percent(body["score"]),
        "action_text": body["suggested_action_text"][language],
        "reason": reasons[0]["text"][language]["name"] if reasons else None,
        "hits": hits_of(body, language),
    }
