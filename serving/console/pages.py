"""Rendering: templates, languages and the page that an error becomes."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import resources
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import Response

from features.regions import AREA_LEVELS
from serving.access.gate import find_session
from serving.console.navigation import FIRST, first_page, places_of
from serving.console.texts import texts
from serving.console.transfer import Files, html_response
from serving.errors import Problem

AREA = re.compile("|".join(f"[0-9A-Z]{{{length}}}" for length in AREA_LEVELS), re.ASCII)
"""The form of an area's code; no phone and no ID number has it."""
_QUERY = {
    "as_of_date": re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"),
    "action": re.compile(r"[a-z]{1,20}"),
    "area": AREA,
    "page": re.compile(r"[1-9][0-9]{0,5}"),
    "due": re.compile(r"[a-z]{1,10}"),
    "grade": re.compile(r"[1-9]"),
    "theme": re.compile(r"[a-z]{1,20}"),
    "map": re.compile(r"[a-z]{1,10}"),
    "role": re.compile(r"[a-z_]{1,20}"),
    "measure": re.compile(r"[a-z0-9_]{1,40}"),
    "before": re.compile(r"[1-9][0-9]{0,8}"),
    "state": re.compile(r"[a-z]{1,12}"),
    "told": re.compile(r"[a-z_]{1,20}"),
    "after": re.compile(r"[A-Za-z0-9_-]{1,120}"),
}
"""What a link to the same page keeps, where it has its form: what else somebody typed is not repeated."""

_PROBLEM_TEXTS = {
    "household_not_found": "problem_household",
    "identity_not_found": "problem_identity",
    "identity_not_set_up": "problem_identity",
    "asked_too_often": "problem_often",
    "area_not_found": "problem_area",
    "not_found": "problem_address",
    "case_not_found": "problem_case",
    "visit_of_another": "problem_visit_of_another",
    "key_not_accepted": "problem_key",
    "role_not_allowed": "problem_role",
    "not_local": "problem_local",
    "origin_not_own": "problem_origin",
    "origin_not_set": "problem_origin_not_set",
    "too_many_sign_ins": "problem_too_many_sign_ins",
}


class Pages:
    """Makes HTML responses in the language of the request.

    Every page says so where access `is_open`, where it `is_demo` of invented people, and while the model
    `is_off`. `name_of` is what templates have as `place`: the name of an area, nothing where it has none.
    """

    def __init__(
        self,
        *,
        is_open: bool = False,
        is_demo: bool = False,
        is_off: Callable[[], bool] = lambda: False,
        name_of: Callable[[str], str | None] = lambda _: None,
    ) -> None:
        self._is_open = is_open
        self._is_demo = is_demo
        self._is_off = is_off
        self._environment = Environment(
            loader=PackageLoader("serving.console"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals["place"] = name_of

    def page(
        self, request: Request, template: str, status: int = 200, *, has_address: bool = False, **view: Any
    ) -> Response:
        """A template rendered with `view`; only what is there, or `has_address` anyway, is linked to."""
        language = language_of(request)
        # An address that nothing stands behind is not repeated, in the link to the other language either.
        links = _Links(request if status == 200 or has_address else None, language)
        session = find_session(request)
        person = session.account if session else None
        caller = person.caller if person else getattr(request.state, "caller", None)
        places = places_of(caller, is_signed_in=person is not None)
        html = self._environment.get_template(template).render(
            t=texts(language), language=language, links=links, is_open=self._is_open, is_demo=self._is_demo,
            is_off=self._is_off(),
            person=person, places=places, here=request.url.path,
            home=first_page(caller.role) if caller else FIRST,
            # Of an address that nothing stands behind it is not known who asks for it.
            has_way=bool(places) or (caller is None and not has_address), **view,
        )  # fmt: skip
        return html_response(request, html, status, {"Content-Language": texts(language)["language_tag"]})

    def problem(self, request: Request, problem: Problem) -> Response:
        """A problem as a page."""
        words = texts(language_of(request))
        general = "problem_request" if problem.kind.status < 500 else "problem_service"
        page = self.page(
            request,
            "problem.html",
            problem.kind.status,
            number=problem.kind.status,
            said=words[_PROBLEM_TEXTS.get(problem.code, general)],
        )
        if "Retry-After" in problem.headers:
            page.headers["Retry-After"] = problem.headers["Retry-After"]
        return page


class _Links:
    """Addresses within the console that keep the language."""

    def __init__(self, request: Request | None, language: str) -> None:
        self._path = request.url.path if request else "/"
        query = request.query_params.items() if request else ()
        self._query = {
            name: value for name, value in query if name in _QUERY and _QUERY[name].fullmatch(value)
        }
        self._language = language

    def to(self, path: str, **query: object) -> str:
        """An address with a query, in the page's language; what is empty is left out."""
        given = {name: str(value) for name, value in query.items() if value}
        if self._language != "zh":
            given["lang"] = self._language
        return f"{path}?{urlencode(given)}" if given else path

    @property
    def other_language(self) -> str:
        """This page in the other language."""
        query = dict(self._query) if self._language != "zh" else {**self._query, "lang": "en"}
        return f"{self._path}?{urlencode(query)}" if query else self._path


def language_of(request: Request) -> str:
    """English when it is asked for, else Chinese."""
    return "en" if request.query_params.get("lang") == "en" else "zh"


def static_files() -> Files:
    """The style sheet, the scripts and the icon."""
    return Files(directory=str(resources.files(__package__).joinpath("static")))
