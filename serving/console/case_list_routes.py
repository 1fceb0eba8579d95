"""The page of an area's cases: what the board counts, case by case."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from serving.access.gate import caller_of
from serving.console.case_list import PER_PAGE, cases_view, next_level, read_wanted
from serving.console.navigation import CASES
from serving.console.pages import AREA, Pages, language_of
from serving.errors import Problem
from serving.map_file import AreaMap
from serving.storage.case_list import Place
from serving.storage.cases import CaseStore


def router(pages: Pages, cases: CaseStore, area_map: AreaMap) -> APIRouter:
    """The page, bound to the storage and to what areas are called."""
    made = APIRouter(include_in_schema=False)

    @made.get(CASES, response_class=Response)
    def listed(request: Request) -> Response:
        caller, query, language = caller_of(request), request.query_params, language_of(request)
        area = query.get("area", "") or caller.scope.prefix or ""
        if (area and AREA.fullmatch(area) is None) or not caller.scope.contains(area):
            # What is no code is no area; whether one lies elsewhere is not told either.
            raise Problem("area_not_found")
        wanted = read_wanted(query, area)
        place = _place(query.get("after"))
        found = cases.list(caller, wanted.filter, PER_PAGE, place, next_level(area))
        view = cases_view(
            found, wanted, caller.scope, area_map, cases.today, language, is_later=place is not None
        )
        return pages.page(request, "cases.html", view=view)

    return made


def _place(mark: str | None) -> Place | None:
    """Where the page before ended; what was never given out is the first page."""
    try:
        return Place.read(mark) if mark else None
    except ValueError:
        return None
