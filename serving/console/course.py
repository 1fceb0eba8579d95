"""The course of a household's score as a line drawn in the page, and the same as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from serving.console.numbers import percent
from serving.console.texts import texts
from serving.storage.household_record import Point

WIDTH, HEIGHT = 360, 150
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 348, 16, 118
_TOPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0)
"""Where the scale may end: small scores are not flattened by the largest there could be."""


def course_view(points: Sequence[Point], base_rate: float, language: str) -> dict[str, Any] | None:
    """What the template draws, oldest first; `None` where there is no course yet.

    `points` are the latest assessments, newest first. The place on the line is the date's, not the number's:
    a month without an assessment is a longer stretch.
    """
    course = sorted(points, key=lambda one: one.as_of)
    if len(course) < 2:
        return None
    words = texts(language)
    highest = max(max(one.score for one in course), base_rate)
    top = next(one for one in _TOPS if one >= min(highest, 1.0))
    first, last = course[0].as_of.toordinal(), course[-1].as_of.toordinal()

    def across(ordinal: int) -> float:
        share = (ordinal - first) / (last - first) if last > first else 0.0
        return round(_LEFT + share * (_RIGHT - _LEFT), 1)

    def up(score: float) -> float:
        return round(_BOTTOM - min(score / top, 1.0) * (_BOTTOM - _TOP), 1)

    dots = [(across(one.as_of.toordinal()), up(one.score)) for one in course]
    changes = [
        dots[at][0]
        for at in range(1, len(course))
        if course[at].model_version != course[at - 1].model_version or course[at].is_cut
    ]
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "line": " ".join(f"{x},{y}" for x, y in dots),
        "dots": dots,
        "changes": changes,
        "left": _LEFT,
        "right": _RIGHT,
        "base_at": up(base_rate),
        "scale": [{"text": percent(one), "at": up(one)} for one in (0.0, top)],
        "from": course[0].as_of.isoformat()[:7],
        "until": course[-1].as_of.isoformat()[:7],
        "said": words["course_said"].format(
            since=course[0].as_of.isoformat(),
            first=percent(course[0].score),
            until=course[-1].as_of.isoformat(),
            last=percent(course[-1].score),
        ),
        "rows": [
            {"date": one.as_of.isoformat(), "score": percent(one.score), "model": one.model_version}
            for one in reversed(course)
        ],
        "has_changes": bool(changes),
        "base": words["course_base"].format(base=percent(base_rate)),
    }
