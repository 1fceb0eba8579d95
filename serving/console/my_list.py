"""What a cadre's own list shows: a card a household, the earliest deadline first."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

from scoring.texts import catalogue
from scoring.themes import THEMES
from serving.cases.clocks import SOON_DAYS
from serving.cases.people import role_text
from serving.cases.practice import practice_of
from serving.cases.state import CaseState
from serving.console.listing import grade_mark, hits_of
from serving.console.numbers import percent
from serving.console.texts import texts
from serving.storage.my_list import DUES, Entry, ListPage, Wanted

PER_PAGE = 25
GRADES = (1, 2, 3)
_DUES = {
    "": "list_all",
    "overdue": "list_overdue",
    "soon": "list_soon",
    "new": "list_new",
    "changed": "list_changed",
    "mine": "list_mine",
}

Heads = Mapping[tuple[str, str], str]
"""Masked names of heads of household, by household and village."""

AreaName = Callable[[str], str | None]
"""What an area is called, where that is known."""


def list_view(
    found: ListPage, wanted: Wanted, heads: Heads, name_of: AreaName, today: dt.date, page: int, language: str
) -> dict[str, Any]:
    """Everything the template writes."""
    words = texts(language)
    pages = max(1, -(-found.count // PER_PAGE))
    counts = {"": found.totals.all, **{one: getattr(found.totals, one) for one in DUES}}
    return {
        "today": today.isoformat(),
        "dues": [
            {
                "key": key,
                "text": words[name].format(days=SOON_DAYS),
                "count": counts[key],
                "is_chosen": key == (wanted.due or ""),
            }
            for key, name in _DUES.items()
        ],
        "grades": [{"key": one, "is_chosen": one == wanted.grade} for one in GRADES],
        "themes": [
            {"key": one, "text": catalogue(language)["themes"][one], "is_chosen": one == wanted.theme}
            for one in THEMES
        ],
        "wanted": wanted,
        "count": words["list_count"].format(count=f"{found.count:,}"),
        "items": [card(one, heads, name_of, today, language) for one in found.items],
        "page_text": words["page_number"].format(page=page, pages=pages),
        "previous": page - 1 if 1 < page <= pages else None,
        "next": page + 1 if page < pages else None,
        "has_pages": pages > 1,
    }


def card(entry: Entry, heads: Heads, name_of: AreaName, today: dt.date, language: str) -> dict[str, Any]:
    """One household. Why a worklist has it is neither read nor told."""
    words, stored = texts(language), entry.assessment
    body = stored.body if stored else None
    # What an older run said of it is no grade of today, and no reason.
    graded = None if entry.is_unheard else body
    reasons, hits = (graded["risk_reasons"], hits_of(graded, language)) if graded else ([], [])
    practice, village = practice_of(entry.village_code, today), name_of(entry.village_code)
    step = practice.step(CaseState(entry.state)) if entry.state else None
    return {
        "household_id": entry.household_id,
        "village_code": entry.village_code,
        "village_name": village,
        "village": village or entry.village_code,
        "head": heads.get((entry.household_id, entry.village_code)),
        "grid_name": entry.grid or None,
        "grid": _grid_text(entry.grid, language) if entry.grid else None,
        "grade": grade_mark(graded) if graded else "none",
        "grade_text": graded["grade_text"][language]
        if graded
        else words["unheard" if entry.is_unheard else "not_assessed"],
        "score": percent(graded["score"]) if graded and graded["score"] is not None else "–",
        "level": _said(practice.grade(entry.grade), language) if entry.grade else None,
        "reason": reasons[0]["text"][language]["name"] if reasons else None,
        "hit": hits[0] if hits else None,
        "more_hits": len(hits) - 1 if len(hits) > 1 else None,
        "step": _said(step, language) if step else words["to_be_visited"],
        "owner": role_text(entry.owner, language) if entry.owner else None,
        "due": due_text(entry.due_on, today, language),
        "is_overdue": entry.due_on is not None and entry.due_on < today,
        "marks": [
            words[name]
            for name, is_so in (
                ("mark_hard", entry.is_hard),
                ("mark_new", entry.is_new),
                ("mark_changed", entry.is_changed),
            )
            if is_so
        ],
    }


def due_text(due_on: dt.date | None, today: dt.date, language: str) -> str | None:
    """How long a deadline is off, or past."""
    if due_on is None:
        return None
    words, days = texts(language), (due_on - today).days
    if days == 0:
        return words["due_today"]
    return words["due_in" if days > 0 else "due_past"].format(days=abs(days))


def _grid_text(name: str, language: str) -> str:
    """A grid's own name (2组); a number alone says that it is a grid's."""
    return texts(language)["grid"].format(name=name) if name.isascii() else name


def _said(named: Any, language: str) -> str:
    said: str = named.zh if language == "zh" else named.en
    return said
