"""The model bundle: `model.txt`, its siblings, its parts and `manifest.json`: plain text, no code, no pickle.

The parts are those of `scoring.parts`: a line that is blended with the trees, and the steps of certainty.
`manifest.sig` may stand beside them (`scoring.signature`).

Loading checks before it believes: the manifest's form, the sha256 of every file, that the features of
today's code are those the model was made with, and the golden rows' scores. LightGBM's own text reader
crashes the process on many truncated files and accepts changed digits silently, so nothing is handed to
it that the hashes do not vouch for.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from features import FEATURES, feature_version
from scoring.absence import Absence
from scoring.calibration import Calibration
from scoring.capacity import CapacityEntry
from scoring.errors import BundleError
from scoring.grades import GradeBorders
from scoring.model import RiskModel
from scoring.outlook import GOLDEN_AS_OF, Outlook, OutlookEntry
from scoring.parts import CERTAINTY, LINE, PARTS, read_certainty, read_line

MODEL, MANIFEST = "model.txt", "manifest.json"
SIGNATURE = "manifest.sig"
"""The signature over the manifest, which names the hash of every other file. A bundle needs none."""
SIBLINGS = tuple(f"sibling-{number}.txt" for number in range(1, 10))
"""Files of models fitted alike with other seeds, as many as there are, in this order. A bundle needs none."""
GOLDEN_TOLERANCE = 1e-12
_MOST_DIGITS = 12
"""Of a tree's size in bytes."""
TABLES_DIR = ".contribution-tables"
"""Folder beside a bundle, never in it, where the tables of contributions are kept."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class FeatureEntry(_Strict):
    """One feature in the order of the model's columns."""

    name: str
    unit: str
    zh: str
    en: str
    direction: Literal[-1, 0, 1]


class Golden(_Strict):
    """Made-up vectors and the scores they must give; `None` is a missing value."""

    rows: list[list[float | None]]
    scores: list[float]


class Provenance(_Strict):
    """What the model was made from."""

    train_as_of_dates: list[str]
    calibration_as_of_dates: list[str]
    test_as_of_dates: list[str]
    train_rows: int
    train_positives: int
    data_sha256: str
    git_revision: str
    libraries: dict[str, str]
    seed: int


class Manifest(_Strict):
    """Everything about a model but its trees.

    `version` names folders and begins with no dot: "..", and what stores keep beside versions, are none.
    `absence` is what a missing value of a feature adds to the margin, by feature. Bundles from before it was
    written down have no `capacity`.
    """

    format: Literal[1] = 1
    version: str = Field(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]{0,79}$")
    created_at: str
    region: str
    horizon_months: int = Field(ge=1, le=36)
    label: str
    features: list[FeatureEntry]
    feature_version: str
    policy_version: str
    slope: float
    intercept: float
    high_from: float = Field(gt=0, lt=1)
    medium_from: float = Field(gt=0, lt=1)
    base_rate: float = Field(gt=0, lt=1)
    metrics: dict[str, float]
    provenance: Provenance
    golden: Golden
    files: dict[str, str]
    outlook: OutlookEntry | None = None
    absence: dict[str, float] = Field(default_factory=dict)
    capacity: CapacityEntry | None = None


@dataclass(frozen=True)
class Bundle:
    """A model that passed every check, with its manifest and the hash that names both."""

    model: RiskModel
    manifest: Manifest
    sha256: str


def save_bundle(
    directory: Path,
    model_text: str,
    manifest: Manifest,
    sibling_texts: Sequence[str] = (),
    parts: Mapping[str, str] | None = None,
) -> Bundle:
    """Write a bundle and read it back as `load_bundle` would; the folder appears whole or not at all.

    `sibling_texts` are models fitted alike with other seeds, nine at most; `parts` the texts of optional
    parts by their file. `manifest.files` is filled in here. Raises `BundleError` when the folder exists
    already.
    """
    if directory.exists():
        raise BundleError(f"{directory} exists already; a bundle is never overwritten")
    directory.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=directory.parent, prefix=".bundle-"))
    try:
        texts = {MODEL: model_text, **dict(zip(SIBLINGS, sibling_texts, strict=False)), **(parts or {})}
        for name, content in texts.items():
            (scratch / name).write_text(content, encoding="utf-8", newline="\n")
        whole = manifest.model_copy(update={"files": {name: _sha256(scratch / name) for name in texts}})
        text = json.dumps(whole.model_dump(), ensure_ascii=False, indent=1, allow_nan=False)
        (scratch / MANIFEST).write_text(text + "\n", encoding="utf-8", newline="\n")
        load_bundle(scratch)
        os.replace(scratch, directory)
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise
    return load_bundle(directory)


@dataclass(frozen=True)
class Files:
    """A bundle's manifest with its hash, and the files it vouches for: name → content. Nothing was loaded."""

    manifest: Manifest
    sha256: str
    contents: dict[str, bytes]


def load_bundle(directory: Path, admitted_sha256: str | None = None) -> Bundle:
    """Load a bundle after checking it; raises `BundleError` saying which check failed.

    `admitted_sha256` is the hash of a manifest whose files a child process has loaded before: with it the
    bundle must have that manifest, and no other child is started.
    """
    read = read_files(directory)
    if admitted_sha256 is not None and read.sha256 != admitted_sha256:
        raise BundleError(f"{MANIFEST} is not the one that was admitted (sha256 differs)")
    manifest, names = read.manifest, tuple(one.name for one in read.manifest.features)
    if admitted_sha256 is None:
        for name, content in read.contents.items():
            if name not in PARTS:
                _survive(name, content)
    model = _model(read.contents, manifest, names, directory.parent / TABLES_DIR)
    _check_golden(model, manifest)
    _check_outlook(model, manifest)
    return Bundle(model, manifest, read.sha256)


def _check_whole(name: str, content: bytes) -> None:
    """Raise `BundleError` unless every tree lies where the text's head says.

    LightGBM reads each tree at the place that `tree_sizes` gives, without looking where the text ends: of one
    that is cut off it goes on in the memory behind, which may hold the rest of another model.
    """
    sizes = re.search(rb"^tree_sizes=([0-9 ]*)$", content, re.MULTILINE)
    at = content.find(b"\nTree=0\n") + 1
    if sizes is not None and at > sizes.end():
        for number, size in enumerate(sizes[1].split()):
            if not content.startswith(b"Tree=%d\n" % number, at):
                break
            at += int(size[:_MOST_DIGITS])
        else:
            if content.startswith(b"end of trees\n", at):
                return
    raise BundleError(f"{name} is cut off, or its trees do not lie where its head says")


def read_files(directory: Path) -> Files:
    """Read a bundle's files and check all that can be without loading the model.

    Manifest, names and hashes of files, and the features of today's code. Raises `BundleError`.
    """
    written = manifest_bytes(directory)
    manifest = _parsed(written)
    found = {path.name for path in directory.iterdir()} - {SIGNATURE}
    parts = [name for name in PARTS if name in manifest.files]
    boosters = (MODEL, *SIBLINGS[: len(manifest.files) - 1 - len(parts)])
    files = (*boosters, *parts)
    if found != {*files, MANIFEST} or set(manifest.files) != set(files):
        raise BundleError(
            f"a bundle holds {MODEL}, its siblings in order, the parts that {MANIFEST} names, that file and "
            f"perhaps {SIGNATURE}, nothing more and nothing less"
        )
    # Read once: what is hashed is what is loaded.
    texts = {name: _read(directory / name) for name in files}
    for name, content in texts.items():
        if hashlib.sha256(content).hexdigest() != manifest.files[name]:
            raise BundleError(f"{name} is not the file the manifest was written for (sha256 differs)")
    for name in boosters:
        _check_whole(name, texts[name])
    names = tuple(one.name for one in manifest.features)
    unknown = [name for name in names if name not in FEATURES]
    if unknown:
        raise BundleError(f"the model reads features this version does not define: {', '.join(unknown)}")
    if feature_version(FEATURES[name] for name in names) != manifest.feature_version:
        raise BundleError("the features' definitions have changed since the model was made: retrain it")
    changed = [
        one.name
        for one in manifest.features
        if (one.unit, one.direction) != (FEATURES[one.name].unit, FEATURES[one.name].direction)
    ]
    if changed:
        raise BundleError(f"the manifest states another unit or direction for {', '.join(changed)}")
    return Files(manifest, hashlib.sha256(written).hexdigest(), texts)


def read_manifest(directory: Path) -> Manifest:
    """The manifest alone; raises `BundleError` when it is absent or not of the known form."""
    return _parsed(manifest_bytes(directory))


def manifest_bytes(directory: Path) -> bytes:
    """The manifest as it is written; raises `BundleError` where there is none, or a link in its place."""
    path = directory / MANIFEST
    if not path.exists():
        raise BundleError(f"{directory} is not a bundle: it has no {MANIFEST}")
    return _read(path)


def _parsed(content: bytes) -> Manifest:
    try:
        return Manifest.model_validate_json(content)
    except ValidationError as error:
        places = sorted({".".join(map(str, one["loc"])) or "the file" for one in error.errors()})
        raise BundleError(f"{MANIFEST} is not of the known form at: {', '.join(places[:8])}") from None


def _model(
    texts: Mapping[str, bytes], manifest: Manifest, names: tuple[str, ...], tables_dir: Path
) -> RiskModel:
    booster, *siblings = (
        _booster(name, content, names) for name, content in texts.items() if name not in PARTS
    )
    directions = tuple(one.direction for one in manifest.features)
    return RiskModel(
        booster=booster,
        feature_names=names,
        calibration=Calibration(manifest.slope, manifest.intercept),
        borders=GradeBorders(manifest.high_from, manifest.medium_from),
        base_rate=manifest.base_rate,
        horizon_months=manifest.horizon_months,
        version=manifest.version,
        tables_dir=tables_dir,
        siblings=tuple(siblings),
        blend=read_line(texts[LINE], names, directions) if LINE in texts else None,
        venn_abers=read_certainty(texts[CERTAINTY], names) if CERTAINTY in texts else None,
        outlook=manifest.outlook.model if manifest.outlook else None,
        absence=Absence.of(manifest.absence, names),
    )


def _booster(file: str, content: bytes, names: tuple[str, ...]) -> Any:
    # Imported here: it takes seconds, and whoever only reads a manifest need not wait.
    import lightgbm

    try:
        booster = lightgbm.Booster(model_str=content.decode("utf-8"))
    except UnicodeDecodeError:
        raise BundleError(f"{file} is not text in UTF-8") from None
    except lightgbm.basic.LightGBMError as error:
        raise BundleError(f"LightGBM cannot read {file}: {error}") from None
    if tuple(booster.feature_name()) != names:
        raise BundleError(f"{file} reads other columns than the manifest names")
    return booster


_SURVIVED: set[str] = set()
"""Hashes of model texts that a child process of this process has read to the end."""

_CHILD = (
    "import sys; sys.modules.update(dict.fromkeys(('sklearn', 'pandas', 'pyarrow', 'dask', 'matplotlib')));"
    "import lightgbm; lightgbm.Booster(model_str=sys.stdin.buffer.read().decode('utf-8'))"
)
"""Reads a text with LightGBM alone: libraries that it uses where they are there take seconds to import."""


def _survive(file: str, model_bytes: bytes) -> None:
    """Let a child process read the text first: LightGBM aborts the process on many broken ones."""
    name = hashlib.sha256(model_bytes).hexdigest()
    if name in _SURVIVED:
        return
    # -P: whatever lies in the working directory is no library.
    done = subprocess.run(
        [sys.executable, "-P", "-c", _CHILD], input=model_bytes, capture_output=True, check=False
    )
    if done.returncode < 0:
        raise BundleError(f"{file} is broken: LightGBM aborts when it reads it")
    # A child that failed in an orderly way fails again here, with its message.
    _SURVIVED.add(name)


def _check_golden(model: RiskModel, manifest: Manifest) -> None:
    golden = manifest.golden
    if not golden.rows or len(golden.rows) != len(golden.scores):
        raise BundleError("the manifest has no golden rows, or not one score for each")
    if any(len(row) != len(model.feature_names) for row in golden.rows):
        raise BundleError("a golden row has not one value for each feature")
    frame = golden_frame(golden.rows, model.feature_names)
    worst = float(np.max(np.abs(model.score(frame) - np.array(golden.scores))))
    # Margins are ours; whatever library is installed has to agree.
    theirs = model.booster.predict(model.matrix(frame), raw_score=True)
    worst = max(worst, float(np.max(np.abs(model.explainer.margins(model.matrix(frame)) - theirs))))
    for booster, explainer in zip(model.siblings, model.sibling_explainers, strict=True):
        theirs = booster.predict(model.matrix(frame), raw_score=True)
        worst = max(worst, float(np.max(np.abs(explainer.margins(model.matrix(frame)) - theirs))))
    if not worst <= GOLDEN_TOLERANCE:
        raise BundleError(f"golden rows score differently by up to {worst:.3g}: another model or library")


def _check_outlook(model: RiskModel, manifest: Manifest) -> None:
    if manifest.outlook is None:
        return
    manifest.outlook.model.check(model.feature_names, model.horizon_months)
    found = golden_outlook(model, manifest.golden.rows)
    assert found is not None
    manifest.outlook.check_golden(found)


def golden_outlook(model: RiskModel, rows: list[list[float | None]]) -> Outlook | None:
    """The outlook of golden rows; None for a model without one."""
    frame = golden_frame(rows, model.feature_names)
    scores = model.score(frame)
    return model.look(model.matrix(frame), scores, np.log(scores / (1 - scores)), GOLDEN_AS_OF)


def golden_frame(rows: list[list[float | None]], names: tuple[str, ...]) -> pd.DataFrame:
    """Golden rows as vectors."""
    columns: dict[str, Any] = {name: [row[at] for row in rows] for at, name in enumerate(names)}
    return pd.DataFrame(columns).astype("float64")


def _read(path: Path) -> bytes:
    if path.is_symlink() or not path.is_file():
        raise BundleError(f"{path.name} is not a plain file; links and folders are not followed")
    try:
        return path.read_bytes()
    except OSError as error:
        raise BundleError(f"{path.name} cannot be read: {error.strerror}") from None


def _sha256(path: Path) -> str:
    return hashlib.sha256(_read(path)).hexdigest()
