"""Asking the registry: in a child process, within a time, so that whatever it does the service goes on.

The child downloads a bundle's files, within the bounds of `admission`, and loads nothing; they go through it
like any other's.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from scoring.bundle import Bundle, load_bundle
from scoring.errors import BundleError
from scoring.signature import check_signature
from serving.errors import ModelError
from serving.models.admission import MOST_BYTES

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

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


def pull_bundle(
    uri: str, alias: str, directory: Path, keys: Sequence[Ed25519PublicKey], seconds: float
) -> Bundle:
    """Copy the bundle behind an alias into `directory` (replacing it) and load it from there.

    Where there are `keys`, one of them must have signed it. Raises `RegistryRefused`, and `BundleError` where
    the copy fails a check; the old folder then stays as it was.
    """
    fresh = directory.with_name(f".{directory.name}-fetched")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    try:
        copied = fetch(uri, alias, fresh, frozenset(), seconds).folder
        assert copied is not None
        check_signature(copied, keys)
        bundle = load_bundle(copied)
        shutil.rmtree(directory, ignore_errors=True)
        copied.rename(directory)
    except BundleError as error:
        raise type(error)(f"the registry's {alias} failed a check: {error}") from None
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    # Checked a moment ago, under the hash that it has now.
    return load_bundle(directory, bundle.sha256)


def _end(child: subprocess.Popen[bytes]) -> None:
    """End the child and whatever it started: they are a session of their own."""
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            pipe.close()
