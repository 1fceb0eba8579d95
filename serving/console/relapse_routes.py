"""The page of resolved cases with something new since."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from serving.access.gate import caller_of
from serving.console.elimination_view import PER_PAGE, relapses_view
from serving.console.navigation import RELAPSES
from serving.console.pages import Pages, language_of
from serving.console.query import page_of
from serving.console.work import Work


def router(pages: Pages, work: Work) -> APIRouter:
    """The page, bound to the storage."""
    made = APIRouter(include_in_schema=False)

    @made.get(RELAPSES, response_class=Response)
    def relapses(request: Request) -> Response:
        page = page_of(request.query_params.get("page", "1"))
        found = work.eliminations.relapse_watch(
            caller_of(request), limit=PER_PAGE, offset=(page - 1) * PER_PAGE
        )
        return pages.page(request, "relapses.html", view=relapses_view(found, page, language_of(request)))

    return made
