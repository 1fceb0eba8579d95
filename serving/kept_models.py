"""Kept models: every bundle whose assessments are stored, by version, to make past scores again."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections import OrderedDict
from pathlib import Path

from features.errors import FeaturesError
from scoring import ScoringError, load_bundle
from scoring.bundle import MANIFEST, read_manifest
from serving.errors import Problem, ServingError
from serving.scorer import Scorer

MOST_LOADED = 2
"""Models that are held in memory at once."""


class KeptModels:
    """A folder of bundles, one a version; none where it is `None`. Threads may share it."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self._loaded: OrderedDict[str, Scorer] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, bundle_dir: Path) -> None:
        """Copy a bundle whose assessments are about to be stored; one that is kept already is left alone.

        Raises `ServingError` where another bundle of the same version is kept: its scores could no longer
        be told from this one's.
        """
        if self.folder is None:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        place = self.folder / read_manifest(bundle_dir).version
        if not place.exists():
            writing = Path(tempfile.mkdtemp(prefix=".bundle-", dir=self.folder))
            try:
                shutil.copytree(bundle_dir, writing, dirs_exist_ok=True)
                writing.chmod(0o755)
                try:
                    writing.rename(place)
                except OSError:
                    # Another process kept it meanwhile.
                    if not place.exists():
                        raise
            finally:
                shutil.rmtree(writing, ignore_errors=True)
        if (place / MANIFEST).read_bytes() != (bundle_dir / MANIFEST).read_bytes():
            raise ServingError(
                f"another model of the version {place.name} is kept in {self.folder}: "
                "give every model a version of its own"
            )

    def scorer(self, version: str, manifest_sha256: str) -> Scorer:
        """The scorer of a past model, checked against the hash that was noted when it scored.

        Raises `Problem` (409, `model_not_kept`) where it is not kept, is another one, or cannot be used any
        more. The first call for a model takes seconds.
        """
        with self._lock:
            if manifest_sha256 not in self._loaded:
                self._loaded[manifest_sha256] = self._load(version, manifest_sha256)
            self._loaded.move_to_end(manifest_sha256)
            while len(self._loaded) > MOST_LOADED:
                self._loaded.popitem(last=False)
            return self._loaded[manifest_sha256]

    def _load(self, version: str, manifest_sha256: str) -> Scorer:
        # A version is a plain name (`Manifest.version`), but this one was read from the database.
        place = self.folder / Path(version).name if self.folder else None
        if place is None or not place.is_dir():
            raise Problem("model_not_kept")
        try:
            # Under this hash it scored, and was loaded before; nothing of another one is.
            bundle = load_bundle(place, manifest_sha256)
        except (ScoringError, FeaturesError) as error:
            said = str(error).replace(str(place), "its folder")
            raise Problem("model_not_kept", detail=f"The model is kept and cannot be used: {said}.") from None
        return Scorer(bundle)
