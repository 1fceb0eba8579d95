"""The second factor: the codes of RFC 6238, once each, and secrets that are their account's alone."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from serving.access import Role
from serving.access.second_factor import SECOND_FACTORS, TOTP_KIND, Sealer, Totp
from serving.access.sign_in import SignInRefused
from serving.access.signed_in import SignInRules
from serving.storage import Session
from tests.serving.access.people import RIGHT, Town, run

# RFC 6238, appendix B, SHA-1: the codes there have eight digits, and ours are their last six.
SECRET = b"12345678901234567890"
VECTORS = {
    59: "94287082", 1_111_111_109: "07081804", 1_111_111_111: "14050471", 1_234_567_890: "89005924",
    2_000_000_000: "69279037", 20_000_000_000: "65353130",
}  # fmt: skip


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = Town(f"sqlite:///{tmp_path}/s.db", SignInRules(frozenset({Role.VILLAGE_OFFICIAL})))
    yield made
    made.close()


@pytest.mark.parametrize("now", VECTORS)
def test_the_codes_are_those_of_the_standard(now: int) -> None:
    totp, code, step = Totp(), VECTORS[now][2:], now // 30
    assert totp.find_step(SECRET, code, 0, now) == step
    assert totp.find_step(SECRET, f" {code[:3]} {code[3:]} ", 0, now) == step
    # Half a minute early or late, and no more.
    assert [totp.find_step(SECRET, code, 0, now + late) for late in (-30, 30)] == [step, step]
    assert [totp.find_step(SECRET, code, 0, now + late) for late in (-60, 60)] == [None, None]
    assert totp.find_step(SECRET, code, step, now) is None
    assert totp.find_step(SECRET, code, step - 1, now) == step


@given(st.text(max_size=20), st.integers(0, 10**11))
def test_other_texts_are_no_code(code: str, now: int) -> None:
    found = Totp().find_step(SECRET, code, 0, now)
    digits = "".join(code.split())
    assert found is None or (len(digits) == 6 and digits.isascii() and abs(found - now // 30) <= 1)


def test_the_secret_is_shown_as_applications_take_it() -> None:
    shown = Totp().shown(SECRET)
    assert shown == "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ"
    assert base64.b32decode(shown.replace(" ", "")) == SECRET
    address = Totp().address(SECRET, "w100")
    assert address.startswith("otpauth://totp/Fangfan:w100?")
    assert f"secret={shown.replace(' ', '')}" in address
    assert len({Totp().make_secret() for _ in range(100)}) == 100


def test_a_sealed_secret_is_its_accounts_alone() -> None:
    sealer = Sealer(bytes(32))
    sealed = sealer.seal(SECRET, "p1")
    assert sealer.open(sealed, "p1") == SECRET
    assert SECRET not in base64.urlsafe_b64decode(sealed)
    assert sealer.seal(SECRET, "p1") != sealed
    assert [sealer.open(sealed, "p2"), Sealer(bytes([1] * 32)).open(sealed, "p1")] == [None, None]
    for at in range(0, len(sealed), 5):
        other = "A" if sealed[at] != "A" else "B"
        assert sealer.open(sealed[:at] + other + sealed[at + 1 :], "p1") is None
    for wrong in ("", "é", "x", sealed[:10], "=" * 40, "A" * 16):
        assert sealer.open(wrong, "p1") is None


def set_up(town: Town) -> tuple[Session, bytes]:
    """A person with a second factor: the session, and the secret."""
    town.add()
    session = town.session(town.sign_in())
    assert town.signed_in.needed(session) == "second_factor_needed"
    sealed, shown, _ = town.desk.offer_second_factor(session)
    secret = base64.b32decode(shown.replace(" ", ""))
    for wrong in ("000000", "", "abc"):
        with pytest.raises(SignInRefused, match="code"):
            run(town.desk.set_second_factor(session, sealed, wrong))
    run(town.desk.set_second_factor(session, sealed, code_of(town, secret)))
    return session, secret


def code_of(town: Town, secret: bytes, late: int = 0) -> str:
    """The code that the person's device shows, worked out by another implementation (RFC 4226, 5.3)."""
    import hashlib
    import hmac

    counter = int(town.seconds() + late) // 30
    digest = hmac.new(secret, counter.to_bytes(8, "big"), hashlib.sha1).digest()
    at = digest[-1] & 15
    return f"{(int.from_bytes(digest[at : at + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06}"


def test_the_code_is_asked_for_and_works_once(town: Town) -> None:
    session, secret = set_up(town)
    assert town.signed_in.needed(town.session(town.sign_in(code=code_of(town, secret, 30)))) is None
    town.move(minutes=5)
    assert [town.is_refused(code=one) for one in ("", "000000")] == [True, True]
    code = code_of(town, secret)
    assert town.is_refused(password="wrong", code=code)
    # A code that came with a wrong password is not used up.
    town.sign_in(code=code)
    assert town.is_refused(code=code)
    town.move(seconds=30)
    town.sign_in(code=code_of(town, secret))
    with pytest.raises(SignInRefused):
        run(town.desk.set_second_factor(session, *town.desk.offer_second_factor(session)[:2]))
    assert "second_factor_set" in town.actions()
    with town.engine.connect() as connection:
        kept = str(connection.execute(text("SELECT * FROM account")).all())
    assert base64.b32encode(secret).decode() not in kept
    assert secret.hex() not in kept


def test_guessing_codes_locks(town: Town) -> None:
    _, secret = set_up(town)
    town.move(minutes=5)
    assert all(town.is_refused(code=f"00000{n}") for n in range(5))
    assert town.is_refused(code=code_of(town, secret))
    assert town.account().state(town.now()) == "locked_out"


def test_an_offer_of_another_account_is_none(town: Town) -> None:
    town.add()
    town.add("w200")
    mine, theirs = town.session(town.sign_in()), town.session(town.sign_in("w200"))
    sealed, shown, _ = town.desk.offer_second_factor(theirs)
    secret = base64.b32decode(shown.replace(" ", ""))
    with pytest.raises(SignInRefused):
        run(town.desk.set_second_factor(mine, sealed, code_of(town, secret)))
    assert town.desk.shown_again(theirs, sealed)[1] == shown
    assert town.desk.shown_again(mine, sealed)[1] != shown


def test_a_reset_takes_it_away(town: Town) -> None:
    set_up(town)
    with town.accounts.writer.begin() as connection:
        town.accounts.change_in(connection, town.accounts.get_in(connection, "w100"), second_factor=None)
    assert not town.is_refused(password=RIGHT)


def test_a_secret_that_was_swapped_in_the_table_lets_nobody_in(town: Town) -> None:
    _, secret = set_up(town)
    town.add("w200")
    with town.accounts.writer.begin() as connection:
        connection.execute(
            text(
                "UPDATE account SET second_factor = 'totp', second_factor_secret = "
                "(SELECT second_factor_secret FROM account WHERE login_name = 'w100') "
                "WHERE login_name = 'w200'"
            )
        )
    town.move(minutes=5)
    assert town.is_refused("w200", code=code_of(town, secret))
    assert list(SECOND_FACTORS) == [TOTP_KIND]
