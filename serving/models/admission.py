"""Admission: a bundle from outside is copied within bounds, checked, tried in a child, and taken in.

Until the last step nothing but its bytes is touched: no library reads them, no name of it is followed.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from features.errors import FeaturesError
from scoring.bundle import MANIFEST, MODEL, SIBLINGS, SIGNATURE, read_files
from scoring.errors import ScoringError, SignatureError
from scoring.parts import PARTS
from scoring.signature import check_signature
from serving.errors import ModelError
from serving.models.store import ModelStore
from serving.models.trial import Trial
from serving.storage.releases import Pick

KNOWN_FILES = frozenset({MODEL, *SIBLINGS, *PARTS, MANIFEST, SIGNATURE})
MOST_BYTES = 200_000_000
"""Of one file; a model of a million rows and its siblings take some 10 MB each."""
MOST_BYTES_TOGETHER = 1_000_000_000
"""Of all files of a bundle."""
_MOST_BYTES = {MANIFEST: 20_000_000, SIGNATURE: 200}
_AT_ONCE = 1 << 20

Tell = Callable[[str], None]


class AdmissionRefused(ModelError):
    """A bundle that is not taken in; `code` is stable, the text says why."""

    def __init__(self, code: str, says: str) -> None:
        super().__init__(f"not admitted ({code}): {says}")
        self.code = code


def admit_bundle(
    store: ModelStore,
    source: Path,
    keys: Sequence[Ed25519PublicKey],
    trial: Trial,
    tell: Tell = lambda step: None,
) -> Pick:
    """Check the bundle in a folder and take it into the store; the folder is left as it is.

    Raises `AdmissionRefused` with the check that it failed, and `ModelError` where another process admits.
    """
    with store.admitting() as scratch:
        tell("files")
        copy_files(source, scratch)
        pick = check_copy(scratch, keys)
        tell("trial")
        refused = trial.try_folder(scratch)
        if refused is not None:
            raise AdmissionRefused(*refused)
        tell("store")
        try:
            store.add(scratch, pick)
        except ModelError as error:
            raise AdmissionRefused("version_taken", str(error)) from None
    return pick


def check_copy(folder: Path, keys: Sequence[Ed25519PublicKey]) -> Pick:
    """Check manifest, hashes and signature; raises `AdmissionRefused`."""
    try:
        check_signature(folder, keys)
        read = read_files(folder)
    except SignatureError as error:
        raise AdmissionRefused("signature_refused", str(error)) from None
    except (ScoringError, FeaturesError) as error:
        says = str(error).replace(str(folder), "the folder")
        raise AdmissionRefused("files_refused", says) from None
    return Pick(read.manifest.version, read.sha256)


def check_listed(files: Mapping[str, int | None]) -> None:
    """Check what is said to lie in a bundle: name → bytes, `None` for a folder. Raises `AdmissionRefused`.

    For what has yet to come; what came is measured again.
    """
    for name, size in files.items():
        _check_name(name)
        if size is None:
            raise AdmissionRefused("foreign_files", f"{name} is no plain file")
        _check_size(size, _most(name), name)
    _check_size(sum(size or 0 for size in files.values()), MOST_BYTES_TOGETHER, "the bundle")


def copy_files(source: Path, target: Path) -> None:
    """Copy the files of a bundle; raises `AdmissionRefused` for anything else that lies there."""
    copied = 0
    try:
        for name in _names(source):
            copied += _copy(source / name, target / name, _most(name))
            _check_size(copied, MOST_BYTES_TOGETHER, "the bundle")
    except OSError as error:
        raise AdmissionRefused("files_refused", f"it cannot be read: {error.strerror}") from None
    if not (target / MANIFEST).exists():
        raise AdmissionRefused("files_refused", f"it has no {MANIFEST}")


def _names(source: Path) -> Iterator[str]:
    with os.scandir(source) as entries:
        for entry in entries:
            _check_name(entry.name)
            if not entry.is_file(follow_symlinks=False):
                raise AdmissionRefused("foreign_files", f"{entry.name} is no plain file")
            yield entry.name


def _check_name(name: str) -> None:
    # The name is not repeated: it is whoever made the bundle that chose it.
    if name not in KNOWN_FILES:
        raise AdmissionRefused("foreign_files", "it holds a file or folder that no bundle has")


def _most(name: str) -> int:
    return _MOST_BYTES.get(name, MOST_BYTES)


def _check_size(size: int, most: int, what: str) -> None:
    if size > most:
        raise AdmissionRefused("too_large", f"{what} has more than {most:,} bytes")


def _copy(source: Path, target: Path, most: int) -> int:
    """Copy a file and say how many bytes it has."""
    # Not blocked by a pipe, and not led elsewhere by a link that was put there meanwhile.
    number = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(number, "rb") as read, target.open("xb") as written:
        if not stat.S_ISREG(os.fstat(number).st_mode):
            raise AdmissionRefused("foreign_files", f"{source.name} is no plain file")
        copied = 0
        while part := read.read(min(_AT_ONCE, most - copied + 1)):
            copied += len(part)
            _check_size(copied, most, source.name)
            written.write(part)
    return copied
