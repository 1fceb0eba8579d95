"""A household's earlier cases: how each ended, and what is to be done where a risk that was gone is back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from serving.cases.case import Case
from serving.cases.codes import EXCLUSIONS
from serving.cases.moves import MOVES, RELAPSE
from serving.cases.practice import get_practice
from serving.cases.state import CaseState
from serving.console.case_panel import move_form
from serving.console.texts import BRACKETS, texts

_RELAPSE = MOVES[RELAPSE]
_REASONS = {code: {"zh": zh, "en": en} for code, zh, en in EXCLUSIONS}


def ending_text(case: Case, language: str) -> str | None:
    """When a closed case was closed, and as what; `None` for an open one."""
    if case.closed_on is None:
        return None
    words, step = texts(language), get_practice(case.practice).step(case.state)
    said = step.zh if language == "zh" else step.en
    if case.state is CaseState.JOINED:
        said = words["ended_joined"]
    elif case.closed_as in _REASONS:
        said = BRACKETS[language].format(said, _REASONS[case.closed_as][language])
    return words["ended_on"].format(date=case.closed_on.isoformat(), said=said)


def _find_resolved(earlier: Sequence[Case]) -> Case | None:
    """The case that a relapse of the household would be one of: the one resolved last."""
    return next((one for one in earlier if one.state is CaseState.RESOLVED), None)


def earlier_view(
    now: Case, earlier: Sequence[Case], role: str | None, today: dt.date, language: str
) -> dict[str, Any] | None:
    """Everything the template writes of the cases before the one that is shown; `None` without any.

    `role` is that of somebody who may move cases. Whoever may record a relapse has its form.
    """
    if not earlier:
        return None
    resolved = _find_resolved(earlier)
    return {
        "items": [_item(one, language) for one in earlier],
        "relapse": _relapse(now, resolved, role, today, language) if resolved else None,
    }


def _item(case: Case, language: str) -> dict[str, Any]:
    words = texts(language)
    days = [words["opened_on"].format(date=case.opened_on.isoformat())]
    if case.identified_on:
        days.append(words["identified_on"].format(date=case.identified_on.isoformat()))
    if case.relapses:
        days.append(words["relapsed_times"].format(count=case.relapses))
    has_plan = case.identified_on is not None or case.state is CaseState.JOINED
    return {"id": case.id, "days": days, "ending": ending_text(case, language), "has_plan": has_plan}


def _relapse(
    now: Case, resolved: Case, role: str | None, today: dt.date, language: str
) -> dict[str, Any] | None:
    """What is to be done where the risk is back; nothing where that was found already."""
    if now.state is CaseState.RESOLVED:
        return None
    words = texts(language)
    if not now.is_closed and now.identified_on is not None:
        return {"said": words["relapse_identified"], "form": None, "case": resolved}
    key = "relapse_alone" if now.is_closed else "relapse_beside"
    said, form = words[key].format(date=resolved.closed_on), None
    if role in _RELAPSE.roles:
        visits = (one for one in (now.last_visited_on, resolved.last_visited_on) if one is not None)
        # A visit of before it was resolved is no sign of anything.
        seen = max((one for one in visits if one >= resolved.entered_on), default=None)
        form = move_form(_RELAPSE, replace(resolved, last_visited_on=seen), today, language)
    else:
        said += words["relapse_by_county"]
    return {"said": said, "form": form, "case": resolved}
