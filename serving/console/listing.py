"""What the list page shows: a run's households, highest score first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scoring.statement import grade_word
from scoring.texts import catalogue
from serving.console.numbers import percent
from serving.console.texts import texts
from serving.storage import Page, Run, Stored
from serving.storage.assessments import MOST_LISTED

PER_PAGE = 50


def listing_view(
    found: Page | None, run: Run, action: str, area: str, page: int, language: str
) -> dict[str, Any]:
    """Everything the template writes. `found` is `None` where the area asked for cannot exist."""
    words = texts(language)
    actions = {"": words["filter_all"], **catalogue(language)["actions"]}
    chosen = action if action in actions else ""
    total = found.total if found else 0
    pages = max(1, -(-min(total, MOST_LISTED) // PER_PAGE))
    # Of one action as many are not counted further.
    is_counted = not chosen or total <= MOST_LISTED
    return {
        "subtitle": words["list_subtitle"].format(date=run.as_of_date.isoformat()),
        "count": words["list_count" if is_counted else "list_count_over"].format(
            count=f"{total if is_counted else MOST_LISTED:,}"
        ),
        "bounded": words["list_bounded"].format(count=f"{MOST_LISTED:,}") if total > MOST_LISTED else None,
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


def _item(stored: Stored, language: str) -> dict[str, Any]:
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
