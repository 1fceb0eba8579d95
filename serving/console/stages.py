"""The steps of a case under the names that an area's practice gives them, each told apart from the others."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping

from serving.cases.practice import practice_of
from serving.cases.state import CaseState
from serving.console.texts import BRACKETS

_ANYWHERE = ""


def stage_names(area_code: str, on: dt.date, language: str) -> Mapping[CaseState, str]:
    """State → name. Where a county has one name for several, the general practice's stands behind it."""
    ours, general = practice_of(area_code, on), practice_of(_ANYWHERE, on)
    names = {one: _said(ours.step(one), language) for one in CaseState}
    counts = Counter(names.values())
    return {
        one: BRACKETS[language].format(name, _said(general.step(one), language)) if counts[name] > 1 else name
        for one, name in names.items()
    }


def _said(step: object, language: str) -> str:
    said: str = getattr(step, "zh" if language == "zh" else "en")
    return said
