"""Sessions end: by idleness, by age, by command and at once. What changes anything comes from our own pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from starlette.requests import Request
from starlette.responses import Response

from serving.access.kept import KEPT_SECONDS, MOST_KEPT, Kept
from serving.access.origin import Origin
from serving.errors import Problem, SettingsError
from serving.storage import Account
from tests.serving.access.people import ORIGIN, Town


@pytest.fixture
def town(database_url: str) -> Iterator[Town]:
    made = Town(database_url)
    yield made
    made.close()


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Town]:
    made = Town(f"sqlite:///{tmp_path}/s.db")
    yield made
    made.close()


def test_a_session_that_is_used_lasts_and_ends_with_the_day(town: Town) -> None:
    town.add()
    token = town.sign_in()
    for _ in range(24):
        town.move(minutes=29.9)
        assert town.sessions.find(token) is not None
    town.move(minutes=2.4)
    assert town.sessions.find(token) is None


def test_an_idle_session_ends(town: Town) -> None:
    town.add()
    token = town.sign_in()
    town.move(minutes=29)
    assert town.sessions.find(token) is not None
    town.move(minutes=30)
    assert town.sessions.find(token) is None
    # It does not come back with the clock of another server, either.
    town.sign_in()
    assert town.sessions.find(token) is None


def test_a_busy_session_is_not_written_at_every_request(small: Town) -> None:
    small.add()
    token = small.sign_in()
    seen = set()
    for _ in range(60):
        small.move(seconds=2)
        assert small.sessions.find(token) is not None
        with small.engine.connect() as connection:
            seen.add(connection.execute(text("SELECT seen_at FROM session")).scalar())
    assert len(seen) == 2


ENDS: dict[str, Callable[[Town, Any, Account], None]] = {
    "locked": lambda town, connection, account: town.accounts.lock_in(connection, account),
    "reset": lambda town, connection, account: town.accounts.set_password_in(
        connection, account, "x", is_start=True
    ),
    "removed": lambda town, connection, account: town.accounts.remove_in(connection, account),
    "no longer lasting": lambda town, connection, account: town.accounts.change_in(
        connection, account, expires_at=town.now()
    ),
}


@pytest.mark.parametrize("way", ENDS)
def test_sessions_end_with_their_account_within_two_seconds(town: Town, way: str) -> None:
    account, other = town.add(), town.add("w200")
    first, second, foreign = town.sign_in(), town.sign_in(), town.sign_in("w200")
    assert all(town.find(one) is not None for one in (first, second, foreign))
    with town.accounts.writer.begin() as connection:
        ENDS[way](town, connection, account)
    town.move(seconds=KEPT_SECONDS)
    assert [town.find(one) for one in (first, second)] == [None, None]
    found = town.find(foreign)
    assert found is not None
    assert found.account.id == other.id
    assert town.is_refused()


def test_an_unlocked_account_signs_in_anew(small: Town) -> None:
    account = small.add()
    token = small.sign_in()
    with small.accounts.writer.begin() as connection:
        small.accounts.lock_in(connection, account)
        small.accounts.unlock_in(connection, account)
    assert small.find(token) is None
    assert small.find(small.sign_in()) is not None


def test_sessions_of_long_ago_are_deleted(small: Town) -> None:
    small.add()
    small.sign_in()
    small.move(hours=37)
    small.sign_in()
    with small.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM session")).scalar() == 1


@pytest.mark.parametrize(
    "token", ["", "x", "a" * 42, "a" * 44, "é" * 43, "a" * 42 + "\n", "' OR 1=1 --" + "a" * 32]
)
def test_what_is_no_token_is_nobodys(small: Town, token: str) -> None:
    small.add()
    small.sign_in()
    assert small.sessions.find(token) is None


def test_the_token_is_compared_whole(small: Town) -> None:
    small.add()
    token = small.sign_in()
    assert len(token) == 43
    changed = ("A" if token[0] != "A" else "B") + token[1:]
    assert small.sessions.find(changed) is None
    assert small.sessions.find(token) is not None


@pytest.mark.parametrize(
    ("headers", "is_own"),
    [
        ({"origin": ORIGIN, "sec-fetch-site": "same-origin"}, True),
        ({"origin": ORIGIN, "sec-fetch-site": "none"}, True),
        ({"origin": ORIGIN}, True),
        ({}, False), ({"sec-fetch-site": "same-origin"}, False), ({"origin": "null"}, False),
        ({"origin": ORIGIN, "sec-fetch-site": "same-site"}, False),
        ({"origin": ORIGIN, "sec-fetch-site": "cross-site"}, False),
        ({"origin": "http://service.test"}, False), ({"origin": ORIGIN + ":8443"}, False),
        ({"origin": "https://evil.test"}, False), ({"origin": ORIGIN + ".evil.test"}, False),
        ({"referer": ORIGIN + "/"}, False),
    ],
)  # fmt: skip
def test_only_own_pages_change_anything(small: Town, headers: dict[str, str], is_own: bool) -> None:
    small.add()
    token = small.sign_in()
    for method in ("POST", "PUT", "PATCH", "DELETE", "ANY"):
        if is_own:
            assert small.find(token, method, **headers) is not None
        else:
            with pytest.raises(Problem) as refused:
                small.find(token, method, **headers)
            assert refused.value.code == "origin_not_own"
    # Reading is not changing.
    assert small.find(token, "GET", **headers) is not None


def request_to(host: str, origin: str) -> Request:
    headers = [(b"host", host.encode()), (b"origin", origin.encode())]
    return Request({"type": "http", "method": "POST", "path": "/", "headers": headers})


def test_without_an_origin_this_machine_alone() -> None:
    local = Origin()
    for host in ("127.0.0.1:8000", "localhost", "[::1]:8000"):
        local.check(request_to(host, f"http://{host}"))
        with pytest.raises(Problem) as refused:
            local.check(request_to(host, "http://evil.test"))
        assert refused.value.code == "origin_not_own"
    with pytest.raises(Problem) as refused:
        local.check(request_to("fangfan.test", "http://fangfan.test"))
    assert refused.value.code == "origin_not_set"


@pytest.mark.parametrize(
    "address",
    [
        "fangfan.test", "https://", "https://fangfan.test/", "https://Fangfan.test", "http://fangfan.test",
        "https://a@fangfan.test", "ftp://127.0.0.1", "https://fangfan.test:port", "https://[", "*", "null",
    ],
)  # fmt: skip
def test_an_origin_that_is_none_is_refused_in_a_sentence(address: str) -> None:
    with pytest.raises(SettingsError, match="FANGFAN_PUBLIC_ORIGIN"):
        Origin(address)


@pytest.mark.parametrize(
    ("address", "name", "is_secure"),
    [(ORIGIN, "__Host-fangfan", True), ("http://127.0.0.1:8000", "fangfan", False), (None, "fangfan", False)],
)
def test_the_cookie(address: str | None, name: str, is_secure: bool) -> None:
    origin, response = Origin(address), Response()
    origin.set_cookie(response, "t" * 43)
    said = response.headers["set-cookie"].split("; ")
    assert said[0] == f"{name}={'t' * 43}"
    assert set(said[1:]) == {"HttpOnly", "Path=/", "SameSite=lax"} | ({"Secure"} if is_secure else set())
    dropped = Response()
    origin.drop_cookie(dropped)
    assert dropped.headers["set-cookie"].startswith(f'{name}="";')


@given(st.lists(st.tuples(st.sampled_from("kf"), st.integers(0, 3 * MOST_KEPT)), max_size=50))
def test_what_is_kept_is_bounded_and_forgotten(steps: list[tuple[str, int]]) -> None:
    clock = [0.0]
    kept, model = Kept[int](now=lambda: clock[0]), dict[str, int]()
    for kind, number in steps:
        if kind == "k":
            kept.keep(str(number), number)
            model[str(number)] = number
        else:
            kept.forget(str(number))
            model.pop(str(number), None)
    assert all(kept.find(name) == number for name, number in model.items())
    clock[0] = KEPT_SECONDS
    assert all(kept.find(name) is None for name in model)


def test_only_so_much_is_kept() -> None:
    kept = Kept[int]()
    for n in range(3 * MOST_KEPT):
        kept.keep(str(n), n)
        assert len(kept._values) <= MOST_KEPT
