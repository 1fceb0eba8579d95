"""Tokens of an identity provider (JWT, RFC 7519): signed by one of its keys, for this service, in force now.

What a token's header says of keys elsewhere (`jku`, `x5u`, `jwk`, `x5c`) is never looked at; which algorithms
are taken is said here alone.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError, UnsupportedAlgorithmError
from joserfc.jws import JWSRegistry, extract_compact

from features.errors import FeaturesError
from serving.access.caller import Caller, Role, scope_of
from serving.access.issuer_keys import IssuerKeys, NoIssuerKeysError
from serving.access.scope import NOWHERE
from serving.access.token_rules import TokenRules
from serving.errors import AccessError, Problem

ALGORITHMS = ("RS256", "ES256", "EdDSA", "Ed25519")
MOST_BYTES = 8_192
LONGEST_SECONDS = 86_400
"""A token cannot be ended: one that is in force for longer than a day is not taken."""
_TOKEN = re.compile(r"[Bb]earer +([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)", re.ASCII)
_KINDS = ("jwt", "at+jwt", "application/at+jwt")
_MOST_SUBJECT = 255
_HOSTILE = (JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError)
"""What a library raises on a token that nobody sound made."""


class _Signatures(JWSRegistry):
    """The algorithms that are taken, and no parameter that changes how a token is read."""

    max_header_length = MOST_BYTES
    max_payload_length = MOST_BYTES

    def get_alg(self, name: str) -> Any:
        if name not in ALGORITHMS:
            raise UnsupportedAlgorithmError
        return self.algorithms[name]

    def check_header(self, header: dict[str, Any]) -> None:
        super().check_header(header)
        if "crit" in header or "b64" in header or str(header.get("typ", "jwt")).lower() not in _KINDS:
            raise UnsupportedAlgorithmError


class TokenReader:
    """Makes callers of tokens. `name_of` gives the id that the log has for a subject."""

    def __init__(
        self,
        rules: TokenRules,
        name_of: Callable[[str], str],
        keys: IssuerKeys | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.rules = rules
        self._name_of = name_of
        self._keys = keys or IssuerKeys(rules.keys)
        self._now = now
        self._registry = _Signatures(strict_check_header=False)

    def find_caller(self, token: str) -> Caller | None:
        """Whom a token stands for; `None` where it is not sound, not for this service or not in force.

        Raises `Problem` where there are no keys to check it with, and where role and area are nobody's here.
        """
        claims = self._claims(token)
        return None if claims is None else self._caller(claims)

    def _claims(self, token: str) -> dict[str, Any] | None:
        if len(token) > MOST_BYTES:
            return None
        try:
            header = extract_compact(token.encode(), registry=self._registry).headers()
            self._registry.check_header(header)
            self._registry.get_alg(header["alg"])
            keys = self._keys.find(header.get("kid"))
            decoded = jwt.decode(token, keys, registry=self._registry)
            now = int(self._now())
            jwt.JWTClaimsRegistry(
                now=now,
                leeway=self.rules.skew_seconds,
                iss={"essential": True, "value": self.rules.issuer},
                aud={"essential": True, "value": self.rules.audience},
                exp={"essential": True},
                sub={"essential": True},
            ).validate(decoded.claims)
            is_short = decoded.claims["exp"] <= now + LONGEST_SECONDS + self.rules.skew_seconds
            is_named = len(decoded.claims["sub"]) <= _MOST_SUBJECT
        except NoIssuerKeysError:
            raise Problem("issuer_keys_missing", headers={"Retry-After": "10"}) from None
        except _HOSTILE:
            return None
        return decoded.claims if is_short and is_named else None

    def _caller(self, claims: dict[str, Any]) -> Caller:
        role = self._role(_claim(claims, self.rules.role_claim))
        area = None
        if role.sees_households:
            area = self._area(_claim(claims, self.rules.area_claim))
        try:
            scope = scope_of(role, area) if area else NOWHERE
        except (AccessError, FeaturesError):
            raise Problem("role_not_allowed") from None
        return Caller(self._name_of(claims["sub"]), role, scope)

    def _role(self, claim: Any) -> Role:
        values = claim if isinstance(claim, list) else [claim]
        roles = {self.rules.roles[one] for one in values if isinstance(one, str) and one in self.rules.roles}
        # Of two roles nobody could say which one was meant.
        if len(roles) != 1:
            raise Problem("role_not_allowed")
        return roles.pop()

    def _area(self, claim: Any) -> str:
        if not isinstance(claim, str):
            raise Problem("role_not_allowed")
        area = claim if self.rules.areas is None else self.rules.areas.get(claim, "")
        if not area:
            raise Problem("role_not_allowed")
        return area


def parse_token(header: str) -> str | None:
    """The token of an Authorization header's value, if it has the form of one."""
    found = _TOKEN.fullmatch(header) if len(header) <= MOST_BYTES + 16 else None
    return found[1] if found else None


def _claim(claims: dict[str, Any], name: str) -> Any:
    """A claim by its name, or by a path of names with dots between them."""
    if name in claims:
        return claims[name]
    at: Any = claims
    for part in name.split("."):
        if not isinstance(at, dict) or part not in at:
            return None
        at = at[part]
    return at
