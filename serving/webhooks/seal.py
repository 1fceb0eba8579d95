"""Secrets of webhooks as they are kept: sealed with a key that is not in the database."""

from __future__ import annotations

import base64
import binascii
import os
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from serving.errors import AccessError

PREFIX = "whsec_"
SECRET_BYTES = 32
_FORM = "1:"
_NONCE_BYTES = 12


def new_secret() -> str:
    """A new secret as its receiver is given it, once (Standard Webhooks)."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def secret_bytes(secret: str) -> bytes:
    """The key that signatures are made with."""
    return base64.b64decode(secret.removeprefix(PREFIX))


class Seal:
    """Seals secrets with AES-256-GCM. `key` is the service's secret, of which another key is derived.

    What is sealed for one webhook does not open for another.
    """

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(HKDF(SHA256(), 32, salt=None, info=b"fangfan webhook secrets 1").derive(key))

    def close(self, secret: str, webhook_id: str) -> str:
        """The secret as it is kept."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, secret.encode(), webhook_id.encode())
        return _FORM + base64.b64encode(nonce + sealed).decode()

    def open(self, sealed: str, webhook_id: str) -> str:
        """The secret; raises `AccessError` where it was sealed with another key, for another webhook, or
        changed."""
        try:
            if not sealed.startswith(_FORM):
                raise ValueError
            content = base64.b64decode(sealed.removeprefix(_FORM), validate=True)
            opened = self._cipher.decrypt(content[:_NONCE_BYTES], content[_NONCE_BYTES:], webhook_id.encode())
        except (InvalidTag, ValueError, binascii.Error):
            raise AccessError(
                "the webhook's secret was sealed with another key: give the FANGFAN_AUDIT_KEY_FILE that the "
                "service has, or remove the webhook and add it again"
            ) from None
        return opened.decode()
