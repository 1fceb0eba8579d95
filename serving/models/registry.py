"""Asking the registry: in a child process, within a time, so that whatever it does the service goes on.

The child downloads a bundle's files, within the bounds of `admission`, and loads nothing; they go through it
like any other's.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from serving.errors import ModelError
from serving.models.admission import MOST_BYTES

SILENT, FAILED, BUNDLE_REFUSED = "registry_silent", "registry_failed", "registry_bundle_refused"
"""Codes of what comes of asking: no end within the time, no sound answer, files that are not admitted."""

_CLIENT = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    # The time is kept here, for whatever the registry does.
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "3600",
}


class RegistryRefused(ModelError):
    """A registry that gave no bundle; `code` is stable."""

    def __init__(self, code: str, says: str) -> None:
        super().__init__(f"the registry gave no model ({code}): {says}")
        self.code = code


@dataclass(frozen=True)
class Fetched:
    """A version as it is registered; `folder` holds its files, `None` where they were not wanted."""

    number: str
    manifest_sha256: str
    folder: Path | None


def fetch(uri: str, alias: str, target: Path, known_sha256: frozenset[str], seconds: float) -> Fetched:
    """The version behind an alias, downloaded below `target` unless its manifest's hash is known.

    Raises `RegistryRefused`.
    """
    # In the environment: an address may hold a password, and arguments are there for everybody to read.
    asked = {
        "alias": alias, "target": str(target.absolute()), "known": sorted(known_sha256),
        "most_bytes": MOST_BYTES, "seconds": seconds,
    }  # fmt: skip
    child = subprocess.Popen(
        [sys.executable, "-P", "-m", "serving.models.registry_child"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
        env={**os.environ, **_CLIENT, "FANGFAN_REGISTRY_URI": uri},
    )  # fmt: skip
    try:
        said, _ = child.communicate(json.dumps(asked).encode(), timeout=seconds)
    except subprocess.TimeoutExpired:
        raise RegistryRefused(SILENT, f"it did not answer to the end within {seconds:g} seconds") from None
    finally:
        _end(child)
    try:
        answer = json.loads(said)
        if "refused" in answer:
            raise RegistryRefused(FAILED, str(answer["refused"]))
        if "not_admitted" in answer:
            raise RegistryRefused(BUNDLE_REFUSED, str(answer["not_admitted"]))
        folder = answer["folder"]
        return Fetched(answer["number"], answer["manifest_sha256"], Path(folder) if folder else None)
    except (ValueError, KeyError, TypeError):
        raise RegistryRefused(FAILED, f"asking it ended with code {child.returncode}") from None


def _end(child: subprocess.Popen[bytes]) -> None:
    """End the child and whatever it started: they are a session of their own."""
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            pipe.close()
