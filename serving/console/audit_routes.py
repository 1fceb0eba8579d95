"""The auditor's page: who read or changed what, and when. A household is found by its key, named by none."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from fastapi import APIRouter, Request, Response
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from serving.access import Caller
from serving.access.gate import caller_of
from serving.access.purpose import Purpose
from serving.cases.clocks import CHINA
from serving.console.fields import Form, read_form
from serving.console.household_page import is_key
from serving.console.moments import china_time
from serving.console.navigation import AUDIT
from serving.console.pages import Pages, language_of
from serving.console.query import day_of
from serving.console.texts import texts
from serving.errors import AccessError, Problem
from serving.storage.accounts import login_name_of
from serving.storage.audit import AuditLog, Entry, Tally
from serving.storage.audit_actions import Action
from serving.storage.database import WRITES

PER_PAGE = 50
_KEY_ID = re.compile(r"[a-z0-9]{4,12}", re.ASCII)
_SUBJECT = re.compile(r"[0-9a-f]{64}", re.ASCII)
_NUMBER = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)
_EVERYTHING = "*"
_FOLDED = Action.HOUSEHOLD_LISTED
"""Written for every household that a list shows: one by one they hide everything else."""


def router(pages: Pages, audit: AuditLog) -> APIRouter:
    """The page, bound to the log. What is searched for is in no address; a search is in the log itself."""
    made = APIRouter(include_in_schema=False)
    writer = audit.engine.execution_options(**WRITES)

    @made.get(AUDIT, response_class=Response)
    def latest(request: Request) -> Response:
        return answered(request, Form(()))

    @made.post(AUDIT, response_class=Response)
    async def search(request: Request) -> Response:
        return await run_in_threadpool(answered, request, await read_form(request))

    def answered(request: Request, form: Form) -> Response:
        language = language_of(request)
        try:
            asked = _read(form, audit)
        except _Refused as refused:
            view = _view(None, _Asked(), language)
            return pages.page(
                request, "audit.html", 422, has_address=True, view=view, said=texts(language)[refused.key]
            )
        found, folded = _search(caller_of(request), asked)
        view = _view(found, asked, language, folded)
        return pages.page(request, "audit.html", has_address=True, view=view, said=None)

    def _search(caller: Caller, asked: _Asked) -> tuple[list[Entry], Tally | None]:
        """What was found; without a filter, of what every list writes the number alone."""
        folded = None
        try:
            found = audit.search(
                subject=asked.subject, key_id=asked.key_id, action=asked.action,
                without=_FOLDED if asked.is_folded else None,
                since=asked.since, until=asked.until, before=asked.before, limit=PER_PAGE + 1,
            )  # fmt: skip
            if asked.is_folded:
                after = found[PER_PAGE - 1].seq if len(found) > PER_PAGE else 0
                folded = audit.tally(
                    _FOLDED, after=after, before=asked.before, since=asked.since, until=asked.until
                )
            with writer.begin() as connection:
                told = asked.subject or asked.key_id or _EVERYTHING
                audit.append(connection, caller, Action.AUDIT_SEARCHED, [told])
        except SQLAlchemyError:
            raise Problem("storage_failed") from None
        except AccessError:
            raise Problem("audit_failed") from None
        return list(found), folded

    return made


class _Refused(Exception):
    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


class _Asked:
    """What is searched for; days are China's."""

    def __init__(
        self, subject: str | None = None, key_id: str | None = None, action: Action | None = None,
        first: dt.date | None = None, last: dt.date | None = None, before: int | None = None,
        *, is_whole: bool = False,
    ) -> None:  # fmt: skip
        self.is_whole = is_whole
        self.subject, self.key_id, self.action, self.before = subject, key_id, action, before
        self.first, self.last = first, last
        self.since = _midnight(first) if first and first > dt.date.min else None
        self.until = _midnight(last + dt.timedelta(days=1)) if last and last < dt.date.max else None

    @property
    def is_folded(self) -> bool:
        """Whether nothing is asked for that lists would have to be told one by one for."""
        return not (self.is_whole or self.subject or self.key_id or self.action)


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), CHINA)


def _read(form: Form, audit: AuditLog) -> _Asked:
    """What the form asks for. Household and login name become what the log has in their place."""
    household, login, key = form.find("household"), form.find("login_name"), form.find("key_id")
    subject, action, before = form.find("subject"), form.find("action"), form.find("before")
    if household is not None and not is_key(household):
        raise _Refused("audit_household")
    if sum(one is not None for one in (household, login, subject)) > 1:
        raise _Refused("audit_one")
    if key is not None and not _KEY_ID.fullmatch(key):
        raise _Refused("audit_key")
    days = {name: form.find(name) for name in ("since", "until")}
    if any(text is not None and day_of(text) is None for text in days.values()):
        raise _Refused("audit_day")
    if household is not None:
        subject = audit.household(household)
    elif login is not None:
        subject = audit.login(login_name_of(login))
    elif subject is not None and not _SUBJECT.fullmatch(subject):
        raise _Refused("audit_one")
    return _Asked(
        subject, key, Action(action) if action in set(Action) else None, day_of(days["since"] or ""),
        day_of(days["until"] or ""), int(before) if before and _NUMBER.fullmatch(before) else None,
        is_whole=form.find("is_whole") == "yes",
    )  # fmt: skip


def _view(
    found: list[Entry] | None, asked: _Asked, language: str, folded: Tally | None = None
) -> dict[str, Any]:
    words = texts(language)
    page = (found or [])[:PER_PAGE]
    return {
        "actions": [
            {"key": one.value, "text": words[f"logged_{one.value}"], "is_chosen": one is asked.action}
            for one in Action
        ],
        "asked": asked,
        "action": asked.action.value if asked.action else "",
        "first": asked.first.isoformat() if asked.first else "",
        "last": asked.last.isoformat() if asked.last else "",
        "is_asked": found is not None,
        "folded": words["audit_folded"].format(
            action=words[f"logged_{_FOLDED.value}"],
            entries=f"{folded.entries:,}",
            callers=f"{folded.callers:,}",
        )
        if folded and folded.entries
        else None,
        "items": [
            {
                "seq": one.seq,
                **_moment(one),
                "key_id": one.key_id,
                "role": words.get(f"role_{one.role}", one.role),
                "area": one.area,
                # An entry outlives what wrote it.
                "action": words.get(f"logged_{one.action}", one.action),
                "subject": one.subject[:12],
                "outcome": words[f"outcome_{one.outcome}"],
                "purpose": _purpose(one.purpose, language),
            }
            for one in page
        ],
        "before": page[-1].seq if found and len(found) > PER_PAGE else None,
    }


def _moment(entry: Entry) -> dict[str, str]:
    day, _, time = china_time(entry.at, has_seconds=True).partition(" ")
    return {"day": day, "time": time}


def _purpose(purpose: str, language: str) -> str:
    return Purpose(purpose).text(language) if purpose in set(Purpose) else purpose
