"""Release: a trained model written as a bundle, with golden rows that tell whether it still scores alike."""

from __future__ import annotations

import datetime as dt
import hashlib
from pathlib import Path

import numpy as np
import pandas as pd

import training
from features import FEATURES, feature_version, policy_version
from scoring.bundle import (
    Bundle,
    FeatureEntry,
    Golden,
    Manifest,
    Provenance,
    golden_frame,
    golden_outlook,
    save_bundle,
)
from scoring.capacity import CapacityEntry
from scoring.outlook import OutlookEntry
from scoring.parts import CERTAINTY, LINE, certainty_text, line_text
from training.evaluate import Evaluation
from training.feed_dropout import columns_of, features_by_feed
from training.labels import LABEL
from training.provenance import git_revision, library_versions

GOLDEN_ROWS = 24
"""Golden rows beside those that lack a feed."""


def write_bundle(evaluation: Evaluation, directory: Path, data_sha256: str) -> Bundle:
    """Write the evaluated model, the very one that was measured, as a bundle."""
    model, experiment = evaluation.model, evaluation.experiment
    names = model.feature_names
    rows = golden_rows(evaluation.train_vectors, experiment.fit.seed)
    split = experiment.split
    train_dates = [str(one) for one in split.train]
    outlook = golden_outlook(model, rows)
    manifest = Manifest(
        version=model.version,
        created_at=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        region=experiment.region,
        horizon_months=split.horizon_months,
        label=LABEL,
        features=[
            FeatureEntry(name=one.name, unit=one.unit, zh=one.zh, en=one.en, direction=one.direction)
            for one in (FEATURES[name] for name in names)
        ],
        feature_version=feature_version(FEATURES[name] for name in names),
        policy_version=policy_version(),
        slope=model.calibration.slope,
        intercept=model.calibration.intercept,
        high_from=model.borders.high,
        medium_from=model.borders.medium,
        base_rate=model.base_rate,
        metrics=evaluation.flat_metrics(),
        provenance=Provenance(
            train_as_of_dates=train_dates,
            # Calibrated on out-of-fold margins of the training dates.
            calibration_as_of_dates=train_dates,
            test_as_of_dates=[str(one) for one in split.test],
            train_rows=evaluation.train_rows,
            train_positives=evaluation.train_positives,
            data_sha256=data_sha256,
            git_revision=git_revision(Path(training.__file__).parent),
            libraries=library_versions(),
            seed=experiment.fit.seed,
        ),
        golden=Golden(rows=rows, scores=model.score(golden_frame(rows, names)).tolist()),
        files={},
        outlook=OutlookEntry.make(model.outlook, outlook) if model.outlook and outlook else None,
        absence=model.absence.by_feature(names) if model.absence else {},
        capacity=CapacityEntry.of(experiment.capacity),
    )
    fitted = evaluation.fitted
    siblings = [one.model_to_string() for one in fitted.siblings]
    parts = {}
    if model.blend is not None:
        parts[LINE] = line_text(model.blend)
    if model.venn_abers is not None:
        parts[CERTAINTY] = certainty_text(model.venn_abers, names)
    return save_bundle(directory, fitted.booster.model_to_string(), manifest, siblings, parts)


def golden_rows(vectors: pd.DataFrame, seed: int) -> list[list[float | None]]:
    """Made-up vectors: every column is drawn by itself, so that no row is anybody's household.

    The last ones lack one feed each, so that what missing values add is vouched for too.
    """
    rng = np.random.default_rng(seed)
    names = [str(name) for name in vectors.columns]
    silent = list(features_by_feed(names).values())
    count = GOLDEN_ROWS + len(silent)
    rows = np.column_stack([
        vectors[name].to_numpy(dtype=np.float64)[rng.integers(0, len(vectors), count)] for name in names
    ])
    for row, features in zip(rows[GOLDEN_ROWS:], silent, strict=True):
        row[columns_of(features, names)] = np.nan
    return [[None if np.isnan(one) else float(one) for one in row] for row in rows]


def version_name(experiment_name: str, data_sha256: str, now: dt.datetime) -> str:
    """A release name that sorts by time and tells runs on other data apart."""
    mark = hashlib.sha256(f"{data_sha256}{now.isoformat()}".encode()).hexdigest()[:6]
    return f"{experiment_name}-{now:%Y%m%d-%H%M%S}-{mark}"
