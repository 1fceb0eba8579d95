"""What the household page shows of an identity: masked, with a button to reveal it; or in clear, once."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from serving.access import Caller
from serving.access.policy import VISITORS
from serving.access.purpose import REVEAL_PURPOSES, Purpose
from serving.console.fields import read_fields
from serving.console.texts import texts
from serving.errors import FieldError, Problem
from serving.identity import IdentityStore, Kind, Record

_LABELS = {
    Kind.NAME: "identity_name", Kind.ID_NUMBER: "identity_id_number", Kind.PHONE: "identity_phone",
    Kind.ADDRESS: "identity_address",
}  # fmt: skip


def hidden_view(
    identities: IdentityStore | None, caller: Caller, household_id: str, language: str
) -> dict[str, Any] | None:
    """The masked identity, and what for the caller may reveal it; `None` where there is none."""
    if identities is None:
        return None
    try:
        record = identities.find(caller, household_id)
    except Problem as problem:
        if problem.code != "identity_unreadable":
            raise
        # The assessment is shown all the same, and that something is missing is said.
        return {"persons": [], "state": texts(language)["identity_unreadable"], "purposes": []}
    if record is None:
        return None
    may_reveal = caller.role in VISITORS
    purposes = [{"key": one.value, "text": one.text(language)} for one in REVEAL_PURPOSES if may_reveal]
    return {"persons": _persons(record, language), "state": None, "purposes": purposes}


def identity_view(record: Record, language: str) -> dict[str, Any]:
    """The identity in clear, with what it may be used for."""
    return {
        "persons": _persons(record, language),
        "state": texts(language)["identity_revealed"],
        "purposes": [],
    }


async def read_purpose(request: Request) -> Purpose:
    """The purpose of the page's form; raises `Problem` where it is none."""
    given = (await read_fields(request, ("purpose",)))["purpose"]
    found = next((one for one in REVEAL_PURPOSES if one == given), None)
    if found is None:
        way_out = f"give one of {', '.join(REVEAL_PURPOSES)}"
        raise Problem("request_invalid", errors=[FieldError("/form/purpose", "unknown_category", way_out)])
    return found


def _persons(record: Record, language: str) -> list[list[dict[str, str]]]:
    words = texts(language)
    return [
        [{"label": words[_LABELS[kind]], "value": value} for kind, value in one.values.items()]
        for one in record.persons
    ]
