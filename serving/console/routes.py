"""The console's pages."""

from __future__ import annotations

import re
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse

from features.signals import CONTRACTS
from features.signals.defects import Defect
from serving.access.gate import caller_of
from serving.api.households import changes_of
from serving.api.query import read_day
from serving.console.household import household_view
from serving.console.identity import hidden_view, identity_view, read_purpose
from serving.console.listing import PER_PAGE, listing_view
from serving.console.pages import AREA, Pages, language_of
from serving.errors import Problem
from serving.identity import IdentityStore
from serving.storage import AssessmentStore, History

ACTIONS = ("visit", "watch", "routine")
_KEY = CONTRACTS["household"].field("household_id")


def router(pages: Pages, store: AssessmentStore, identities: IdentityStore | None) -> APIRouter:
    """The pages, bound to the storage."""
    made = APIRouter(include_in_schema=False)

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
        page = _page(query.get("page", "1"))
        caller = caller_of(request)
        run = store.find_run(caller)
        if run is None:
            return pages.page(request, "listing.html", run=None, view=None)
        found = None
        if is_area:
            found = store.list_run(
                caller,
                run,
                action=action if action in ACTIONS else None,
                area=area,
                limit=PER_PAGE,
                offset=(page - 1) * PER_PAGE,
            )
        view = listing_view(found, run, action, area if is_area else "", page, language_of(request))
        return pages.page(request, "listing.html", run=run, view=view)

    @made.get("/households/{household_id}", response_class=Response)
    def household(household_id: str, request: Request) -> Response:
        found = find(household_id, request)
        persons = hidden_view(identities, caller_of(request), household_id, language_of(request))
        return page_of(request, found, persons)

    @made.post("/households/{household_id}/reveal", response_class=Response)
    async def reveal(household_id: str, request: Request) -> Response:
        caller, language = caller_of(request), language_of(request)
        if identities is None:
            raise Problem("identity_not_set_up")
        purpose = await read_purpose(request)
        found = await run_in_threadpool(find, household_id, request)
        record = await run_in_threadpool(identities.reveal, caller, household_id, purpose)
        if record is None:
            raise Problem("identity_not_found")
        return page_of(request, found, identity_view(record, language))

    def find(household_id: str, request: Request) -> History:
        caller = caller_of(request)
        found = (
            store.find(caller, household_id, read_day(request, "as_of_date"))
            if is_key(household_id)
            else None
        )
        if found is None:
            raise Problem("household_not_found")
        return found

    def page_of(request: Request, found: History, persons: dict[str, Any] | None) -> Response:
        view = household_view(found.latest, language_of(request), changes_of(found))
        return pages.page(request, "household.html", view=view, persons=persons)

    return made


def is_key(text: str) -> bool:
    """Whether a text has the form of a household's key, which somebody's ID number or phone has not."""
    try:
        _KEY.parse(text)
    except Defect:
        return False
    return True


def _page(text: str) -> int:
    return int(text) if re.fullmatch(r"[1-9][0-9]{0,5}", text, re.ASCII) else 1
