"""`/v1/households/{household_id}/identity`: encrypted, masked, revealed for a purpose; and the lookup.

An ID number or a phone travels in bodies alone: an address is written down wherever a request comes by.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict
from starlette.concurrency import run_in_threadpool

from serving.access.gate import caller_of
from serving.api.documentation import problems
from serving.api.identity_request import (
    MOST_BYTES,
    IdentityReader,
    identity_request_body,
    lookup_request_body,
    reveal_request_body,
)
from serving.api.json_body import parse_json, read_body
from serving.api.running import MOST_AT_ONCE
from serving.errors import Problem
from serving.identity import IdentityStore, Record
from serving.settings import Settings


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PersonAnswer(_Answer):
    """One person; a field that is not known is not there."""

    person_id: str
    name: str | None = None
    id_number: str | None = None
    phone: str | None = None
    address: str | None = None


class IdentityAnswer(_Answer):
    """The identity of a household. `is_masked` says whether the values are whole."""

    household_id: str
    village_code: str
    is_masked: bool
    persons: list[PersonAnswer]
    written_at: str


class LookupAnswer(_Answer):
    """The households found, within the caller's area; an empty list for elsewhere and nowhere."""

    household_ids: list[str]


EXAMPLE_MASKED: dict[str, Any] = {
    "household_id": "H0002878",
    "village_code": "500999100201",
    "is_masked": True,
    "persons": [
        {
            "person_id": "head", "name": "张**", "id_number": "1101**********002X", "phone": "138****8000",
            "address": "重庆市示例县****",
        }
    ],
    "written_at": "2026-11-01T01:00:00+00:00",
}  # fmt: skip


def router(store: IdentityStore | None, settings: Settings) -> APIRouter:
    """The routes, bound to their store; without one they say that identities are not set up."""
    made = APIRouter(tags=["identities"], prefix="/v1/households")
    shown: dict[int | str, dict[str, Any]] = {
        200: {"model": IdentityAnswer, "content": {"application/json": {"example": EXAMPLE_MASKED}}}
    }

    async def body_of(request: Request) -> Any:
        body = await read_body(request, MOST_BYTES, settings.body_seconds)
        return await run_in_threadpool(parse_json, body) if len(body) > MOST_AT_ONCE else parse_json(body)

    @made.post(
        "/lookup",
        summary="Find households by an ID number or a phone",
        description="Full-width digits, spaces, hyphens, +86 and a small x are taken for what they mean. "
        "Somebody outside of the caller's area and nobody at all are answered alike. Every lookup is logged "
        "and counted.",
        response_class=Response,
        responses={
            200: {
                "model": LookupAnswer,
                "content": {"application/json": {"example": {"household_ids": ["H0002878"]}}},
            },
            **problems(400, 408, 413, 415, 422, 429, 500, 503),
        },
        openapi_extra={"requestBody": lookup_request_body()},
    )
    async def look_up(request: Request) -> Response:
        caller, there = caller_of(request), _set_up(store)
        kind, value = IdentityReader().read_lookup(await body_of(request))
        found = await run_in_threadpool(there.look_up, caller, kind, value)
        return JSONResponse({"household_ids": found})

    @made.put(
        "/{household_id}/identity",
        summary="Keep a household's identity",
        description="The persons sent take the place of those that were there; sending the same again "
        "changes nothing. What is kept is answered masked.",
        response_class=Response,
        responses={**shown, **problems(400, 408, 413, 415, 422, 500, 503)},
        openapi_extra={"requestBody": identity_request_body()},
    )
    async def put(household_id: str, request: Request) -> Response:
        caller, there = caller_of(request), _set_up(store)
        village, persons = IdentityReader().read_identity(household_id, await body_of(request))
        record = await run_in_threadpool(there.put, caller, household_id, village, persons)
        return JSONResponse(record_answer(record, is_masked=True))

    @made.get(
        "/{household_id}/identity",
        summary="A household's identity, masked",
        response_class=Response,
        responses={**shown, **problems(404, 500, 503)},
    )
    def identity(household_id: str, request: Request) -> Response:
        caller, there = caller_of(request), _set_up(store)
        return JSONResponse(record_answer(_there(there.find(caller, household_id)), is_masked=True))

    @made.post(
        "/{household_id}/identity/reveal",
        summary="A household's identity in clear, for a purpose",
        description="For those who go to the household. The purpose is logged with the caller, and reveals "
        "are bounded by the hour.",
        response_class=Response,
        responses={200: {"model": IdentityAnswer}, **problems(400, 404, 408, 413, 415, 422, 429, 500, 503)},
        openapi_extra={"requestBody": reveal_request_body()},
    )
    async def reveal(household_id: str, request: Request) -> Response:
        caller, there = caller_of(request), _set_up(store)
        purpose = IdentityReader().read_purpose(await body_of(request))
        record = _there(await run_in_threadpool(there.reveal, caller, household_id, purpose))
        return JSONResponse(record_answer(record, is_masked=False))

    return made


def record_answer(record: Record, *, is_masked: bool) -> dict[str, Any]:
    """The record as it is answered."""
    return {
        "household_id": record.household_id,
        "village_code": record.village_code,
        "is_masked": is_masked,
        "persons": [
            {"person_id": one.person_id, **{kind.value: value for kind, value in one.values.items()}}
            for one in record.persons
        ],
        "written_at": record.written_at.isoformat(timespec="seconds"),
    }


def _set_up(store: IdentityStore | None) -> IdentityStore:
    if store is None:
        raise Problem("identity_not_set_up")
    return store


def _there(record: Record | None) -> Record:
    if record is None:
        raise Problem("identity_not_found")
    return record
