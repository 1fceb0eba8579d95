"""`/v1/cases/{case_id}/measures`: the plan of a case (一户一策) and what arrived of it."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from serving.access import Caller
from serving.access.gate import caller_of, session_of
from serving.api.documentation import problems
from serving.api.json_body import read_document
from serving.api.plan_answers import CaseMeasuresAnswer, ChangedMeasureAnswer, told_measure, told_plan
from serving.api.visit_documentation import delivery_request_body, end_request_body, measure_request_body
from serving.cases.clocks import region_of
from serving.cases.document import DocumentReader
from serving.cases.plan import PlannedHelp
from serving.cases.plan_form import read_delivery, read_measure
from serving.errors import Problem
from serving.settings import Settings
from serving.storage.plans import CasePlan, PlanStore

MOST_BYTES = 20_000
_CHANGES = problems(400, 404, 408, 409, 413, 415, 422, 500, 503)


def router(plans: PlanStore, settings: Settings) -> APIRouter:
    """The routes, bound to their store."""
    made = APIRouter(tags=["plans"], prefix="/v1/cases/{case_id}/measures")

    @made.get(
        "",
        summary="The plan of a case, and what is wrong with it",
        description="`problems` forbids nothing: a measure that answers no cause, labour without work, an "
        "identified household without a measure after a month.",
        response_class=Response,
        responses={200: {"model": CaseMeasuresAnswer}, **problems(404, 500, 503)},
    )
    def plan(case_id: str, request: Request) -> Response:
        return JSONResponse(told_plan(_plan(plans, caller_of(request), case_id), plans.today))

    @made.post(
        "",
        summary="Plan a measure",
        description="The same measure planned again is the one there is. Whose it is (归口) says policy.",
        response_class=Response,
        responses={200: {"model": ChangedMeasureAnswer}, **_CHANGES},
        openapi_extra={"requestBody": measure_request_body()},
    )
    async def add(case_id: str, request: Request) -> Response:
        caller, account = caller_of(request), session_of(request).account
        document = await read_document(request, MOST_BYTES, settings.body_seconds)
        form = read_measure(document, plans.today, region_of(caller.scope.prefix or ""))
        return _changed(await run_in_threadpool(plans.add, caller, account.id, case_id, form), caller)

    @made.post(
        "/{measure_id}/end",
        summary="End a measure",
        description="It goes on until the day and no longer; what arrived of it stays.",
        response_class=Response,
        responses={200: {"model": ChangedMeasureAnswer}, **_CHANGES},
        openapi_extra={"requestBody": end_request_body()},
    )
    async def end(case_id: str, measure_id: str, request: Request) -> Response:
        caller, reader = caller_of(request), DocumentReader()
        there = reader.object(
            await read_document(request, MOST_BYTES, settings.body_seconds), "", ("ended_on",), ("ended_on",)
        )
        day = reader.day(there["ended_on"], "/ended_on") if there else None
        reader.check()
        assert day is not None
        ended = await run_in_threadpool(plans.end, caller, case_id, measure_id, day)
        return _changed((ended, False) if ended is not None else None, caller, "measure_not_found")

    @made.post(
        "/{measure_id}/deliveries",
        summary="Write down what arrived of a measure",
        description="Once under one `submission_key`. More than was planned has to be said to be so.",
        response_class=Response,
        responses={200: {"model": ChangedMeasureAnswer}, **_CHANGES},
        openapi_extra={"requestBody": delivery_request_body()},
    )
    async def deliver(case_id: str, measure_id: str, request: Request) -> Response:
        caller, account = caller_of(request), session_of(request).account
        document = await read_document(request, MOST_BYTES, settings.body_seconds)
        planned = await run_in_threadpool(_measure, plans, caller, case_id, measure_id)
        form = read_delivery(document, planned.entry, plans.today)
        done = await run_in_threadpool(plans.deliver, caller, account.id, case_id, measure_id, form)
        return _changed(done, caller, "measure_not_found")

    return made


def _plan(plans: PlanStore, caller: Caller, case_id: str) -> CasePlan:
    found = plans.find(caller, case_id)
    if found is None:
        raise Problem("case_not_found")
    return found


def _measure(plans: PlanStore, caller: Caller, case_id: str, measure_id: str) -> PlannedHelp:
    # A case outside, and none at all, are answered like a case without the measure.
    found = plans.find(caller, case_id)
    for one in found.measures if found is not None else ():
        if one.id == measure_id:
            return one
    raise Problem("measure_not_found")


def _changed(
    done: tuple[PlannedHelp, bool] | None, caller: Caller, absent: str = "case_not_found"
) -> Response:
    if done is None:
        raise Problem(absent)
    planned, is_new = done
    told = told_measure(planned, region_of(caller.scope.prefix or ""))
    return JSONResponse({"measure": told, "is_new": is_new})
