"""The pages of signing in and out, of one's own password and of the second factor."""

from __future__ import annotations

import datetime as dt
import re
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from serving.access.caller import Role
from serving.access.gate import session_of
from serving.access.local import Access
from serving.access.passwords import LEAST_KINDS, LEAST_LENGTH
from serving.access.sign_in import FAILURES_TO_LOCK, LOCK_TIME, SignInDesk, SignInRefused
from serving.console.fields import read_fields
from serving.console.navigation import FIRST, first_page
from serving.console.pages import Pages, language_of
from serving.console.texts import texts
from serving.errors import Problem

SIGN_IN, PASSWORD, SECOND_FACTOR = "/sign-in", "/password", "/second-factor"
_REFUSED = 401
_NOT_CHANGED = 422
# Segments with something in them: neither //elsewhere nor a backslash can be one.
_OWN_PATH = re.compile(r"/(?:[A-Za-z0-9._~-]+(?:/[A-Za-z0-9._~-]+)*)?", re.ASCII)
_LONGEST_NEXT = 512
_FIRST = {
    "key_not_accepted": SIGN_IN,
    "password_change_needed": PASSWORD,
    "second_factor_needed": SECOND_FACTOR,
}
"""What is done first about a problem, and on which page."""
_ROLES = {
    Role.SCIENTIST: "role_scientist",
    Role.PROVINCE_OFFICIAL: "role_province_official",
    Role.COUNTY_OFFICIAL: "role_county_official",
    Role.TOWNSHIP_OFFICIAL: "role_township_official",
    Role.VILLAGE_OFFICIAL: "role_village_official",
    Role.HELPER: "role_helper",
    Role.AUDITOR: "role_auditor",
    Role.ACCOUNTS: "role_accounts",
    Role.MONITOR: "role_monitor",
}
_FAULTS = {
    "short": "password_short",
    "long": "password_long",
    "simple": "password_simple",
    "name": "password_name",
    "same": "password_same",
    "former": "password_former",
    "repeated": "password_repeated",
}


def router(pages: Pages, desk: SignInDesk, access: Access) -> APIRouter:
    """The pages, bound to the desk."""
    made = APIRouter(include_in_schema=False)
    origin = desk.signed_in.origin

    def to(request: Request, address: str) -> Response:
        if language_of(request) == "en" and "lang=" not in address:
            address += ("&" if "?" in address else "?") + "lang=en"
        return RedirectResponse(address, status_code=303)

    @made.get(SIGN_IN, response_class=Response)
    def form(request: Request) -> Response:
        if access is Access.OPEN:
            return to(request, FIRST)
        return sign_in_page(request, own_address(request.query_params.get("next", "")))

    def sign_in_page(
        request: Request, address: str, *, status: int = 200, said: str | None = None
    ) -> Response:
        return pages.page(request, "sign_in.html", status, has_address=True, next=address, said=said)

    @made.post(SIGN_IN, response_class=Response)
    async def sign_in(request: Request) -> Response:
        if access is Access.OPEN:
            return to(request, FIRST)
        origin.check(request)
        fields = await read_fields(request, ("name", "password", "code", "next"))
        address = request.client.host if request.client else ""
        wanted = own_address(fields["next"])
        try:
            token, account = await desk.sign_in(address, fields["name"], fields["password"], fields["code"])
        except SignInRefused:
            said = texts(language_of(request))["sign_in_failed"].format(
                failures=FAILURES_TO_LOCK, minutes=LOCK_TIME // dt.timedelta(minutes=1)
            )
            return sign_in_page(request, wanted, status=_REFUSED, said=said)
        response = to(request, first_page(account.role) if wanted == FIRST else wanted)
        origin.set_cookie(response, token)
        return response

    @made.post("/sign-out", response_class=Response)
    async def sign_out(request: Request) -> Response:
        await desk.sign_out(session_of(request))
        response = to(request, SIGN_IN)
        # Copies of pages, and visits that wait: nothing of them stays in the browser.
        response.headers["Clear-Site-Data"] = '"cache", "storage"'
        origin.drop_cookie(response)
        return response

    def password_page(request: Request, fault: str | None = None) -> Response:
        words, session = texts(language_of(request)), session_of(request)
        rules = words["password_rules"].format(length=LEAST_LENGTH, kinds=LEAST_KINDS)
        said = words[_FAULTS[fault]].format(length=LEAST_LENGTH, kinds=LEAST_KINDS) if fault else None
        return pages.page(
            request, "password.html", _NOT_CHANGED if fault else 200, has_address=True, rules=rules,
            said=said, account=session.account, role=words[_ROLES[session.account.role]],
            is_needed=desk.signed_in.needed(session) == "password_change_needed",
        )  # fmt: skip

    @made.get(PASSWORD, response_class=Response)
    def password(request: Request) -> Response:
        return password_page(request)

    @made.post(PASSWORD, response_class=Response)
    async def change_password(request: Request) -> Response:
        session = session_of(request)
        fields = await read_fields(request, ("former", "password", "again"))
        if fields["password"] != fields["again"]:
            return password_page(request, "repeated")
        try:
            token = await desk.change_password(session, fields["former"], fields["password"])
        except SignInRefused as refused:
            return password_page(request, refused.code)
        response = to(request, first_page(session.account.role))
        origin.set_cookie(response, token)
        return response

    def factor_page(
        request: Request, offered: tuple[str, str, str] | None, said: str | None = None
    ) -> Response:
        session = session_of(request)
        return pages.page(
            request, "second_factor.html", _NOT_CHANGED if said else 200, has_address=True, offered=offered,
            said=said, is_needed=desk.signed_in.needed(session) == "second_factor_needed",
        )  # fmt: skip

    @made.get(SECOND_FACTOR, response_class=Response)
    def second_factor(request: Request) -> Response:
        session = session_of(request)
        has_one = session.account.second_factor is not None
        return factor_page(request, None if has_one else desk.offer_second_factor(session))

    @made.post(SECOND_FACTOR, response_class=Response)
    async def set_second_factor(request: Request) -> Response:
        session = session_of(request)
        fields = await read_fields(request, ("offer", "code"))
        try:
            await desk.set_second_factor(session, fields["offer"], fields["code"])
        except SignInRefused:
            has_one = session.account.second_factor is not None
            offered = None if has_one else desk.shown_again(session, fields["offer"])
            return factor_page(request, offered, texts(language_of(request))["second_factor_wrong"])
        return to(request, first_page(session.account.role))

    return made


def own_address(text: str) -> str:
    """An address of this console made of what a browser sent; the first page where it is none."""
    path, _, query = text.partition("?")
    if len(text) > _LONGEST_NEXT or not _OWN_PATH.fullmatch(path) or path in {SIGN_IN, "/sign-out"}:
        return FIRST
    try:
        pairs = parse_qsl(query, errors="strict", max_num_fields=8)
    except ValueError:
        return FIRST
    return f"{path}?{urlencode(pairs)}" if pairs else path


def address_instead(request: Request, problem: Problem) -> str | None:
    """Where somebody is sent who asks for a page and has something to do first; `None` for other problems."""
    path = _FIRST.get(problem.code)
    if path is None or request.headers.get("authorization"):
        return None
    query: dict[str, str] = {}
    if path == SIGN_IN and request.method == "GET":
        wanted = own_address(request.url.path + (f"?{request.url.query}" if request.url.query else ""))
        query = {"next": wanted} if wanted != FIRST else {}
    if language_of(request) == "en":
        query["lang"] = "en"
    return f"{path}?{urlencode(query)}" if query else path
