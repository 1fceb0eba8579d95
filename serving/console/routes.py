"""The console's pages about households."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse

from serving.access.gate import caller_of
from serving.console import (
    account_routes,
    audit_routes,
    board_routes,
    case_list_routes,
    case_routes,
    correction_routes,
    list_routes,
    plan_routes,
    relapse_routes,
    system_routes,
    visit_routes,
)
from serving.console.household_page import HouseholdPage, is_key
from serving.console.identity import identity_view, read_purpose
from serving.console.listing import PER_PAGE, UNHEARD, UnheardPage, listing_view
from serving.console.office import Office
from serving.console.pages import AREA, Pages, language_of
from serving.console.query import page_of
from serving.console.work import Work
from serving.errors import Problem
from serving.identity import IdentityStore
from serving.storage import Page, UnheardStore

ACTIONS = ("visit", "watch", "routine")


def routers(pages: Pages, work: Work, identities: IdentityStore | None, office: Office) -> list[APIRouter]:
    """Every page but those of signing in, bound to the storage."""
    page = HouseholdPage(pages, work, identities)
    return [
        router(page),
        list_routes.router(pages, work.my_list, identities, office.area_map),
        case_list_routes.router(pages, work.cases, office.area_map),
        case_routes.router(page),
        visit_routes.router(pages, page, identities),
        plan_routes.router(pages, work),
        correction_routes.router(pages, work),
        relapse_routes.router(pages, work),
        board_routes.router(pages, office),
        account_routes.router(pages, office.accounts),
        audit_routes.router(pages, office.audit),
        system_routes.router(pages, office),
    ]


def router(page: HouseholdPage) -> APIRouter:
    """All households, and the page of one."""
    made = APIRouter(include_in_schema=False)
    pages, store, identities = page.pages, page.work.assessments, page.identities
    unheard = UnheardStore(store.engine, store.audit)

    @made.get("/", response_class=Response)
    def listing(request: Request) -> Response:
        query = request.query_params
        key = query.get("find", "").strip()
        if key:
            if not is_key(key):
                raise Problem("household_not_found")
            suffix = "?lang=en" if language_of(request) == "en" else ""
            return RedirectResponse(f"/households/{key}{suffix}", status_code=303)
        action = query.get("action", "")
        area = query.get("area", "").strip()
        is_area = not area or AREA.fullmatch(area) is not None
        page = page_of(query.get("page", "1"))
        caller = caller_of(request)
        run = store.find_run(caller)
        if run is None:
            return pages.page(request, "listing.html", run=None, view=None)
        found: Page | UnheardPage | None = None
        silent = unheard.count(caller, run, area) if is_area else 0
        start = (page - 1) * PER_PAGE
        if is_area and action == UNHEARD:
            shown = unheard.list_run(caller, run, area=area, limit=PER_PAGE, offset=start)
            found = UnheardPage(shown, silent)
        elif is_area:
            asked = action if action in ACTIONS else None
            found = store.list_run(caller, run, action=asked, area=area, limit=PER_PAGE, offset=start)
        view = listing_view(found, run, action, area if is_area else "", page, silent, language_of(request))
        return pages.page(request, "listing.html", run=run, view=view)

    @made.get("/households/{household_id}", response_class=Response)
    def household(household_id: str, request: Request) -> Response:
        return page.make(request, household_id)

    @made.post("/households/{household_id}/reveal", response_class=Response)
    async def reveal(household_id: str, request: Request) -> Response:
        caller, language = caller_of(request), language_of(request)
        if identities is None:
            raise Problem("identity_not_set_up")
        purpose = await read_purpose(request)
        # Whether there is such a household, before anything is told or logged as revealed.
        if not await run_in_threadpool(page.has, request, household_id):
            raise Problem("household_not_found")
        record = await run_in_threadpool(identities.reveal, caller, household_id, purpose)
        if record is None:
            raise Problem("identity_not_found")
        persons = identity_view(record, language)
        return await run_in_threadpool(page.make, request, household_id, persons=persons)

    return made
