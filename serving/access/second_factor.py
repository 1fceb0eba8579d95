"""The second factor of a sign-in: something that the person has, besides the password.

A kind of second factor is a `SecondFactor`; TOTP (RFC 6238), which any authenticator application shows, is
the one there is. Secrets are sealed with a key made of the audit key, bound to their account.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.constant_time import bytes_eq
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

PURPOSE = "fangfan second factor"
_NONCE_BYTES = 12


class SecondFactor(Protocol):
    """A kind of second factor."""

    def make_secret(self) -> bytes:
        """A new secret, to be shared with the person once."""

    def shown(self, secret: bytes) -> str:
        """The secret as the person types it into what they have."""

    def address(self, secret: bytes, login_name: str) -> str:
        """The secret as an address that a device takes over, without typing."""

    def find_step(self, secret: bytes, code: str, after: int, now: float) -> int | None:
        """The number of the step whose code it is, if it comes after the last one used; `now` in seconds."""


class Totp:
    """Codes of six digits that change every 30 seconds, as RFC 6238 recommends."""

    SECRET_BYTES = 20
    DIGITS = 6
    STEP_SECONDS = 30
    DRIFT_STEPS = 1
    """How far the person's clock may be off (RFC 6238, 5.2)."""

    def make_secret(self) -> bytes:
        return secrets.token_bytes(self.SECRET_BYTES)

    def shown(self, secret: bytes) -> str:
        text = base64.b32encode(secret).decode()
        return " ".join(text[at : at + 4] for at in range(0, len(text), 4))

    def address(self, secret: bytes, login_name: str) -> str:
        return self._codes(secret).get_provisioning_uri(login_name, "Fangfan")

    def find_step(self, secret: bytes, code: str, after: int, now: float) -> int | None:
        typed = "".join(code.split())
        if not (typed.isascii() and typed.isdigit() and len(typed) == self.DIGITS):
            return None
        codes, current = self._codes(secret), int(now // self.STEP_SECONDS)
        found = None
        # Every step is compared, so that the time does not tell which one it was.
        for step in range(max(0, current - self.DRIFT_STEPS), current + self.DRIFT_STEPS + 1):
            if bytes_eq(codes.generate(step * self.STEP_SECONDS), typed.encode()) and step > after:
                found = step
        return found

    def _codes(self, secret: bytes) -> TOTP:
        return TOTP(secret, self.DIGITS, SHA1(), self.STEP_SECONDS)  # noqa: S303 (what applications know)


TOTP_KIND = "totp"
SECOND_FACTORS: Mapping[str, SecondFactor] = {TOTP_KIND: Totp()}
"""The kinds there are, by the name that an account has."""


class Sealer:
    """Seals secrets for the table. `key` is 32 bytes that are nowhere in the database."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def seal(self, secret: bytes, account_id: str) -> str:
        """The secret as it is kept."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = nonce + self._cipher.encrypt(nonce, secret, account_id.encode())
        return base64.urlsafe_b64encode(sealed).decode()

    def open(self, sealed: str, account_id: str) -> bytes | None:
        """The secret; `None` where it was changed, or sealed for another account or with another key."""
        try:
            content = base64.b64decode(sealed.encode("ascii"), altchars=b"-_", validate=True)
            return self._cipher.decrypt(content[:_NONCE_BYTES], content[_NONCE_BYTES:], account_id.encode())
        except (ValueError, InvalidTag):
            return None
