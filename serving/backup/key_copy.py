"""The audit key in a backup: only on request, and sealed with a passphrase (scrypt, AES-256-GCM)."""

from __future__ import annotations

import json
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from serving.access.audit_key import KEY_BYTES
from serving.backup.manifest import BackupError

LEAST_CHARACTERS = 16
_N, _R, _P = 2**17, 8, 1
"""OWASP's least for scrypt (Password Storage Cheat Sheet): 128 MB for a try."""
_MEANS = b"fangfan audit key"


def read_passphrase(path: Path) -> str:
    """The passphrase in a file; raises `BackupError` where it is too short to protect anything."""
    text = path.read_text(encoding="utf-8").strip()
    if len(text) < LEAST_CHARACTERS:
        raise BackupError(
            f"the passphrase in {path} is too short: give at least {LEAST_CHARACTERS} characters"
        )
    return text


def seal_key(key: bytes, passphrase: str) -> str:
    """The key, sealed, as the archive keeps it."""
    salt, nonce = secrets.token_bytes(16), secrets.token_bytes(12)
    sealed = AESGCM(_derived(passphrase, salt)).encrypt(nonce, key, _MEANS)
    return json.dumps({"salt": salt.hex(), "nonce": nonce.hex(), "sealed": sealed.hex()})


def open_key(text: str, passphrase: str) -> bytes:
    """The key; raises `BackupError` for another passphrase or a text that was changed."""
    try:
        said = {name: bytes.fromhex(value) for name, value in json.loads(text).items()}
        key = AESGCM(_derived(passphrase, said["salt"])).decrypt(said["nonce"], said["sealed"], _MEANS)
    except (InvalidTag, ValueError, KeyError, AttributeError, TypeError):
        raise BackupError("the audit key in the backup does not open with this passphrase") from None
    if len(key) != KEY_BYTES:
        raise BackupError("the audit key in the backup is not one")
    return key


def _derived(passphrase: str, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=32, n=_N, r=_R, p=_P).derive(passphrase.encode())
