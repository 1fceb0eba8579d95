"""Passwords of people: argon2id, what a password has to be like, and the one that is handed over."""

from __future__ import annotations

import secrets
import unicodedata
from functools import cached_property

from pwdlib.hashers.argon2 import Argon2Hasher

LEAST_LENGTH = 10
MOST_LENGTH = 128
LEAST_KINDS = 3
"""Of small letters, capitals, digits and others (GB/T 22239-2019, 8.1.4.1 a: they have to be complex)."""

# 46 MiB, one pass, one lane (OWASP Password Storage Cheat Sheet): a sign-in takes one core, and not for long.
_HASHER = Argon2Hasher(time_cost=1, memory_cost=47_104, parallelism=1)
# No 0, 1, I, L or O: it is read aloud and typed.
_LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"


class Passwords:
    """Makes and checks hashes. Both take a core for some 60 ms: not on the event loop."""

    def __init__(self, hasher: Argon2Hasher = _HASHER) -> None:
        self._hasher = hasher

    @cached_property
    def of_nobody(self) -> str:
        """The hash of a password that nobody has."""
        return self._hasher.hash(secrets.token_hex(16))

    def hash(self, password: str) -> str:
        """What is kept of a password."""
        return self._hasher.hash(_typed(password))

    def check(self, password: str, kept: str | None) -> bool:
        """Whether it is the password; for no account (`None`) it is not, in the same time."""
        of_nobody = self.of_nobody
        is_right = self._hasher.verify(_typed(password), of_nobody if kept is None else kept)
        return is_right and kept is not None

    def renewed(self, password: str, kept: str) -> str | None:
        """The hash to keep instead, where what it costs was changed since; else `None`."""
        return self.hash(password) if self._hasher.check_needs_rehash(kept) else None


def find_fault(password: str, login_name: str) -> str | None:
    """Which rule a new password breaks: ``short``, ``long``, ``simple`` or ``name``; else `None`."""
    typed = _typed(password)
    if len(typed) < LEAST_LENGTH:
        return "short"
    if len(typed) > MOST_LENGTH:
        return "long"
    if login_name in typed.lower():
        return "name"
    kinds = (str.islower, str.isupper, str.isdigit, lambda one: not one.isalnum())
    if sum(any(map(kind, typed)) for kind in kinds) < LEAST_KINDS or len(set(typed)) < LEAST_LENGTH // 2:
        return "simple"
    return None


def is_same(one: str, other: str) -> bool:
    """Whether two texts are one password."""
    return _typed(one) == _typed(other)


def make_start_password() -> str:
    """A password to hand over: 79 random bits in four groups."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(4))


def _typed(password: str) -> str:
    """The password, in whatever width it was typed."""
    return unicodedata.normalize("NFKC", password)
