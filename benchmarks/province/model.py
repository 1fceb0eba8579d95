"""A model as large as one in production: 500 trees of 63 leaves, at most 8 deep, over all features.

It learns a drawn outcome from the vectors of one made-up bucket, so that its trees ask for the features that
they are given at values that occur. What it says is of no use.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from benchmarks.vectors.made_up import AS_OF
from features import FEATURES, feature_version, policy_version
from features.engines.buckets import BucketVectors
from features.policy import DEFAULT_REGION
from features.signals.buckets import Buckets
from scoring import Bundle, RiskModel, load_bundle, save_bundle
from scoring.bundle import FeatureEntry, Golden, Manifest, Provenance, golden_frame
from scoring.calibration import Calibration
from scoring.grades import GradeBorders

NAMES = tuple(FEATURES)
TREES, SHAPE = 500, {"num_leaves": 63, "max_depth": 8}
POSITIVE_SHARE = 0.03


def stored_bundle(folder: Path, stored: Buckets) -> Bundle:
    """The bundle, trained once and kept in the folder with the tables of its contributions."""
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with BucketVectors(stored, FEATURES.values()) as vectors:
            villages = vectors.villages(AS_OF, folder.parent / stored.data / f"{AS_OF}.json", lambda *_: None)
            known = vectors.read(vectors.batches[0], AS_OF, villages).table(AS_OF)
        _save(folder, _matrix(known))
    bundle = load_bundle(folder)
    bundle.model.prepare()
    return bundle


def _matrix(known: pa.Table) -> npt.NDArray[np.float64]:
    return np.column_stack([known[name].to_numpy().astype(np.float64) for name in NAMES])


def _save(folder: Path, matrix: npt.NDArray[np.float64]) -> None:
    rng = np.random.default_rng(7)
    filled = np.nan_to_num(matrix)
    scaled = (filled - filled.mean(0)) / (filled.std(0) + 1e-9)
    drive = scaled @ rng.normal(0, 0.3, len(NAMES)) + rng.logistic(0, 0.9, len(matrix))
    positive = (drive > np.quantile(drive, 1 - POSITIVE_SHARE)).astype(np.float64)
    parameters: dict[str, Any] = {
        "objective": "binary", "learning_rate": 0.05, "min_data_in_leaf": 40, "feature_fraction": 0.8,
        "feature_pre_filter": False, "verbosity": -1, "num_threads": 1, "seed": 1, **SHAPE,
    }  # fmt: skip
    booster = lgb.train(parameters, lgb.Dataset(matrix, positive, feature_name=list(NAMES)), TREES)
    text = booster.model_to_string()
    model = RiskModel(
        lgb.Booster(model_str=text),
        NAMES,
        Calibration(),
        GradeBorders(0.3, 0.1),
        POSITIVE_SHARE,
        12,
        "made-up",
    )
    rows = [[None if np.isnan(one) else float(one) for one in row] for row in matrix[:3]]
    manifest = Manifest(
        version=model.version,
        created_at=f"{AS_OF}T00:00:00Z",
        region=DEFAULT_REGION,
        horizon_months=model.horizon_months,
        label="a drawn outcome",
        features=[
            FeatureEntry(name=one.name, unit=one.unit, zh=one.zh, en=one.en, direction=one.direction)
            for one in FEATURES.values()
        ],
        feature_version=feature_version(),
        policy_version=policy_version(),
        slope=model.calibration.slope,
        intercept=model.calibration.intercept,
        high_from=model.borders.high,
        medium_from=model.borders.medium,
        base_rate=model.base_rate,
        metrics={},
        provenance=Provenance(
            train_as_of_dates=[str(AS_OF)],
            calibration_as_of_dates=[],
            test_as_of_dates=[],
            train_rows=len(matrix),
            train_positives=int(positive.sum()),
            data_sha256="0" * 64,
            git_revision="unknown",
            libraries={"lightgbm": lgb.__version__},
            seed=1,
        ),
        golden=Golden(rows=rows, scores=model.score(golden_frame(rows, NAMES)).tolist()),
        files={},
    )
    save_bundle(folder, text, manifest)
