"""The page on which corrections that visits proposed are approved or refused, by somebody else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse

from features.signals.fields import Category, Field
from serving.access.gate import caller_of, session_of
from serving.cases.contract_words import category_words, field_label
from serving.cases.correction import CorrectionState
from serving.console.fields import read_fields
from serving.console.pages import Pages, language_of
from serving.console.texts import texts
from serving.console.work import Work
from serving.errors import FieldError, Problem
from serving.storage.corrections import StoredCorrection

PATH = "/corrections"
PER_PAGE = 25
_REFUSALS = {"correction_own": "correction_own", "correction_reviewed": "correction_reviewed"}


def router(pages: Pages, work: Work) -> APIRouter:
    """The pages, bound to the storage."""
    made = APIRouter(include_in_schema=False)

    @made.get(PATH, response_class=Response)
    def corrections(request: Request) -> Response:
        return listed(request)

    def listed(request: Request, said: str | None = None, status: int = 200) -> Response:
        language, account = language_of(request), session_of(request).account
        given = request.query_params.get("page", "1")
        number = int(given) if re.fullmatch(r"[1-9][0-9]{0,5}", given, re.ASCII) else 1
        found = work.corrections.list(
            caller_of(request), CorrectionState.PROPOSED, limit=PER_PAGE, offset=(number - 1) * PER_PAGE
        )
        count = max(1, -(-found.total // PER_PAGE))
        view = {
            "items": [_item(one, account.id, language) for one in found.items],
            "count": texts(language)["corrections_count"].format(count=found.total),
            "page_text": texts(language)["page_number"].format(page=number, pages=count),
            "previous": number - 1 if 1 < number <= count else None,
            "next": number + 1 if number < count else None,
            "has_pages": count > 1,
        }
        return pages.page(request, "corrections.html", status, has_address=True, view=view, said=said)

    @made.post(f"{PATH}/{{correction_id}}/review", response_class=Response)
    async def review(correction_id: str, request: Request) -> Response:
        fields = await read_fields(request, ("review",))
        if fields["review"] not in {"approve", "refuse"}:
            error = FieldError("/form/review", "unknown_category", "give one of approve, refuse")
            raise Problem("request_invalid", errors=[error])
        is_approved = fields["review"] == "approve"
        return await run_in_threadpool(_review, request, correction_id, is_approved)

    def _review(request: Request, correction_id: str, is_approved: bool) -> Response:
        caller, account, language = caller_of(request), session_of(request).account, language_of(request)
        try:
            found = work.corrections.review(caller, account.id, correction_id, is_approved=is_approved)
        except Problem as problem:
            if problem.code not in _REFUSALS:
                raise
            return listed(request, texts(language)[_REFUSALS[problem.code]], problem.kind.status)
        if found is None:
            raise Problem("correction_not_found")
        if is_approved:
            work.rescore(found)
        return RedirectResponse(f"{PATH}?lang=en" if language == "en" else PATH, status_code=303)

    return made


def _item(one: StoredCorrection, account_id: str, language: str) -> dict[str, Any]:
    contract = one.correction.contract
    return {
        "id": one.id,
        "household_id": one.household_id,
        "village_code": one.village_code,
        "visited_on": one.visited_on.isoformat(),
        "feed": contract.zh if language == "zh" else contract.en,
        "department": contract.source_zh if language == "zh" else contract.source_en,
        "row": _values(one, one.correction.row, language),
        "replaces": _values(one, one.correction.replaces or {}, language),
        "is_own": one.proposer == account_id,
    }


def _values(one: StoredCorrection, row: Mapping[str, Any], language: str) -> list[dict[str, str]]:
    """A row with the names that its contract has for the fields, and the catalogue's for what they say."""
    names = {field.surface: field for field in one.correction.contract.fields}
    return [
        {
            "label": field_label(names[name], language) if name in names else name,
            "value": _told(one.correction.feed, names.get(name), value, language),
        }
        for name, value in row.items()
    ]


def _told(feed: str, field: Field | None, value: Any, language: str) -> str:
    words = texts(language)
    if isinstance(value, bool):
        return words["yes" if value else "no"]
    if isinstance(field, Category):
        return category_words(feed, field, language).get(str(value), str(value))
    return f"{value:,.2f}".removesuffix(".00") if isinstance(value, float) else str(value)
