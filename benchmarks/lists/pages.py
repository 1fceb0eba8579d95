"""What is asked: every list and board, by who reads it, with its filters and a late page of it."""

from __future__ import annotations

import datetime as dt
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Engine

from scoring.themes import THEMES
from serving.access import Role
from serving.storage import AccountStore, KeyStore, SessionStore
from serving.storage.case_list import Place
from serving.storage.my_list import DUES
from serving.storage.page_mark import write_mark

LEVELS = {"village": 12, "township": 9, "county": 6, "city": 4, "province": 2, "country": 0}
"""Characters of the code of the area that somebody may see."""
READERS = {
    "village": Role.VILLAGE_OFFICIAL, "township": Role.TOWNSHIP_OFFICIAL, "county": Role.COUNTY_OFFICIAL,
    "city": Role.COUNTY_OFFICIAL, "province": Role.PROVINCE_OFFICIAL, "country": Role.PLATFORM,
}  # fmt: skip
_LIST_READERS = ("village", "township")
_REVIEWERS = ("township", "county", "city", "province")
_DAY = dt.timedelta(days=1)
_IDLE = dt.timedelta(minutes=30)


@dataclass(frozen=True)
class Ask:
    """One request: `path` has places for the reader's area, a household of it, and a cursor.

    `first` is a page whose cursor is the one to go on from.
    """

    route: str
    what: str
    level: str
    path: str
    role: Role
    form: dict[str, str] | None = None
    first: str | None = None

    @property
    def is_page(self) -> bool:
        """Whether a person reads it in a browser."""
        return not self.path.startswith("/v1/")


def all_asks(today: dt.date) -> Iterator[Ask]:
    """Every request that is measured."""
    for level in LEVELS:
        area = "{area}" if LEVELS[level] else "50"
        for route, asks in _of_every_level(level, area, today).items():
            for what, path in asks.items():
                first = re.split("[?&]cursor=", path)[0] if "{cursor}" in path else None
                yield Ask(route, what, level, path, READERS[level], first=first)
    yield from _of_offices(today)


def _of_every_level(level: str, area: str, today: dt.date) -> dict[str, dict[str, str]]:
    """Route → what is asked of it → its path, for the reader of a level."""
    month, size = today - dt.timedelta(days=30), LEVELS[level]
    pages = {"village": 2, "township": 20, "county": 500}.get(level, 19_000)
    made = {
        "GET /": {
            "first": "/", "to visit": "/?action=visit", "last page": f"/?page={pages}",
            "of a village": "/?area={village}", "of a county": "/?area={county}",
        },
        "GET /v1/leads": {
            "first": "/v1/leads", "next": "/v1/leads?limit=50&cursor={cursor}",
            "a year back": f"/v1/leads?cursor={_lead_mark(today)}", "of a theme": "/v1/leads?theme=illness",
            "hard of a theme": "/v1/leads?theme=illness&hard=true", "of a channel": "/v1/leads?channel=score",
            "of a code": "/v1/leads?code=gap_water", "lately": f"/v1/leads?since={month}",
            "of a village": "/v1/leads?area={village}", "of a county": "/v1/leads?area={county}",
            "rule only": "/v1/leads?disagreement=rule_only",
            "score only": "/v1/leads?disagreement=score_only",
            "of a household": "/v1/leads?household_id={household}", "200": "/v1/leads?limit=200",
        },
        "GET /v1/cases": {
            "first": "/v1/cases", "overdue": "/v1/cases?due=overdue", "soon": "/v1/cases?due=soon",
            "two states": "/v1/cases?state=alerted,verifying", "own turn": "/v1/cases?owner=village_official",
            "of a theme": "/v1/cases?theme=illness", "of a grade": "/v1/cases?grade=1",
            "of a village": "/v1/cases?area={village}", "of a county": "/v1/cases?area={county}",
            "told": "/v1/cases?told=county_official", "next": "/v1/cases?cursor={cursor}",
            "late page": f"/v1/cases?cursor={_case_mark(today)}",
        },
        "GET /cases": {
            "open": "/cases", "of a state": "/cases?state=approving", "closed": "/cases?state=excluded",
            "overdue": "/cases?due=overdue", "soon": "/cases?due=soon", "told": "/cases?told=county_official",
            "told late": "/cases?due=untold", "of a theme": "/cases?theme=illness",
            "of a grade": "/cases?grade=1", "of a village": "/cases?area={village}",
            **({"of a county": "/cases?area={county}"} if size <= LEVELS["county"] else {}),
            "narrow": "/cases?state=helping&due=overdue&grade=1&theme=illness",
            "late page": f"/cases?after={_case_mark(today)}",
        },
        "GET /v1/households/{household_id}/listing": {"one": "/v1/households/{household}/listing"},
        "GET /v1/households/{household_id}/scores": {"one": "/v1/households/{household}/scores"},
        "GET /v1/households/{household_id}/visits": {"one": "/v1/households/{household}/visits"},
        "GET /v1/worklists/{area_code}": {
            "first": f"/v1/worklists/{area}", "by score": f"/v1/worklists/{area}?why=score",
            "next": f"/v1/worklists/{area}?limit=1&cursor={{cursor}}",
        },
        "GET /v1/areas/{area_code}/casework": {"first": f"/v1/areas/{area}/casework"},
        "GET /v1/areas/{area_code}/summary": {"first": f"/v1/areas/{area}/summary"},
        "GET /v1/areas/{area_code}/clusters": {"first": f"/v1/areas/{area}/clusters"},
        "GET /areas/{area_code}": {"first": f"/areas/{area}"},
    }  # fmt: skip
    if level in _LIST_READERS:
        tabs = {f"due {one}": f"/list?due={one}" for one in DUES}
        grades = {f"grade {one}": f"/list?grade={one}" for one in (1, 2, 3)}
        themes = {f"theme {one}": f"/list?theme={one}" for one in THEMES}
        made["GET /list"] = {
            "all": "/list",
            "last page": f"/list?page={size // 3}",
            **tabs,
            **grades,
            **themes,
        }
    if level in _REVIEWERS:
        made["GET /corrections"] = {"first": "/corrections", "page 2": "/corrections?page=2"}
        made["GET /v1/corrections"] = {
            "first": "/v1/corrections", "proposed": "/v1/corrections?state=proposed",
            "approved": "/v1/corrections?state=approved", "late page": "/v1/corrections?offset=40",
        }  # fmt: skip
    return made


def _of_offices(today: dt.date) -> Iterator[Ask]:
    """What those read who see no household."""
    for what, path in {
        "first": "/accounts", "last page": "/accounts?page=200",
        "of a role": "/accounts?role=village_official",
    }.items():  # fmt: skip
        yield Ask("GET /accounts", what, "none", path, Role.ACCOUNTS)
    yield Ask("GET /audit", "first", "none", "/audit", Role.AUDITOR)
    long_ago = (today - dt.timedelta(days=600)).isoformat()
    for what, form in {
        "of a household": {"household": "{household}"}, "of a login name": {"login_name": "w000007"},
        "of a key": {"key_id": "k00000000000"}, "of an action": {"action": "audit_searched"},
        "of old days": {"until": long_ago}, "of a day": {"since": today.isoformat()},
        "rare of a key": {"key_id": "k00000000000", "action": "audit_searched"},
        "late page": {"before": "1000"},
    }.items():  # fmt: skip
        yield Ask("POST /audit", what, "none", "/audit", Role.AUDITOR, form)


def _case_mark(today: dt.date) -> str:
    """Far down a list of open cases, of which every tenth is due later."""
    return Place(today + dt.timedelta(days=47), 2, "8" * 32).mark


def _lead_mark(today: dt.date) -> str:
    return write_mark(today - dt.timedelta(days=350), "f" * 32)


class Doors:
    """Headers of somebody of a role and an area: a key of a platform, the session of anybody else."""

    def __init__(self, engine: Engine) -> None:
        self.keys, self.accounts = KeyStore(engine), AccountStore(engine)
        self.sessions = SessionStore(engine, _IDLE, _DAY)
        self._kept: dict[tuple[Role, str | None], dict[str, str]] = {}

    def headers(self, role: Role, area: str | None) -> dict[str, str]:
        """Made once for each."""
        if (role, area) not in self._kept:
            self._kept[role, area] = self._open(role, area)
        return self._kept[role, area]

    def _open(self, role: Role, area: str | None) -> dict[str, str]:
        if role is Role.PLATFORM:
            key, _ = self.keys.add(role, area, "benchmark", _DAY)
            return {"Authorization": f"Bearer {key.text}"}
        with self.accounts.writer.begin() as connection:
            made = self.accounts.add_in(connection, f"b{secrets.token_hex(6)}", role, area, "none", _DAY)
            self.accounts.change_in(connection, made, is_start_password=0)
            token = self.sessions.open_in(connection, made.id)
        return {"Cookie": f"fangfan={token}", "Origin": "http://127.0.0.1", "Sec-Fetch-Site": "same-origin"}
