"""People who are signed in and machines with tokens, of every role, for the matrix; and those who are nobody."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import secrets
import time
from collections.abc import Callable
from pathlib import Path

import yaml
from fastapi import FastAPI
from sqlalchemy import update

from serving.access import Role
from serving.storage import AccountStore
from serving.storage.keys import digest_of
from serving.storage.tables import account as account_table
from serving.storage.tables import session as session_table
from tests.serving.access.people import ORIGIN, RIGHT, CheapPasswords
from tests.serving.access.provider import AUDIENCE, ISSUER, key_set, raw_token, rsa_key, save, token
from tests.serving.access.world import COUNTRY, HERE, NO_ROLE, ROLE_AREAS, Sender

OWN_PAGE = {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"}
"""What a browser says of a request from a page of the service."""
HASHED = CheapPasswords().hash(RIGHT)
_AREAS_SIGNED_IN, _AREAS_WITH_TOKENS = 2, 1
"""Of each role. Keys have all of them; from the gate on nobody knows what was shown."""
_DAY = dt.timedelta(days=1)


def save_rules(folder: Path) -> Path:
    """The rules for tokens, and the provider's keys beside them."""
    path = folder / "tokens.yaml"
    roles = {f"the {role}": role for role in ROLE_AREAS}
    keys = save(folder / "keys.json", key_set())
    path.write_text(
        yaml.safe_dump({"issuer": ISSUER, "audience": AUDIENCE, "keys": keys, "roles": roles}),
        encoding="utf-8",
    )
    return path


def signed_in(app: FastAPI) -> list[Sender]:
    """Somebody for each role of people and some of its areas, and everybody whose session is over."""
    store = app.state.desk.accounts
    made: list[Sender] = []

    def sign_in(role: str, area: str | None) -> tuple[str, str]:
        return make_session(app, role, area)

    for role, areas in ROLE_AREAS.items():
        for area in () if role == "platform" else areas[:_AREAS_SIGNED_IN]:
            _, shown = sign_in(role, area)
            made.append(Sender(f"session of {role} of {area}", role, area, cookie(shown), is_signed_in=True))
    made += [
        Sender(f"session that is {name}", None, None, cookie(shown))
        for name, shown in ended_sessions(store, sign_in).items()
    ]
    _, shown = sign_in("village_official", HERE)
    other = {"Cookie": f"fangfan={shown}; session={shown}"}
    return [*made, Sender("session in another cookie", None, None, other)]


def make_session(app: FastAPI, role: str, area: str | None) -> tuple[str, str]:
    """Account and session token of somebody who is signed in from now on."""
    store, sessions = app.state.desk.accounts, app.state.desk.signed_in.sessions
    login = f"w-{secrets.token_hex(6)}"
    with store.writer.begin() as connection:
        one = store.add_in(connection, login, Role(role), area, HASHED, _DAY)
        store.change_in(connection, one, is_start_password=0)
        return one.id, sessions.open_in(connection, one.id)


def cookie(value: str) -> dict[str, str]:
    """The header that shows a session."""
    return {"Cookie": f"__Host-fangfan={value}"}


def person(app: FastAPI, role: str, area: str | None) -> dict[str, str]:
    """The headers of somebody of a role and an area on a page of the service."""
    return {**OWN_PAGE, **cookie(make_session(app, role, area)[1])}


def ended_sessions(
    store: AccountStore, sign_in: Callable[[str, str | None], tuple[str, str]]
) -> dict[str, str]:
    """Tokens of sessions that are over, by the reason."""
    now = store.now()
    row: dict[str, dict[str, object]] = {
        "idle": {"seen_at": now - dt.timedelta(minutes=30)}, "of yesterday": {"created_at": now - dt.timedelta(hours=12)},
        "ended": {"ended_at": now},
    }  # fmt: skip
    account: dict[str, dict[str, object]] = {
        "of a locked account": {"state": "locked"},
        "of an expired account": {"expires_at": now},
    }
    found = {"unknown": "A" * 43, "too long": "A" * 500, "empty": ""}
    for name in (*row, *account, "of a removed account"):
        account_id, shown = sign_in("village_official", HERE)
        found[name] = shown
        with store.writer.begin() as connection:
            if name in row:
                one = session_table.c.token_sha256 == digest_of(shown)
                connection.execute(update(session_table).where(one).values(row[name]))
            elif name in account:
                changed = update(account_table).where(account_table.c.id == account_id)
                connection.execute(changed.values(account[name]))
            else:
                kept = next(one for one in store.list() if one.id == account_id)
                store.remove_in(connection, kept)
    return found


def with_tokens() -> list[Sender]:
    """A machine for each role and some of its areas, and everybody whose token is nothing."""
    now = int(time.time())
    sound = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "machine",
        "exp": now + 3_000,
        "role": f"the {Role.PLATFORM}",
        "area": COUNTRY,
    }

    def header(shown: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {shown}"}

    made = []
    for role, areas in ROLE_AREAS.items():
        for area in areas[:_AREAS_WITH_TOKENS]:
            claims = {**sound, "sub": f"{role}-{area}", "role": f"the {role}"}
            claims = {name: value for name, value in {**claims, "area": area}.items() if value is not None}
            made.append(Sender(f"token of {role} of {area}", role, area, header(token(claims))))
    nobodys = {
        "expired": token({**sound, "exp": now - 100}),
        "for others": token({**sound, "aud": "others"}),
        "of others": token({**sound, "iss": "https://evil.test"}),
        "forged": token(sound, key=rsa_key("stranger"), kid="rsa-1"),
        "of an unknown key": token(sound, key=rsa_key("stranger")),
        "unsigned": raw_token(b'{"alg":"none"}', json.dumps(sound).encode(), b""),
    }
    made += [Sender(f"token that is {name}", None, None, header(shown)) for name, shown in nobodys.items()]
    for name, change in {"unknown": {"role": "the king"}, "misplaced": {"role": "the helper"}}.items():
        shown = token({**sound, **change})
        made.append(Sender(f"token whose role is {name}", NO_ROLE, None, header(shown)))
    # A session does not help a token that is nothing.
    return [
        *made,
        dataclasses.replace(
            made[-1], name="token without an area", headers=header(token({**sound, "area": ""}))
        ),
    ]
