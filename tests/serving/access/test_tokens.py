"""Tokens: whoever forges, bends, ages or inflates one is nobody, and what it says of keys elsewhere is ignored."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import warnings
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.access import NOWHERE, Caller, Role, Scope
from serving.access.issuer_keys import IssuerKeys
from serving.access.token_rules import TokenRules
from serving.access.tokens import MOST_BYTES, TokenReader, parse_token
from serving.errors import Problem, SettingsError
from tests.serving.access.provider import (
    ISSUER,
    KEYS,
    NOW,
    claims,
    ec_key,
    key_set,
    okp_key,
    raw_token,
    rsa_key,
    rules,
    token,
)


def reader(document: bytes | None = None, **more: Any) -> TokenReader:
    document = document or key_set()
    keys = IssuerKeys("unused", fetch=lambda _: document)
    return TokenReader(rules(**more), lambda subject: f"t-{subject}", keys, now=lambda: NOW)


@pytest.mark.parametrize("algorithm", KEYS)
def test_a_sound_token_is_its_machine(algorithm: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = reader().find_caller(token(algorithm=algorithm))
    assert found == Caller("t-machine-1", Role.PLATFORM, Scope("500999"))


def test_the_former_name_of_ed25519_is_taken_too() -> None:
    signed = token(algorithm="Ed25519").split(".")
    header = base64.urlsafe_b64encode(b'{"alg":"EdDSA","kid":"okp-1"}').rstrip(b"=").decode()
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    private = okp_key().private_key
    assert isinstance(private, Ed25519PrivateKey)
    signature = private.sign(f"{header}.{signed[1]}".encode())
    made = f"{header}.{signed[1]}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert reader().find_caller(made) is not None


BENT: dict[str, dict[str, Any]] = {
    "expired": {"exp": NOW - 61}, "no end": {"exp": None}, "ends never": {"exp": NOW + 10 * 86_400},
    "ends beyond time": {"exp": 10**400}, "an end in words": {"exp": "tomorrow"}, "an end of yes": {"exp": True},
    "not yet": {"nbf": NOW + 61}, "of tomorrow": {"iat": NOW + 61}, "a list of times": {"iat": [NOW]},
    "another issuer": {"iss": "https://evil.test"}, "an issuer that begins alike": {"iss": ISSUER + "/x"},
    "no issuer": {"iss": None}, "a list of issuers": {"iss": [ISSUER]},
    "another audience": {"aud": "other"}, "no audience": {"aud": None}, "an empty audience": {"aud": []},
    "an audience of numbers": {"aud": [1]}, "no subject": {"sub": None}, "a subject of numbers": {"sub": 7},
    "an endless subject": {"sub": "x" * 256}, "an empty subject": {"sub": ""},
}  # fmt: skip


@pytest.mark.parametrize("case", BENT)
def test_claims_that_do_not_hold_are_nobodys(case: str) -> None:
    assert reader().find_caller(token(claims(**BENT[case]))) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": NOW - 59},
        {"nbf": NOW + 59, "iat": NOW + 59},
        {"aud": ["other", "fangfan"]},
        {"iat": None, "nbf": None},
    ],
)
def test_clocks_may_differ_a_little(changes: dict[str, Any]) -> None:
    assert reader().find_caller(token(claims(**changes))) is not None
    if "exp" in changes:
        assert reader(skew_seconds=0).find_caller(token(claims(**changes))) is None


def hs256(secret: bytes, header: dict[str, Any]) -> str:
    signed = raw_token(json.dumps(header).encode(), json.dumps(claims()).encode()).rsplit(".", 1)[0]
    signature = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def test_no_algorithm_is_chosen_by_the_token() -> None:
    public = rsa_key().as_pem(private=False)
    payload = json.dumps(claims()).encode()
    shown = rsa_key().as_dict(private=False)
    forged = [
        *(raw_token(json.dumps({"alg": one, "kid": "rsa-1"}).encode(), payload, b"") for one in ("none", "None", "", "HS256")),
        raw_token(b'{"alg":"none"}', payload, b"x"),
        hs256(public, {"alg": "HS256", "kid": "rsa-1"}),
        hs256(public.strip(), {"alg": "HS256", "kid": "rsa-1"}),
        hs256(base64.urlsafe_b64decode(str(shown["n"]) + "=="), {"alg": "HS256", "kid": "rsa-1"}),
        hs256(b"", {"alg": "HS256", "kid": "rsa-1"}),
        token(algorithm="RS256", kid="ec-1"),
        token(algorithm="ES256", kid="rsa-1"),
    ]  # fmt: skip
    from joserfc import jwt

    for algorithm in ("RS384", "RS512", "PS256"):
        header = {"alg": algorithm, "kid": "rsa-1"}
        forged.append(jwt.encode(header, claims(), rsa_key(), algorithms=[algorithm]))
    found = reader()
    assert [found.find_caller(one) for one in forged] == [None] * len(forged)


def test_a_shared_secret_in_the_set_is_no_key() -> None:
    secret = base64.urlsafe_b64encode(b"s" * 32).rstrip(b"=").decode()
    entries = json.loads(key_set())["keys"] + [{"kty": "oct", "k": secret, "kid": "oct-1", "alg": "HS256"}]
    found = reader(json.dumps({"keys": entries}).encode())
    assert found.find_caller(hs256(b"s" * 32, {"alg": "HS256", "kid": "oct-1"})) is None
    assert found.find_caller(token()) is not None


def test_a_signature_of_another_key_is_none() -> None:
    stranger = rsa_key("stranger")
    assert reader().find_caller(token(key=stranger)) is None
    assert reader().find_caller(token(key=stranger, kid="rsa-1")) is None
    # With one key in the set a token need not name it; with several it does.
    assert reader(key_set(rsa_key())).find_caller(token(kid=None)) is not None
    assert reader().find_caller(token(kid=None)) is None


@pytest.mark.parametrize(
    "kid",
    ["../../etc/passwd", "/dev/null", "rsa-1\0", "rsa-1' OR 1=1", "rsa-2", "", "RSA-1", 7, ["rsa-1"], None],
)
def test_a_key_that_is_not_in_the_set_is_none(kid: Any) -> None:
    header = {"alg": "RS256", "kid": kid}
    signature = base64.urlsafe_b64decode(token().split(".")[2] + "==")
    assert (
        reader().find_caller(raw_token(json.dumps(header).encode(), json.dumps(claims()).encode(), signature))
        is None
    )


def test_keys_that_a_token_brings_are_never_looked_at() -> None:
    stranger = rsa_key("stranger")
    asked: list[str] = []

    def fetch(place: str) -> bytes:
        asked.append(place)
        return key_set()

    found = TokenReader(rules(), str, IssuerKeys("https://id.test/keys", fetch=fetch), now=lambda: NOW)
    for brought in ({"jku": "https://evil.test/keys"}, {"x5u": "https://evil.test/cert"},
                    {"jwk": stranger.as_dict(private=False)}, {"x5c": ["AAAA"]}):  # fmt: skip
        assert found.find_caller(token(key=stranger, kid="rsa-1", **brought)) is None
        assert found.find_caller(token(key=stranger, **brought)) is None
        # On a sound token they are ignored.
        assert found.find_caller(token(**brought)) is not None
    assert set(asked) == {"https://id.test/keys"}


@pytest.mark.parametrize(
    "header", [{"crit": ["exp"]}, {"crit": ["b64"], "b64": False}, {"b64": True}, {"typ": "logout+jwt"}]
)
def test_headers_that_change_the_reading_are_refused(header: dict[str, Any]) -> None:
    text = json.dumps({"alg": "RS256", "kid": "rsa-1", **header}).encode()
    signed = raw_token(text, json.dumps(claims()).encode()).rsplit(".", 1)[0]
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.hashes import SHA256

    private = rsa_key().private_key
    assert isinstance(private, RSAPrivateKey)
    signature = private.sign(signed.encode(), PKCS1v15(), SHA256())
    made = f"{signed}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"
    assert reader().find_caller(made) is None
    assert reader().find_caller(token(typ="at+jwt")) is not None


def test_weak_and_foreign_keys_of_the_set_are_left_out() -> None:
    weak, curve = rsa_key("weak", 1_024), ec_key("p384", "P-384")
    entries = json.loads(key_set(rsa_key(), weak, curve))["keys"]
    for_encryption = {**ec_key("enc").as_dict(private=False), "use": "enc"}
    private = ec_key("private").as_dict(private=True)
    entries += [
        for_encryption,
        private,
        {},
        7,
        None,
        {"kty": "RSA"},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
    ]
    found = reader(json.dumps({"keys": entries}).encode())
    assert found.find_caller(token()) is not None
    assert found.find_caller(token(key=weak)) is None
    assert found.find_caller(token(key=ec_key("enc"), algorithm="ES256")) is None
    assert found.find_caller(token(key=ec_key("private"), algorithm="ES256")) is None


HUGE = "x" * MOST_BYTES
HOSTILE = [
    "", ".", "..", "a.b.c", HUGE, f"{HUGE}.{HUGE}.{HUGE}", token(claims(note=HUGE)),
    raw_token(b"[" * 3_000, b"{}"), raw_token(b'{"alg":"RS256","kid":"rsa-1"}', b"[" * 3_000),
    raw_token(b'"alg"', b"{}"), raw_token(b'["alg"]', b"{}"), raw_token(b"null", b"{}"), raw_token(b"7", b"{}"),
    raw_token(b'{"alg":["RS256"]}', b"{}"), raw_token(b'{"alg":{}}', b"{}"), raw_token(b"\xff", b"{}"),
    raw_token(b'{"alg":"RS256","kid":"\\ud800"}', b"{}"),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_hostile_tokens_are_nobodys(number: int) -> None:
    assert reader().find_caller(HOSTILE[number]) is None


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_changed_token_is_nobodys(data: st.DataObject) -> None:
    sound = token(algorithm="ES256")
    at = data.draw(st.integers(0, len(sound) - 3))
    letter = data.draw(st.sampled_from("ABCxyz019-_."))
    changed = sound[:at] + letter + sound[at + 1 :]
    if changed != sound:
        try:
            assert reader().find_caller(changed) is None
        except Problem as problem:
            raise AssertionError("past the signature") from problem


@pytest.mark.parametrize(
    ("changes", "more"),
    [
        ({"role": "unknown"}, {}), ({"role": None}, {}), ({"role": 7}, {}), ({"role": []}, {}), ({"role": {}}, {}),
        ({"role": "platform"}, {}), ({"role": ["platform-role", "helper-role"]}, {}), ({"role": [["platform-role"]]}, {}),
        ({"area": None}, {}), ({"area": ""}, {}), ({"area": "5"}, {}), ({"area": ["50"]}, {}), ({"area": 500999}, {}),
        ({"area": "50; DROP"}, {}), ({"area": "50%"}, {}),
        ({"role": "helper-role", "area": "500999"}, {}), ({"role": "helper-role", "area": "*"}, {}),
        ({}, {"areas": {"chongqing": "50"}}), ({}, {"role_claim": "realm.roles"}), ({}, {"area_claim": "nothing"}),
    ],
)  # fmt: skip
def test_who_has_no_role_and_area_here_is_refused(changes: dict[str, Any], more: dict[str, Any]) -> None:
    with pytest.raises(Problem) as refused:
        reader(**more).find_caller(token(claims(**changes)))
    assert refused.value.code == "role_not_allowed"


def test_claims_are_read_as_the_rules_say() -> None:
    given = claims(realm_access={"roles": ["offline", "model-role"]}, role=None)
    found = reader(role_claim="realm_access.roles").find_caller(token(given))
    assert found == Caller("t-machine-1", Role.SCIENTIST, NOWHERE)
    given = claims(**{"https://id.test/role": "platform-role", "place": "cq"})
    found = reader(role_claim="https://id.test/role", area_claim="place", areas={"cq": "50"}).find_caller(
        token(given)
    )
    assert found == Caller("t-machine-1", Role.PLATFORM, Scope("50"))
    assert reader().find_caller(token(claims(area="*"))) == Caller("t-machine-1", Role.PLATFORM, Scope(""))


def test_a_header_is_a_token_or_none() -> None:
    assert parse_token("Bearer a.b.c") == "a.b.c"
    for wrong in ("a.b.c", "Bearer a.b", "Bearer a.b.c.d", "Bearer a.b.c ", "Basic a.b.c", "Bearer ä.b.c",
                  "Bearer " + "a" * (MOST_BYTES + 20) + ".b.c", "Bearer a.b.", "Bearer a.b.c\n"):  # fmt: skip
        assert parse_token(wrong) is None


RULES = """
issuer: https://id.test
audience: fangfan
keys: keys.json
roles: {machine: platform}
areas: {cq: "50", all: "*"}
skew_seconds: 30
"""


def test_rules_are_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "tokens.yaml"
    path.write_text(RULES, encoding="utf-8")
    assert TokenRules.load(path) == TokenRules(
        "https://id.test", "fangfan", "keys.json", {"machine": Role.PLATFORM}, areas={"cq": "50", "all": "*"},
        skew_seconds=30,
    )  # fmt: skip
    for change, said in (
        (("issuer: https://id.test", ""), "issuer is missing"), (("machine: platform", "machine: king"), "roles: give one"),
        (('"50"', '"5"'), "area codes"), (('"50"', "50"), "in quotes"), (("skew_seconds: 30", "skew_seconds: 301"), "0 to 300"),
        (("skew_seconds: 30", "skew_seconds: true"), "0 to 300"), (("keys: keys.json", "keys: [a]"), "keys has to be a text"),
        (("audience", "audiance"), "audience is missing"), (("skew_seconds", "skew"), "1 keys are none of"),
        (("roles: {machine: platform}", "roles: [platform]"), "roles has to give"), ((RULES, "- x"), "has to have the keys"),
        ((RULES, "a: ["), "cannot be read as YAML"),
    ):  # fmt: skip
        path.write_text(RULES.replace(*change), encoding="utf-8")
        with pytest.raises(SettingsError, match=said):
            TokenRules.load(path)
    with pytest.raises(SettingsError, match="cannot be read"):
        TokenRules.load(tmp_path / "nothing")
