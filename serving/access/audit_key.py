"""The secret of the audit log: a file beside the database's own, readable by its owner alone."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from serving.errors import AccessError

KEY_BYTES = 32


def load_audit_key(path: Path, *, is_begun: bool = False) -> bytes:
    """The 32 bytes of the file, which is made where there is none and the log `is_begun` with none.

    Raises `AccessError` where it is missing, cannot be read or made, or holds something else.
    """
    try:
        if not path.exists():
            if is_begun:
                raise AccessError(
                    f"the audit key {path} is missing and the log was begun with it: put its copy back, or "
                    "say with FANGFAN_AUDIT_KEY_FILE where it is"
                )
            _make(path)
        text = path.read_text(encoding="ascii").strip()
        key = bytes.fromhex(text)
    except (OSError, ValueError) as error:
        raise AccessError(
            f"the audit key {path} cannot be used ({type(error).__name__}): give FANGFAN_AUDIT_KEY_FILE a "
            f"file of {KEY_BYTES} bytes in hexadecimal, or a place where one can be made"
        ) from None
    if len(key) != KEY_BYTES:
        raise AccessError(f"the audit key {path} is not of {KEY_BYTES} bytes in hexadecimal")
    return key


def _make(path: Path) -> None:
    """Make the file whole or not at all; of several processes that try, one does."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        number = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(number, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(KEY_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(beside, path)
        except FileExistsError:
            return
    finally:
        beside.unlink(missing_ok=True)
