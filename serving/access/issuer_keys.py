"""The public keys of an identity provider: fetched, checked, and the last good ones kept."""

from __future__ import annotations

import http.client
import json
import logging
import math
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, Key, KeySet, OKPKey, RSAKey

from serving.access.local import is_loopback
from serving.errors import SettingsError

LOGGER = logging.getLogger("fangfan.serving")

RENEW_SECONDS = 240.0
"""Keys that are older are fetched anew while they are used, so that under load nobody waits."""
FRESH_SECONDS = 300.0
"""Keys that are older are fetched anew before they are used: one of them may have been withdrawn."""
SILENT_SECONDS = 30.0
"""After a fetch that failed nobody waits for the next one so long: the last good keys stay in use."""
GAP_SECONDS = 10.0
"""Never more often than this, whatever key a token names."""
FETCH_SECONDS = 5.0
"""A fetch is broken off after so long, however slowly something still comes in."""
MOST_WAITING = 20
"""Threads that wait for a fetch; others have to be left for callers with keys and people."""
CROWD_SECONDS = 1.0
"""Those beyond them wait so long where the keys are merely old: a provider that is well answers sooner."""
MOST_BYTES = 262_144
MOST_KEYS = 100
LEAST_RSA_BITS = 2_048
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


class NoIssuerKeysError(Exception):
    """There is no key yet to check a token with."""


class IssuerKeys:
    """The keys of one place: an ``https://`` address (``http://`` on loopback) or a file.

    Raises `SettingsError` for another place. Nothing is fetched before the first token comes. `fetch` gets
    the document and `now` is a clock that never goes back.
    """

    def __init__(
        self,
        place: str,
        fetch: Callable[[str], bytes] | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.place = place
        self._fetch = fetch or (fetch_document if _is_address(place) else _read_file)
        self._now = now
        self._keys: KeySet | None = None
        self._fetched_at = self._tried_at = self._failed_at = -math.inf
        self._lock = threading.Lock()
        self._settled = threading.Event()
        self._settled.set()
        self._places = threading.BoundedSemaphore(MOST_WAITING)

    def find(self, kid: str | None) -> KeySet:
        """The keys, fetched anew before where they are old or none of them is called `kid`.

        Old keys are the answer only where the provider does not give others. Raises `NoIssuerKeysError`
        where there are none, or too many wait for them. Takes no longer than `FETCH_SECONDS` and a bit.
        """
        keys, age = self._keys, self._now() - self._fetched_at
        is_known = keys is not None and (kid is None or any(one.kid == kid for one in keys))
        if not is_known or age > RENEW_SECONDS:
            self._refresh()
            is_silent = self._now() - self._failed_at < SILENT_SECONDS
            if not is_known or (age > FRESH_SECONDS and not is_silent):
                self._wait(CROWD_SECONDS if is_known else 0.0)
        if self._keys is None:
            raise NoIssuerKeysError
        return self._keys

    def _wait(self, crowd_seconds: float) -> None:
        """Wait for a fetch that goes on; whoever makes tokens up must not take every thread so."""
        if self._settled.is_set():
            return
        if not self._places.acquire(blocking=False):
            if not self._settled.wait(crowd_seconds):
                raise NoIssuerKeysError
            return
        try:
            if not self._settled.wait(FETCH_SECONDS + 1):
                self._failed_at = self._now()
        finally:
            self._places.release()

    def _refresh(self) -> None:
        """Begin a fetch, unless one goes on or has just been."""
        with self._lock:
            if not self._settled.is_set() or self._now() - self._tried_at < GAP_SECONDS:
                return
            self._tried_at = self._now()
            self._settled.clear()
        threading.Thread(target=self._fetch_now, name="issuer-keys", daemon=True).start()

    def _fetch_now(self) -> None:
        try:
            self._keys = read_keys(self._fetch(self.place))
            self._fetched_at = self._now()
        except Exception as error:
            # Whatever it was, the last good keys stay. The message may hold what was answered.
            self._failed_at = self._now()
            LOGGER.warning("issuer keys not fetched", extra={"fields": {"error": type(error).__name__}})
        finally:
            self._settled.set()


def read_keys(document: bytes) -> KeySet:
    """The usable keys of a JWK set (RFC 7517): public ones that sign by one of the algorithms that are taken.

    Raises `ValueError` where it is none, or has none of them.
    """
    if len(document) > MOST_BYTES:
        raise ValueError("too large")
    try:
        parsed = json.loads(document)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    entries = parsed.get("keys") if isinstance(parsed, dict) else None
    if not isinstance(entries, list) or len(entries) > MOST_KEYS:
        raise ValueError("not a key set")
    keys: list[Key] = [key for key in map(_usable, entries) if key is not None]
    if not keys:
        raise ValueError("no usable key")
    return KeySet(keys)


def _usable(entry: Any) -> Key | None:
    # A shared secret would let whoever can check a token make one.
    if not isinstance(entry, dict) or _PRIVATE & set(entry) or entry.get("use", "sig") != "sig":
        return None
    if not isinstance(entry.get("kid", ""), str):
        return None
    if entry.get("kty") == "RSA" and 6 * len(str(entry.get("n", ""))) < LEAST_RSA_BITS:
        return None
    try:
        key = JWKRegistry.import_key(entry)
        if isinstance(key, RSAKey):
            return key if key.public_key.key_size >= LEAST_RSA_BITS else None
        curve = {"EC": "P-256", "OKP": "Ed25519"}.get(key.key_type)
        is_taken = isinstance(key, ECKey | OKPKey) and curve is not None and entry.get("crv") == curve
        # Read for what it refuses: a point that is not on its curve.
        return key if is_taken and key.public_key is not None else None
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        return None


def fetch_document(address: str) -> bytes:
    """The body that an address answers 200 with; no redirect is followed.

    Raises `OSError`, `http.client.HTTPException` or `ValueError`; all of it ends after `FETCH_SECONDS`.
    """
    parts = urlsplit(address)
    host = parts.hostname or ""
    if parts.scheme == "https":
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            host, parts.port, timeout=FETCH_SECONDS, context=ssl.create_default_context()
        )
    else:
        connection = http.client.HTTPConnection(host, parts.port, timeout=FETCH_SECONDS)
    connection.connect()
    # The time-out above is for each read: something that sends a byte now and then would never be over.
    is_late = threading.Event()
    breaker = threading.Timer(FETCH_SECONDS, _break_off, [connection.sock, is_late])
    breaker.daemon = True
    breaker.start()
    try:
        target = parts.path or "/"
        connection.request("GET", f"{target}?{parts.query}" if parts.query else target)
        response = connection.getresponse()
        if response.status != 200:
            raise ValueError(f"status {response.status}")
        body = response.read(MOST_BYTES + 1)
        if response.length:
            raise ValueError("too large or cut off")
        if is_late.is_set():
            # What was broken off can look like an answer that ended.
            raise TimeoutError
        return body
    finally:
        breaker.cancel()
        connection.close()


def _break_off(connection: socket.socket, is_late: threading.Event) -> None:
    is_late.set()
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def _read_file(place: str) -> bytes:
    with Path(place).open("rb") as file:
        return file.read(MOST_BYTES + 1)


def _is_address(place: str) -> bool:
    parts = urlsplit(place)
    if parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or "")):
        return True
    if "://" in place:
        raise SettingsError("keys of the identity provider: give an https:// address, or a file")
    return False
