"""The manager's pages: the board of an area, and the way down from area to area."""

from __future__ import annotations

from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from features.errors import FeaturesError
from features.regions import check_area_code
from serving.access.gate import caller_of
from serving.console.board import MAPPED, board_view
from serving.console.navigation import BOARD
from serving.console.office import Office
from serving.console.pages import Pages, language_of
from serving.console.query import page_of
from serving.errors import Problem


def router(pages: Pages, office: Office) -> APIRouter:
    """The pages, bound to what is stored."""
    made = APIRouter(include_in_schema=False)

    @made.get(BOARD, response_class=Response)
    def own(request: Request) -> Response:
        caller = caller_of(request)
        area = caller.scope.prefix or office.boards.summaries.find_largest(caller)
        if area is None:
            return pages.page(request, "board.html", view=None)
        suffix = f"?{urlencode({'lang': 'en'})}" if language_of(request) == "en" else ""
        return RedirectResponse(f"{BOARD}/{area}{suffix}", status_code=303)

    @made.get(f"{BOARD}/{{area_code}}", response_class=Response)
    def board(area_code: str, request: Request) -> Response:
        caller, query = caller_of(request), request.query_params
        try:
            found = office.boards.find(caller, check_area_code(area_code))
        except FeaturesError:
            found = None
        if found is None:
            raise Problem("area_not_found")
        mapped = query.get("map", "")
        view = board_view(
            found, office.area_map, caller, mapped if mapped in MAPPED else MAPPED[0],
            page_of(query.get("page", "1")), language_of(request),
        )  # fmt: skip
        return pages.page(request, "board.html", view=view)

    return made
