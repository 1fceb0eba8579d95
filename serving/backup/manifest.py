"""What a backup says of itself. It is written last: an archive without it is not whole."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from serving.errors import ServingError

FORMAT = 1
NAME = "manifest.json"
DATABASE = "database"
JOBS = "jobs"
KEY = "audit-key.json"


class BackupError(ServingError):
    """A backup that cannot be made, is not whole, or may not be put back."""


@dataclass(frozen=True)
class Contents:
    """What a database holds: its revision, the rows of every table, and the audit log's head."""

    revision: str
    counts: dict[str, int]
    audit_head: str | None


@dataclass(frozen=True)
class Manifest:
    """`files` are the archive's other members with their sizes in bytes and sha256.

    `model_version` names the model that answered; bundles are not copied, the registry has them.
    `audit_key` tells which key the log has without telling the key. `jobs_without_files` are those whose
    files were deleted while the copy was made: they had ended.
    """

    format: int
    made_at: str
    kind: str
    contents: Contents
    model_version: str | None
    model_manifest_sha256: str | None
    audit_key: str | None
    jobs_without_files: list[str]
    files: dict[str, dict[str, Any]]

    def text(self) -> str:
        """The manifest as it is kept."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1)

    @classmethod
    def read(cls, text: str) -> Manifest:
        """Raises `BackupError` where the text is no manifest of this format."""
        try:
            said = json.loads(text)
            if said["format"] != FORMAT:
                raise BackupError(
                    f"the backup is of another format than {FORMAT}: take the version that made it"
                )
            if set(said) != {one.name for one in fields(cls)}:
                raise ValueError
            made = cls(**{**said, "contents": Contents(**said["contents"])})
            for one in made.files.values():
                if set(one) != {"bytes", "sha256"} or not isinstance(one["bytes"], int):
                    raise ValueError
        except (ValueError, TypeError, KeyError, AttributeError):
            raise BackupError(f"the backup's {NAME} is not of the known form") from None
        return made


def key_mark(key: bytes) -> str:
    """What tells one audit key from another; nothing of the key can be learned from it."""
    return hmac.new(key, b"audit key of a backup", hashlib.sha256).hexdigest()[:32]


def stamp(moment: dt.datetime) -> str:
    """A moment as names of files have it: they stand in the order of the moments."""
    return moment.astimezone(dt.UTC).strftime("%Y%m%dT%H%M%SZ")


def sha256_of(path: Path) -> str:
    """The sha256 of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
