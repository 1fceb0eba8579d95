"""`GET /v1/areas/{area_code}/summary`: what the stored assessments come to in an area and below it."""

from __future__ import annotations

import math
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from features.errors import FeaturesError
from features.regions import AREA_LEVELS, check_area_code
from scoring.grades import GRADES
from scoring.themes import THEMES
from scoring.triggers import TRIGGERS
from serving.access import Caller, Role
from serving.access.gate import caller_of
from serving.api.area_answers import AreaSummaryAnswer
from serving.api.documentation import AS_OF_PARAMETER, problems
from serving.disclosure import HOUSEHOLDS, NOTHING_KNOWN, Disclosure
from serving.errors import Problem
from serving.query import count_parameter, query_parameter, read_count, read_day, read_text, refused
from serving.storage import SummaryStore
from serving.storage.area_counts import UNDIVIDED, UNITS, AreaCounts

MOST_AREAS = 200
OFFICIALS = frozenset({
    Role.PROVINCE_OFFICIAL,
    Role.COUNTY_OFFICIAL,
    Role.TOWNSHIP_OFFICIAL,
    Role.VILLAGE_OFFICIAL,
})
_DEVIATIONS = 1.959963984540054
"""Of a normal distribution, between which 95 % lie."""


def router(summaries: SummaryStore, disclosure: Disclosure) -> APIRouter:
    """The route, bound to what is stored."""
    made = APIRouter(tags=["areas"])

    @made.get(
        "/v1/areas/{area_code}/summary",
        summary="What the stored assessments come to in an area and one level below it",
        description="Counts by grade, theme and threshold, what is expected, and which feeds nothing is "
        "known from. Counts of 1 to 4, and whatever would give them away by subtraction, are null, but for "
        "the area's own official.",
        response_class=Response,
        responses={200: {"model": AreaSummaryAnswer}, **problems(404, 422, 500, 503)},
        openapi_extra={"parameters": [
            {**AS_OF_PARAMETER, "description": "The run's date; that of the latest whole run if left out"},
            count_parameter("limit", "How many areas below at most", default=50, most=MOST_AREAS),
            query_parameter("cursor", {"type": "string"}, "Where the page before ended, as it said"),
        ]},
    )  # fmt: skip
    def summary(area_code: str, request: Request) -> Response:
        caller, as_of = caller_of(request), read_day(request, "as_of_date")
        limit, after = read_count(request, "limit", default=50, most=MOST_AREAS), _after(request)
        found = summaries.find(caller, _code(area_code), as_of)
        if found is None:
            raise Problem("area_not_found")
        own = is_own(caller, area_code)
        withheld = None if own else disclosure.withheld(found.run)

        def told(code: str, counts: AreaCounts) -> dict[str, Any]:
            return _figures(code, counts, None if withheld is None else withheld.of(code))

        codes = sorted(found.below)
        page = [one for one in codes if one > after][:limit]
        return JSONResponse({
            **told(area_code, found.counts),
            "level": AREA_LEVELS[len(area_code)],
            "as_of_date": found.run.as_of_date.isoformat(),
            "model_version": found.run.model_version,
            "is_small_kept_back": not own,
            "below": {
                "level": AREA_LEVELS[len(codes[0])] if codes else None,
                "count": len(codes),
                "areas": [told(one, found.below[one]) for one in page],
                "next_cursor": page[-1] if page and page[-1] != codes[-1] else None,
            },
        })

    return made


def _code(given: str) -> str:
    try:
        return check_area_code(given)
    except FeaturesError:
        # What is no code is no area; whether a code is one of the country's is not told either.
        raise Problem("area_not_found") from None


def _after(request: Request) -> str:
    given = read_text(request, "cursor")
    try:
        return "" if given is None else check_area_code(given)
    except FeaturesError:
        raise refused("cursor", "malformed", "give next_cursor of the page before, as it is") from None


def is_own(caller: Caller, area_code: str) -> bool:
    """Whether the area is the official's own, who is told small counts as well."""
    return caller.role in OFFICIALS and caller.scope.prefix == area_code


def _figures(code: str, counts: AreaCounts, withheld: frozenset[str] | None) -> dict[str, Any]:
    """The figures of an area; with `withheld` those breakdowns are kept back and the rest is rounded."""
    hidden = withheld or frozenset()
    is_hidden = HOUSEHOLDS in hidden

    def kept_back(name: str) -> bool:
        return is_hidden or name in hidden

    themes = {one: counts.themes[one] for one in (*THEMES, UNDIVIDED)}
    feeds = sorted({*(+counts.unknown), *(+counts.partial)})
    return {
        "area_code": code,
        "households": None if is_hidden else counts.households,
        "nothing_known": None if kept_back(NOTHING_KNOWN) else counts.nothing_known,
        "grades": None if kept_back("grades") else {one: counts.grades[one] for one in GRADES},
        "themes": None if kept_back("themes") else themes,
        "rule_hits": {
            one.code: None if kept_back(f"rule_hits/{one.code}") else counts.rule_hits[one.code]
            for one in TRIGGERS
        },
        # Its upper end is never above how many have a score.
        "expected": None if kept_back("grades") else _expected(counts, digits=6 if withheld is None else 1),
        "feeds": {
            feed: {
                "state": "unknown" if counts.unknown[feed] == counts.households else "partly",
                "unknown": None if kept_back(f"feeds/{feed}") else counts.unknown[feed],
                "partial": None if kept_back(f"feeds/{feed}") else counts.partial[feed],
            }
            for feed in feeds
        },
    }


def _expected(counts: AreaCounts, digits: int) -> dict[str, float]:
    count = counts.score_units / UNITS
    reach = _DEVIATIONS * math.sqrt(max(counts.variance_units, 0) / UNITS)
    ends = {"low": max(count - reach, 0.0), "high": min(count + reach, float(counts.scored))}
    return {name: round(value, digits) for name, value in {"count": count, **ends}.items()}
