"""The key ring: a file of the operator's with the keys that encrypt households' keys, and those that look up.

Each version has a suite, a key-encryption key and a lookup key. New rows take the current version; older ones
stay readable until `python -m serving identity rotate` has brought them over. The file is the one thing to be
taken over by a key-management service: whoever has it and both databases can read everything.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from serving.errors import IdentityError
from serving.identity.suites import LOOKUP_BYTES, Suite

_FORMAT = 1


@dataclass(frozen=True)
class RingVersion:
    """One version: its suite, the key that wraps households' keys and the key that looks up."""

    number: int
    suite: Suite
    wrapping_key: bytes = field(repr=False)
    lookup_key: bytes = field(repr=False)


@dataclass(frozen=True)
class KeyRing:
    """All versions that rows may have, and the one that new rows take."""

    current: RingVersion
    versions: dict[int, RingVersion]

    def with_new(self, suite: Suite) -> KeyRing:
        """The ring with one more version, which is current."""
        made = new_version(max(self.versions) + 1, suite)
        return KeyRing(made, {**self.versions, made.number: made})

    def without(self, number: int) -> KeyRing:
        """The ring without a version; raises `IdentityError` for the current one and one not there."""
        if number == self.current.number:
            raise IdentityError("the current version of the key ring cannot be retired: make a new one first")
        if number not in self.versions:
            raise IdentityError(f"the key ring has no version {number}: {_list(self.versions)}")
        return replace(self, versions={at: one for at, one in self.versions.items() if at != number})


def new_ring(suite: Suite) -> KeyRing:
    """A ring of one version."""
    made = new_version(1, suite)
    return KeyRing(made, {1: made})


def new_version(number: int, suite: Suite) -> RingVersion:
    """A version with random keys."""
    return RingVersion(number, suite, suite.new_key(), secrets.token_bytes(LOOKUP_BYTES))


def load_ring(path: Path) -> KeyRing:
    """The ring of a file; raises `IdentityError` where it cannot be read or is open to others."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            document = json.loads(file.read())
        ring = _ring(document)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise IdentityError(
            f"the key ring {path} cannot be used ({type(error).__name__}): give FANGFAN_IDENTITY_KEYS_FILE a "
            "file that `python -m serving identity new-key` made"
        ) from None
    if mode & 0o077:
        raise IdentityError(f"the key ring {path} can be read by others: chmod 600 it, and make new keys")
    return ring


@contextmanager
def hold_ring(path: Path) -> Iterator[None]:
    """Hold the ring for reading it, changing it and writing it, so that no other change is lost between.

    Raises `IdentityError` where another process holds it, and `OSError`.
    """
    # A file of its own, because the ring's is replaced; the system lets go of it however the process ends.
    number = os.open(path.with_name(f".{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise IdentityError(
                f"another command is changing the key ring {path}: try again when it has ended"
            ) from None
        yield
    finally:
        os.close(number)


def save_ring(ring: KeyRing, path: Path) -> None:
    """Put the ring in its place, whole or not at all, for its owner alone. Raises `OSError`.

    Whoever changes one that is there holds it (`hold_ring`) from before reading it.
    """
    document = {
        "format": _FORMAT,
        "current": ring.current.number,
        "versions": {
            str(one.number): {
                "suite": one.suite.value,
                "wrapping_key": one.wrapping_key.hex(),
                "lookup_key": one.lookup_key.hex(),
            }
            for one in ring.versions.values()
        },
    }
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        number = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(number, "w", encoding="ascii") as file:
            json.dump(document, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _ring(document: dict[str, Any]) -> KeyRing:
    if document["format"] != _FORMAT:
        raise ValueError
    versions = {}
    for number, one in document["versions"].items():
        suite = Suite(one["suite"])
        made = RingVersion(
            int(number), suite, bytes.fromhex(one["wrapping_key"]), bytes.fromhex(one["lookup_key"])
        )
        if len(made.wrapping_key) != suite.key_bytes or len(made.lookup_key) != LOOKUP_BYTES:
            raise ValueError
        versions[made.number] = made
    return KeyRing(versions[int(document["current"])], versions)


def _list(versions: dict[int, RingVersion]) -> str:
    return f"it has {', '.join(map(str, sorted(versions)))}"
