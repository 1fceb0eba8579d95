"""Signing in: what locks, what is told, what many at once get, and what the log keeps of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from serving.access import Role
from serving.access.address_limit import FILL_SECONDS, MOST_FAILURES, AddressLimit, network_of
from serving.access.passwords import LEAST_LENGTH, Passwords, find_fault, make_start_password
from serving.access.sign_in import MOST_WAITING, SignInRefused
from serving.access.signed_in import SignInRules
from serving.errors import AccessError, Problem
from tests.serving.access.people import ADDRESS, OTHER, RIGHT, VILLAGE, Town, run


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


def test_a_person_signs_in_and_out(town: Town) -> None:
    made = town.add("Zhang.San")
    token = town.sign_in(" ＺＨＡＮＧ.san")
    session = town.find(token)
    assert session is not None
    assert (session.account.id, session.account.caller.scope.prefix) == (made.id, VILLAGE)
    assert made.id.startswith("p")
    with town.engine.connect() as connection:
        kept = str(connection.execute(text("SELECT * FROM session")).all()) + str(
            connection.execute(text("SELECT * FROM account")).all()
        )
    assert token not in kept
    assert RIGHT not in kept
    assert "$argon2id$" in kept
    run(town.desk.sign_out(session))
    assert town.find(token) is None
    assert town.actions() == ["signed_in", "signed_out"]
    assert {one.key_id for one in town.audit.search()} == {made.id}


def test_five_failures_lock_and_the_time_doubles(town: Town) -> None:
    town.add()
    for minutes in (15, 30, 60):
        assert all(town.is_refused(password="wrong") for _ in range(5))
        assert town.account().state(town.now()) == "locked_out"
        # The right one is refused as well, and trying does not prolong it.
        town.move(minutes=minutes - 1)
        assert town.is_refused()
        town.move(minutes=1)
        assert town.account().state(town.now()) == "active"
    town.sign_in()
    assert town.account().failures == 0
    assert all(town.is_refused(password="wrong") for _ in range(4))
    town.sign_in()
    assert town.actions().count("locked_out") == 3
    assert town.actions().count("sign_in_failed") == 22


def test_no_lock_is_longer_than_a_day(small: Town) -> None:
    account = small.add()
    with small.accounts.writer.begin() as connection:
        small.accounts.change_in(connection, account, failures=499)
    assert small.is_refused(password="wrong")
    small.move(hours=24)
    assert not small.is_refused()


def test_many_at_once_guess_no_more_than_five_times(small: Town) -> None:
    small.add()

    async def flood() -> list[object]:
        tries = [small.desk.sign_in(ADDRESS, "w100", f"guess {n}", "") for n in range(15)]
        # The right one comes last, and finds the account locked.
        tries.append(small.desk.sign_in(ADDRESS, "w100", RIGHT, ""))
        return list(await asyncio.gather(*tries, return_exceptions=True))

    assert {type(one) for one in run(flood())} == {SignInRefused}
    assert small.account().failures == 5
    assert small.account().state(small.now()) == "locked_out"


def test_a_flood_waits_in_a_short_line(small: Town) -> None:
    small.add()

    async def flood() -> list[object]:
        tries = [
            small.desk.sign_in(f"198.51.100.{n}", f"nobody{n}", "x", "") for n in range(3 * MOST_WAITING)
        ]
        return list(await asyncio.gather(*tries, return_exceptions=True))

    found = run(flood())
    busy = [one for one in found if isinstance(one, Problem)]
    assert {one.code for one in busy} == {"too_many_sign_ins"}
    assert all(int(one.headers["Retry-After"]) > 0 for one in busy)
    assert 0 < len(busy) < len(found)
    assert sum(isinstance(one, SignInRefused) for one in found) >= MOST_WAITING
    assert not small.is_refused()


def test_whoever_is_signed_in_gets_out_beside_a_flood(small: Town) -> None:
    small.add()
    session = small.session(small.sign_in())
    while small.desk._places.acquire(blocking=False):
        pass
    with pytest.raises(Problem):
        small.sign_in()
    run(small.desk.sign_out(session))
    assert small.actions()[-1] == "signed_out"


@pytest.mark.parametrize(
    "case", ["unknown", "wrong", "locked", "locked out", "expired", "old start password"]
)
def test_every_failure_takes_the_same_steps(small: Town, case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    account = small.add(is_start=case == "old start password")
    if case == "locked":
        with small.accounts.writer.begin() as connection:
            small.accounts.lock_in(connection, account)
    if case == "locked out":
        assert all(small.is_refused(password="wrong") for _ in range(5))
    small.move(days={"expired": 366, "old start password": 8}.get(case, 0))
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    monkeypatch.setattr(small.desk, "_failure_seconds", 1_000.0)
    small.passwords.asked.clear()
    before = small.audit.verify().entries
    name, password = (
        ("nobody", RIGHT) if case == "unknown" else ("w100", "wrong" if case == "wrong" else RIGHT)
    )
    assert small.is_refused(name, password)
    # One hash is worked out, one entry is written, and the answer waits.
    assert len(small.passwords.asked) == 1
    entry = small.audit.search(limit=1)[0]
    assert small.audit.verify().entries == before + 1
    assert (entry.key_id, entry.action, entry.outcome) == ("nobody", "sign_in_failed", "refused")
    assert entry.subject == small.audit.login(name)
    assert len(slept) == 1
    assert 900 < slept[0] <= 1_000


def test_neither_password_nor_name_nor_token_is_logged(small: Town, caplog: pytest.LogCaptureFixture) -> None:
    small.add()
    with caplog.at_level(logging.DEBUG):
        assert small.is_refused("somebody-real", "their-Secret-1")
        token = small.sign_in()
    with small.engine.connect() as connection:
        log = str(connection.execute(text("SELECT * FROM audit_entry")).all()) + caplog.text
    assert not [one for one in ("somebody-real", "their-Secret-1", RIGHT, token, "w100") if one in log]
    assert small.audit.search(login_name="somebody-real")[0].action == "sign_in_failed"


def test_a_lock_between_the_steps_wins(small: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    account = small.add()
    check = small.passwords.check

    def check_while_locked(password: str, kept: str | None) -> bool:
        with small.accounts.writer.begin() as connection:
            small.accounts.lock_in(connection, account)
        return check(password, kept)

    monkeypatch.setattr(small.passwords, "check", check_while_locked)
    assert small.is_refused()


def test_what_cannot_be_logged_is_refused(small: Town) -> None:
    small.add()
    assert small.is_refused(password="wrong")
    with small.accounts.writer.begin() as connection:
        connection.execute(text("UPDATE audit_head SET seal = 'x'"))
    with pytest.raises(Problem) as refused:
        small.sign_in()
    assert refused.value.code == "audit_failed"
    with small.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM session")).scalar() == 0


def test_a_password_is_changed(town: Town) -> None:
    town.add(is_start=True)
    first, second = town.sign_in(), town.sign_in()
    session = town.find(first)
    assert session is not None
    assert town.signed_in.needed(session) == "password_change_needed"
    for former, new, code in (
        ("wrong", OTHER, "former"), (RIGHT, RIGHT, "same"), (RIGHT, "Short-1", "short"),
        (RIGHT, "all-small-letters", "simple"), (RIGHT, "my-name-is-W100", "name"),
        (RIGHT, "aaaaaaaaaA1-", "simple"), (RIGHT, "Long-1" * 30, "long"),
    ):  # fmt: skip
        with pytest.raises(SignInRefused) as refused:
            run(town.desk.change_password(session, former, new))
        assert refused.value.code == code
    third = run(town.desk.change_password(session, RIGHT, OTHER))
    assert [town.find(one) for one in (first, second)] == [None, None]
    changed = town.find(third)
    assert changed is not None
    assert town.signed_in.needed(changed) is None
    assert town.is_refused()
    town.sign_in(password=OTHER)
    town.move(days=90)
    assert town.signed_in.needed(town.session(town.sign_in(password=OTHER))) == "password_change_needed"


def test_guessing_the_former_password_locks_too(small: Town) -> None:
    small.add()
    session = small.session(small.sign_in())
    for _ in range(5):
        with pytest.raises(SignInRefused, match="former"):
            run(small.desk.change_password(session, "wrong", OTHER))
    with pytest.raises(SignInRefused, match="former"):
        run(small.desk.change_password(session, RIGHT, OTHER))
    assert small.is_refused()
    assert "locked_out" in small.actions()


def test_giving_the_same_password_again_is_no_guess(small: Town) -> None:
    small.add()
    session = small.session(small.sign_in())
    for new in (RIGHT, "Ｒight-horse-１", *[RIGHT] * 4):
        with pytest.raises(SignInRefused, match="same"):
            run(small.desk.change_password(session, RIGHT, new))
    small.sign_in()


def test_a_reset_meanwhile_is_not_overwritten(small: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    account = small.add()
    session, hash_it = small.session(small.sign_in()), small.passwords.hash

    def hash_after_reset(password: str) -> str:
        with small.accounts.writer.begin() as connection:
            small.accounts.set_password_in(connection, account, hash_it("start-pass"), is_start=True)
        return hash_it(password)

    monkeypatch.setattr(small.passwords, "hash", hash_after_reset)
    with pytest.raises(SignInRefused, match="former"):
        run(small.desk.change_password(session, RIGHT, OTHER))
    assert small.account().is_start_password


def test_a_hash_that_costs_less_is_renewed(small: Town) -> None:
    account = small.add()
    with small.accounts.writer.begin() as connection:
        small.accounts.change_in(connection, account, password_hash=Passwords().hash(RIGHT))
    small.sign_in()
    assert "m=8," in small.account().password_hash
    small.sign_in()


@pytest.mark.parametrize(
    ("name", "role", "area", "said"),
    [
        ("w100", Role.VILLAGE_OFFICIAL, VILLAGE, "is there"), ("x", Role.AUDITOR, None, "3 to 40"),
        ("a b c", Role.AUDITOR, None, "3 to 40"), ("w200", Role.VILLAGE_OFFICIAL, "50", "12 characters"),
        ("w200", Role.ACCOUNTS, VILLAGE, "no area"), ("w200", Role.PLATFORM, "*", "machine"),
    ],
)  # fmt: skip
def test_accounts_that_are_not_to_be_had(
    small: Town, name: str, role: Role, area: str | None, said: str
) -> None:
    small.add()
    with pytest.raises(AccessError, match=said):
        small.add(name, role, area)


def test_one_address_has_so_many_failures(small: Town) -> None:
    clock = [0.0]
    limit = AddressLimit(now=lambda: clock[0])
    assert [limit.take(ADDRESS) for _ in range(MOST_FAILURES)] == [0] * MOST_FAILURES
    wait = limit.take(ADDRESS)
    assert 0 < wait <= FILL_SECONDS
    assert limit.take("192.0.2.8") == 0
    limit.give_back(ADDRESS)
    assert limit.take(ADDRESS) == 0
    clock[0] += wait
    assert limit.take(ADDRESS) == 0
    clock[0] += FILL_SECONDS
    assert [limit.take(ADDRESS) for _ in range(MOST_FAILURES)] == [0] * MOST_FAILURES
    small.add()
    # Whoever signs in uses nothing up.
    for _ in range(MOST_FAILURES + 1):
        small.sign_in()
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff:1") != network_of("2001:db8:0:1::1")
    assert network_of("::ffff:192.0.2.7") == "192.0.2.7"
    assert network_of("unix") == ""


def test_few_addresses_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serving.access.address_limit.MOST_ADDRESSES", 10)
    limit = AddressLimit()
    for n in range(100):
        limit.take(f"192.0.2.{n}")
    assert len(limit._used) == 10


def test_rules_say_what_comes_first(small: Town) -> None:
    rules = SignInRules(frozenset({Role.VILLAGE_OFFICIAL}))
    assert rules.needed(small.add("w200", is_start=True), small.now()) == "password_change_needed"
    small.add()
    assert rules.needed(small.account(), small.now()) == "second_factor_needed"
    assert SignInRules().needed(small.account(), small.now()) is None
    small.move(days=90)
    assert SignInRules().needed(small.account(), small.now()) == "password_change_needed"
    assert SignInRules(password_days=0).needed(small.account(), small.now()) is None


def test_start_passwords_differ_and_can_be_typed() -> None:
    made = {make_start_password() for _ in range(200)}
    assert len(made) == 200
    assert all(len(one) == 19 and not set(one) & set("01ilo") for one in made)


@settings(max_examples=60)
@given(st.text(max_size=140), st.sampled_from(["w100", "zhang.san"]))
def test_what_a_password_has_to_be_is_said_of_any_text(password: str, name: str) -> None:
    fault = find_fault(password, name)
    assert fault in {None, "short", "long", "simple", "name"}
    if fault is None:
        assert len(password) >= 1
        assert name not in password
    if len(password) < LEAST_LENGTH and password.isascii():
        assert fault == "short"
