"""The pages of a cadre's own list."""

from __future__ import annotations

import datetime as dt

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from scoring.themes import THEMES
from serving.access import Caller
from serving.access.gate import caller_of
from serving.access.purpose import RESULT_PURPOSES
from serving.bulk.results import Origin
from serving.console.fields import read_fields
from serving.console.my_list import GRADES, PER_PAGE, Heads, card, list_view
from serving.console.navigation import MY_LIST
from serving.console.pages import Pages, language_of
from serving.console.query import page_of
from serving.console.workbook import MEDIA_TYPE, MOST_ROWS, make_workbook
from serving.errors import FieldError, Problem
from serving.identity import IdentityStore
from serving.map_file import AreaMap
from serving.storage.my_list import DUES, Entry, MyListStore, Wanted


def router(
    pages: Pages, store: MyListStore, identities: IdentityStore | None, area_map: AreaMap
) -> APIRouter:  # fmt: skip
    """The pages, bound to the storage and to what areas are called."""
    made = APIRouter(include_in_schema=False)

    @made.get(MY_LIST, response_class=Response)
    def my_list(request: Request) -> Response:
        caller, language, wanted = caller_of(request), language_of(request), _wanted(request)
        page = page_of(request.query_params.get("page", "1"))
        found = store.page(caller, wanted, limit=PER_PAGE, offset=(page - 1) * PER_PAGE)
        view = list_view(
            found, wanted, heads(caller, found.items), area_map.name, store.today(), page, language
        )
        purposes = [{"key": one.value, "text": one.text(language)} for one in RESULT_PURPOSES]
        return pages.page(
            request, "my_list.html", view=view, area=caller.scope.prefix or "", purposes=purposes
        )

    @made.post(f"{MY_LIST}/workbook", response_class=Response)
    async def workbook(request: Request) -> Response:
        fields = await read_fields(request, ("purpose",))
        purpose = next((one for one in RESULT_PURPOSES if one.value == fields["purpose"]), None)
        if purpose is None:
            way_out = f"give one of {', '.join(RESULT_PURPOSES)}"
            raise Problem(
                "request_invalid", errors=[FieldError("/form/purpose", "unknown_category", way_out)]
            )
        caller, language = caller_of(request), language_of(request)

        def make() -> bytes:
            items = store.export(caller, _wanted(request), purpose, MOST_ROWS)
            origin = Origin(caller.key_id, caller.role.value, dt.datetime.now(dt.UTC), purpose)
            names, today = heads(caller, items), store.today()
            cards = [card(one, names, area_map.name, today, language) for one in items]
            return make_workbook(cards, origin, language)

        name = f"list-{store.today().isoformat()}.xlsx"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(await run_in_threadpool(make), media_type=MEDIA_TYPE, headers=headers)

    def heads(caller: Caller, items: tuple[Entry, ...] | list[Entry]) -> Heads:
        if identities is None or not items:
            return {}
        try:
            return identities.find_heads(caller, [one.household_id for one in items])
        except Problem as problem:
            if problem.code != "identity_unreadable":
                raise
            # The list is of use without names, and the household's page says that one cannot be read.
            return {}

    return made


def _wanted(request: Request) -> Wanted:
    """What is asked for; what makes no sense is not asked for."""
    query = request.query_params
    due, theme, grade = query.get("due"), query.get("theme"), query.get("grade", "")
    return Wanted(
        due=due if due in DUES else None,
        grade=int(grade) if grade in {str(one) for one in GRADES} else None,
        theme=theme if theme in THEMES else None,
    )
