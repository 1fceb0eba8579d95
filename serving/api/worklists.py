"""`/v1/worklists/{area_code}`: whom to visit; entries by hand; and why a household is listed, or is not."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from features.errors import FeaturesError
from features.regions import check_area_code
from scoring.texts import LANGUAGES, catalogue
from serving.access.gate import caller_of
from serving.api.documentation import problems
from serving.api.json_body import read_document
from serving.api.lead_answers import EntryAnswer, ListingAnswer, WorklistAnswer
from serving.api.lead_request import LeadReader, addition_request_body
from serving.cases.clocks import china_day
from serving.cases.worklist import Why
from serving.errors import Problem
from serving.query import count_parameter, query_parameter, read_count, read_day, read_text, refused
from serving.settings import Settings
from serving.storage.page_mark import read_mark
from serving.storage.worklists import Listed, Worklist, WorklistStore
from serving.worklists.listing import Listing, ListingDesk

MOST_PER_PAGE = 200
MOST_BYTES = 2_000
_DATE = {"type": "string", "format": "date", "pattern": r"^\d{4}-\d{2}-\d{2}$"}


def router(store: WorklistStore, desk: ListingDesk, settings: Settings) -> APIRouter:
    """The routes, bound to the lists."""
    made = APIRouter(tags=["worklists"])

    @made.get(
        "/v1/worklists/{area_code}",
        summary="Whom to visit in an area",
        description="The lists in force, by village and place: the newest of those that overlap, or those of "
        "`made_on`. `why` says why a household is listed.",
        response_class=Response,
        responses={200: {"model": WorklistAnswer}, **problems(404, 422, 500, 503)},
        openapi_extra={"parameters": [
            query_parameter("made_on", _DATE, "The lists of one day"),
            query_parameter("why", {"type": "string", "enum": list(Why)}, "Entries of one kind"),
            count_parameter("limit", "How many at most", default=50, most=MOST_PER_PAGE),
            query_parameter("cursor", {"type": "string"}, "Where the page before ended, as it said"),
        ]},
    )  # fmt: skip
    def worklist(area_code: str, request: Request) -> Response:
        caller = caller_of(request)
        limit = read_count(request, "limit", default=50, most=MOST_PER_PAGE)
        made_on, why, after = read_day(request, "made_on"), _why(request), _after(request)
        found = store.page(
            caller, _code(area_code), made_on=made_on, why=why, limit=limit, after=after
        )  # fmt: skip
        if found is None:
            raise Problem("worklist_not_found")
        return JSONResponse({
            "area_code": area_code,
            "worklists": [_head(one) for one in found.worklists],
            "total": found.total,
            "entries": [entry_answer(one) for one in found.items],
            "next_cursor": found.after,
        })

    @made.post(
        "/v1/worklists/{area_code}/entries",
        summary="Put a household on its village's list by hand",
        description="For people alone, with a reason of the list. A household that is listed already stays "
        "as it is, and is answered.",
        response_class=Response,
        responses={200: {"model": EntryAnswer}, **problems(400, 404, 408, 413, 415, 422, 500, 503)},
        openapi_extra={"requestBody": addition_request_body()},
    )
    async def add(area_code: str, request: Request) -> Response:
        caller = caller_of(request)
        document = await read_document(request, MOST_BYTES, settings.body_seconds)
        household, reason = LeadReader(caller, china_day(store.now())).read_addition(document)
        found = await run_in_threadpool(store.add_by_hand, caller, _code(area_code), household, reason)
        if found is None:
            raise Problem("household_not_found")
        return JSONResponse(entry_answer(found))

    @made.get(
        "/v1/households/{household_id}/listing",
        summary="Why a household is on its village's list, or is not",
        description="Its place by score in its village, the score of the last place, what would have to be, "
        "and the thresholds that it reached.",
        response_class=Response,
        responses={200: {"model": ListingAnswer}, **problems(404, 500, 503)},
    )
    def listing(household_id: str, request: Request) -> Response:
        found = desk.find(caller_of(request), household_id)
        if found is None:
            raise Problem("household_not_found")
        return JSONResponse(listing_answer(found))

    return made


def entry_answer(one: Listed) -> dict[str, Any]:
    """An entry as it is answered."""
    entry = one.entry
    return {
        "worklist_id": one.worklist_id, "household_id": entry.household_id,
        "village_code": entry.village_code, "grid": entry.grid, "place": entry.place,
        "why": entry.why.value, "score": entry.score, "is_tied": entry.is_tied, "chance": entry.chance,
        "added_by": one.added_by, "reason": one.reason, "visit_id": one.visit_id, "case_id": one.case_id,
        "case_state": one.case_state,
        "case_due_on": one.case_due_on.isoformat() if one.case_due_on else None,
    }  # fmt: skip


def listing_answer(one: Listing) -> dict[str, Any]:
    """Why a household is listed, as it is answered."""
    return {
        "household_id": one.household_id, "village_code": one.village_code,
        "is_listed": one.entry is not None, "why": one.why,
        "text": {language: catalogue(language)["listing"][one.why] for language in LANGUAGES},
        "worklist": _head(one.worklist) if one.worklist else None,
        "entry": entry_answer(one.entry) if one.entry else None,
        "score": one.score, "rank": one.rank, "households": one.households, "visits": one.visits,
        "border": one.border, "log_odds_to_border": one.log_odds_to_border, "distance": one.distance,
        "above_capacity": one.above_capacity, "rule_hits": list(one.hits),
    }  # fmt: skip


def _head(one: Worklist) -> dict[str, Any]:
    return {
        "id": one.id, "area_code": one.area_code, "made_on": one.made_on.isoformat(),
        "as_of_date": one.as_of_date.isoformat(), "model_version": one.model_version,
    }  # fmt: skip


def _code(given: str) -> str:
    try:
        return check_area_code(given)
    except FeaturesError:
        # What is no code is no area; whether a code is one of the country's is not told either.
        raise Problem("worklist_not_found") from None


def _why(request: Request) -> Why | None:
    given = read_text(request, "why")
    if given is not None and given not in list(Why):
        raise refused("why", "unknown_category", f"give one of {', '.join(Why)}")
    return None if given is None else Why(given)


def _after(request: Request) -> tuple[str, int, str] | None:
    given = read_text(request, "cursor")
    if given is None:
        return None
    try:
        village, place, household = read_mark(given, (str, int, str))
    except ValueError:
        raise refused("cursor", "malformed", "give next_cursor of the page before, as it is") from None
    return village, place, household
