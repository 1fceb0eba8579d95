"""`/v1/leads`: leads in, by four channels; and the ledger read, newest first."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from features.errors import FeaturesError
from features.regions import check_area_code
from scoring.themes import THEMES
from serving.access import Caller
from serving.access.gate import caller_of
from serving.api import idempotency
from serving.api.documentation import problems
from serving.api.json_body import parse_json, read_body
from serving.api.lead_answers import AddedAnswer, LeadsAnswer
from serving.api.lead_request import MOST_BYTES, LeadReader, leads_request_body
from serving.cases.channel import Channel
from serving.cases.clocks import china_day
from serving.cases.lead_code import LEAD_CODES, EventKind
from serving.errors import FieldError, Problem
from serving.query import (
    count_parameter,
    query_parameter,
    read_count,
    read_day,
    read_text,
    read_word,
    refused,
)
from serving.settings import Settings
from serving.storage.idempotency import Hold, KeyInFlight
from serving.storage.leads import MOST_OPEN_LEADS, Added, KeptLead, LeadFilter, LeadStore, TooManyLeadsError
from serving.storage.page_mark import read_mark

MOST_PER_PAGE = 200
DISAGREEMENTS = ("rule_only", "score_only")
_DATE = {"type": "string", "format": "date", "pattern": r"^\d{4}-\d{2}-\d{2}$"}


def router(store: LeadStore, settings: Settings) -> APIRouter:
    """The routes, bound to the ledger."""
    made = APIRouter(tags=["leads"])

    @made.post(
        "/v1/leads",
        summary="Send leads",
        description="Of households of the caller's area, by channel: a household's own declaration, a "
        "cadre's sweep (its gaps become leads), a department's report (platforms alone) or one of the grid. "
        "Leads of one household come into one case; the same lead sent again changes nothing.",
        response_class=Response,
        responses={
            200: {"model": AddedAnswer},
            **problems(400, 408, 409, 413, 415, 422, 500, 503),
        },
        openapi_extra={"requestBody": leads_request_body(), "parameters": [idempotency.HEADER]},
    )
    async def send(request: Request) -> Response:
        caller = caller_of(request)
        hold = idempotency.hold_of(request, store.writer, caller)
        body = await read_body(request, min(MOST_BYTES, settings.max_body_bytes), settings.body_seconds)
        return await run_in_threadpool(_add, store, caller, body, hold)

    @made.get(
        "/v1/leads",
        summary="Leads of an area or a household, the newest known first",
        description="`disagreement` is the queue of cases in which the departments' rules and the model say "
        "opposite things.",
        response_class=Response,
        responses={200: {"model": LeadsAnswer}, **problems(422, 500, 503)},
        openapi_extra={"parameters": [
            query_parameter("area", {"type": "string"}, "Inside this area alone", example="500999"),
            query_parameter("household_id", {"type": "string"}, "All leads of one household"),
            query_parameter("case_id", {"type": "string"}, "All leads of one case"),
            query_parameter("channel", {"type": "string", "enum": list(Channel)}, "By one channel"),
            query_parameter("theme", {"type": "string", "enum": list(THEMES)}, "Of one theme"),
            query_parameter("code", {"type": "string", "enum": list(LEAD_CODES)}, "Of one code"),
            query_parameter("hard", {"type": "string", "enum": ["true", "false"]}, "Always to be looked at"),
            query_parameter(
                "disagreement", {"type": "string", "enum": list(DISAGREEMENTS)}, "Of such cases alone"
            ),
            query_parameter("since", _DATE, "Known from this day on", example="2026-10-01"),
            count_parameter("limit", "How many at most", default=50, most=MOST_PER_PAGE),
            query_parameter("cursor", {"type": "string"}, "Where the page before ended, as it said"),
        ]},
    )  # fmt: skip
    def leads(request: Request) -> Response:
        caller = caller_of(request)
        whose = {name: read_text(request, name) for name in ("household_id", "case_id")}
        limit = read_count(request, "limit", default=50, most=MOST_PER_PAGE)
        asked, after = _filter(request), _after(request)
        if any(one is not None for one in whose.values()):
            if None not in whose.values():
                raise refused("case_id", "contradiction", "give household_id or case_id, one of the two")
            # All leads of one household are few.
            found = store.leads_of(caller, **whose)
            return JSONResponse({"leads": [lead_answer(one) for one in found], "next_cursor": None})
        page = store.page(caller, asked, limit=limit, after=after)
        return JSONResponse({"leads": [lead_answer(one) for one in page.items], "next_cursor": page.after})

    return made


def lead_answer(one: KeptLead) -> dict[str, Any]:
    """A lead as it is answered."""
    lead = one.lead
    known = LEAD_CODES.get(lead.code)
    return {
        "id": one.id, "case_id": one.case_id, "household_id": lead.household_id,
        "village_code": lead.village_code, "channel": lead.channel.value, "source": lead.source,
        "code": lead.code,
        "text": {"zh": known.zh, "en": known.en} if known else {"zh": lead.code, "en": lead.code},
        "kind": lead.kind.value if known else EventKind.OTHER.value,
        "theme": lead.theme, "causes": list(lead.causes) if known else [],
        "occurred_on": lead.occurred_on.isoformat(), "known_on": lead.known_on.isoformat(),
        "received_at": one.received_at.isoformat(timespec="seconds"), "is_hard": lead.is_hard,
        "event_key": one.event_key, "facts": dict(lead.facts),
    }  # fmt: skip


def read_area(request: Request, name: str = "area") -> str:
    """An area code of a query, empty where none was given; raises `Problem` for what is none."""
    given = read_text(request, name)
    try:
        return "" if given is None else check_area_code(given)
    except FeaturesError as error:
        raise refused(name, "malformed", str(error)) from None


def _add(store: LeadStore, caller: Caller, body: bytes, hold: Hold | None) -> Response:
    try:
        kept = idempotency.take(hold)
        sent = hashlib.sha256(body).hexdigest()
        if kept is not None:
            return idempotency.replay(kept, sent)
        try:
            return JSONResponse(_read_and_add(store, caller, body, sent, hold))
        except BaseException:
            if hold is not None:
                hold.release()
            raise
    except KeyInFlight:
        raise idempotency.in_flight() from None
    except SQLAlchemyError:
        raise Problem("storage_failed") from None


def _read_and_add(
    store: LeadStore, caller: Caller, body: bytes, sent: str, hold: Hold | None
) -> dict[str, Any]:  # fmt: skip
    today = china_day(store.now())
    document = parse_json(body)
    leads = LeadReader(caller, today).read(document)
    finish: Callable[[Connection, Added], None] | None = None
    if hold is not None:
        held = hold

        def keep(connection: Connection, added: Added) -> None:
            held.finish(connection, sent, 200, {"body": asdict(added), "headers": {}})

        finish = keep
    try:
        return asdict(store.add(caller, leads, on=today, most_open=MOST_OPEN_LEADS, finish=finish))
    except TooManyLeadsError as full:
        way_out = (
            f"an open case takes {MOST_OPEN_LEADS} leads of one source, and with these the household's would "
            "have more: send no more of it while its case is open; what is on file is there for the visit"
        )
        raise Problem("request_invalid", errors=[
            FieldError(f"/leads/{at}", "too_many", way_out)
            for at, one in enumerate(document["leads"])
            if (one["household_id"], one["village_code"]) in full.places
        ]) from None  # fmt: skip


def _filter(request: Request) -> LeadFilter:
    hard = read_word(request, "hard", ("true", "false"))
    channel = read_word(request, "channel", tuple(Channel))
    return LeadFilter(
        area=read_area(request),
        channel=Channel(channel) if channel else None,
        theme=read_word(request, "theme", THEMES),
        code=read_word(request, "code", tuple(LEAD_CODES)),
        is_hard=None if hard is None else hard == "true",
        disagreement=read_word(request, "disagreement", DISAGREEMENTS),
        since=read_day(request, "since"),
    )


def _after(request: Request) -> tuple[dt.date, str] | None:
    given = read_text(request, "cursor")
    if given is None:
        return None
    try:
        day, number = read_mark(given, (dt.date, str))
    except ValueError:
        raise refused("cursor", "malformed", "give next_cursor of the page before, as it is") from None
    return day, number
