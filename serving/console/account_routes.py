"""The administrator's pages: who has an account, making, changing and ending one. No household is in them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from fastapi import APIRouter, Request, Response
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse

from features.errors import FeaturesError
from serving.access import Caller, Role
from serving.access.account_desk import AccountDesk
from serving.access.caller import scope_of
from serving.access.gate import caller_of
from serving.cases.clocks import china_day
from serving.console.fields import read_fields
from serving.console.navigation import ACCOUNTS
from serving.console.pages import AREA, Pages, language_of
from serving.console.query import page_of
from serving.console.texts import texts
from serving.errors import AccessError, Problem
from serving.storage.accounts import Account, is_login_name

PER_PAGE = 50
PEOPLE = tuple(one for one in Role if one is not Role.PLATFORM)
LONGEST_DAYS = 730
DOINGS = ("lock", "unlock", "reset", "change", "remove")
_REFUSED = 422

T = TypeVar("T")


def router(pages: Pages, desk: AccountDesk) -> APIRouter:
    """The pages, bound to the accounts."""
    made = APIRouter(include_in_schema=False)

    def shown(
        request: Request, status: int = 200, *, said: str | None = None, done: str | None = None,
        start: tuple[Account, str] | None = None, found: Account | None = None, is_search: bool = False,
    ) -> Response:  # fmt: skip
        language, query = language_of(request), request.query_params
        asked, area = query.get("role", ""), query.get("area", "")
        role = Role(asked) if asked in PEOPLE else None
        page = page_of(query.get("page", "1"))
        items: Sequence[Account]
        if is_search:
            items, total = ([found] if found else []), int(found is not None)
        else:
            items, total = _reading(lambda: desk.store.page(
                role=role, area=area if AREA.fullmatch(area) else "", limit=PER_PAGE,
                offset=(page - 1) * PER_PAGE,
            ))  # fmt: skip
        view = _view(
            items, total, page, role, area if AREA.fullmatch(area) else "", desk, caller_of(request), language
        )
        return pages.page(
            request, "accounts.html", status, has_address=True, view=view, said=said, done=done,
            start=(start[0].login_name, start[1]) if start else None,
        )  # fmt: skip

    @made.get(ACCOUNTS, response_class=Response)
    def accounts(request: Request) -> Response:
        done = request.query_params.get("done", "")
        words = texts(language_of(request))
        return shown(request, done=words[f"done_{done}"] if done in DOINGS else None)

    @made.post(f"{ACCOUNTS}/find", response_class=Response)
    async def find(request: Request) -> Response:
        fields = await read_fields(request, ("login_name",))

        def work() -> Response:
            found = _reading(lambda: desk.store.find(fields["login_name"]))
            return shown(request, found=found, is_search=True)

        return await run_in_threadpool(work)

    @made.post(ACCOUNTS, response_class=Response)
    async def add(request: Request) -> Response:
        fields = await read_fields(request, ("login_name", "role", "area", "days"))

        def work() -> Response:
            words = texts(language_of(request))
            try:
                role, area = _role_and_area(fields)
                days = fields["days"]
                if not (
                    days.isascii() and days.isdigit() and len(days) < 5 and 0 < int(days) <= LONGEST_DAYS
                ):
                    raise _Refused("account_days")
                if not is_login_name(fields["login_name"]):
                    raise _Refused("account_login")
                lasts = dt.timedelta(days=int(days))
                start = _reading(
                    lambda: desk.add(caller_of(request), fields["login_name"], role, area, lasts)
                )
            except _Refused as refused:
                return shown(request, _REFUSED, said=words[refused.key].format(days=LONGEST_DAYS))
            except AccessError:
                return shown(request, _REFUSED, said=words["account_there"])
            return shown(request, start=start)

        return await run_in_threadpool(work)

    @made.post(f"{ACCOUNTS}/{{account_id}}/{{doing}}", response_class=Response)
    async def change(account_id: str, doing: str, request: Request) -> Response:
        if doing not in DOINGS:
            raise Problem("not_found")
        fields = await read_fields(request, ("role", "area") if doing == "change" else ())
        return await run_in_threadpool(_change, request, account_id, doing, fields)

    def _change(request: Request, account_id: str, doing: str, fields: dict[str, str]) -> Response:
        caller, find, words = caller_of(request), desk.by_id(account_id), texts(language_of(request))
        try:
            match doing:
                case "reset":
                    start = _reading(lambda: desk.reset(caller, find))
                    return shown(request, start=start)
                case "change":
                    role, area = _role_and_area(fields)
                    _reading(lambda: desk.change(caller, find, role, area))
                case "lock":
                    _reading(lambda: desk.lock(caller, find))
                case "unlock":
                    _reading(lambda: desk.unlock(caller, find))
                case _:
                    _reading(lambda: desk.remove(caller, find))
        except _Refused as refused:
            return shown(request, _REFUSED, said=words[refused.key])
        except AccessError:
            return shown(
                request,
                _REFUSED,
                said=words["account_own" if account_id == caller.key_id else "account_gone"],
            )
        suffix = "&lang=en" if language_of(request) == "en" else ""
        return RedirectResponse(f"{ACCOUNTS}?done={doing}{suffix}", status_code=303)

    return made


class _Refused(Exception):
    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


def _role_and_area(fields: dict[str, str]) -> tuple[Role, str | None]:
    area = fields["area"].strip() or None
    if fields["role"] not in PEOPLE:
        raise _Refused("account_area")
    role = Role(fields["role"])
    try:
        scope_of(role, area)
    except (AccessError, FeaturesError):
        raise _Refused("account_area") from None
    return role, area


def _reading(work: Callable[[], T]) -> T:
    try:
        return work()
    except SQLAlchemyError:
        raise Problem("storage_failed") from None


def _view(
    items: Any,
    total: int,
    page: int,
    role: Role | None,
    area: str,
    desk: AccountDesk,
    caller: Caller,
    language: str,
) -> dict[str, Any]:
    words, now = texts(language), desk.store.now()
    pages = max(1, -(-total // PER_PAGE))
    return {
        "items": [
            {
                "id": one.id,
                "login_name": one.login_name,
                "role": words[f"role_{one.role.value}"],
                "role_key": one.role.value,
                "area": one.area or "",
                "state": words[f"account_{one.state(now)}"],
                "is_active": one.state(now) == "active",
                "has_factor": one.second_factor is not None,
                "is_start": one.is_start_password,
                "expires": china_day(one.expires_at).isoformat(),
                "is_own": one.id == caller.key_id,
            }
            for one in items
        ],
        "roles": [
            {"key": one.value, "text": words[f"role_{one.value}"], "is_chosen": one is role} for one in PEOPLE
        ],
        "role": role.value if role else None,
        "area": area,
        "count": words["accounts_count"].format(count=f"{total:,}"),
        "page_text": words["page_number"].format(page=page, pages=pages),
        "previous": page - 1 if 1 < page <= pages else None,
        "next": page + 1 if page < pages else None,
        "has_pages": pages > 1,
        "longest": LONGEST_DAYS,
    }
