"""A small real model over the project's own features, and the bundle it is stored in."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest

from features import FEATURES, feature_version, policy_version
from scoring.bundle import Bundle, FeatureEntry, Golden, Manifest, Provenance, golden_frame, save_bundle
from scoring.calibration import Calibration
from scoring.certainty import Steps, VennAbers
from scoring.grades import GradeBorders
from scoring.line import Blend, Line, Term, transformed
from scoring.model import RiskModel

NAMES = tuple(FEATURES)
AS_OF = dt.date(2026, 10, 31)


def made_vectors(rows: int, seed: int = 0) -> pd.DataFrame:
    """Vectors of plausible sizes, a tenth of the values missing."""
    rng = np.random.default_rng(seed)
    columns = {}
    for name, one in FEATURES.items():
        scale = {"yuan": 20_000, "yuan per person": 8_000, "days": 200, "percent": 60}.get(one.unit, 2)
        values = np.round(rng.gamma(1.0, scale, rows), 2 if one.unit in ("share", "yuan") else 0)
        columns[name] = np.where(rng.random(rows) < 0.1, np.nan, values)
    return pd.DataFrame(columns)


def manifest_for(model: RiskModel) -> Manifest:
    rows = [[None if np.isnan(one) else float(one) for one in row] for row in made_vectors(6, 9).to_numpy()]
    return Manifest(
        version=model.version,
        created_at="2026-10-31T00:00:00+00:00",
        region="CN-50",
        horizon_months=12,
        label="newly verified identification within the horizon",
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
        metrics={"roc_auc": 0.8},
        provenance=Provenance(
            train_as_of_dates=["2024-10-31"],
            calibration_as_of_dates=["2024-10-31"],
            test_as_of_dates=["2025-10-31"],
            train_rows=2_000,
            train_positives=200,
            data_sha256="0" * 64,
            git_revision="unknown",
            libraries={},
            seed=1,
        ),
        golden=Golden(rows=rows, scores=model.score(golden_frame(rows, NAMES)).tolist()),
        files={},
    )


@pytest.fixture(scope="session")
def model() -> RiskModel:
    """A monotone model whose risk rises with self-paid cost and falls with income."""
    vectors = made_vectors(2_000)
    rng = np.random.default_rng(1)
    drive = (
        vectors["illness_self_paid_yuan_12m"].fillna(0) / 20_000
        - vectors["income_net_yuan_12m"].fillna(0) / 40_000
    )
    labels = (drive + rng.normal(0, 1, len(vectors)) > 1.6).astype(int)
    parameters = {
        "objective": "binary", "num_leaves": 8, "learning_rate": 0.1, "min_data_in_leaf": 20, "verbosity": -1,
        "num_threads": 1, "monotone_constraints": [one.direction for one in FEATURES.values()],
    }  # fmt: skip
    booster = lgb.train(parameters, lgb.Dataset(vectors, labels), 40)
    return RiskModel(
        booster=booster,
        feature_names=NAMES,
        calibration=Calibration(0.9, -0.3),
        borders=GradeBorders(0.4, 0.15),
        base_rate=float(labels.mean()),
        horizon_months=12,
        version="test-1",
    )


@pytest.fixture(scope="session")
def blended(model: RiskModel) -> RiskModel:
    """The same trees with a line in which every directed feature has a weight, and steps of certainty."""
    vectors = made_vectors(2_000)
    rng = np.random.default_rng(2)
    terms = []
    for name, one in FEATURES.items():
        known = transformed(vectors[name].dropna().to_numpy(), "signed_log")
        terms.append(
            Term(
                name, "signed_log", float(known.min()), float(known.max()), float(np.median(known)),
                float(known.mean()), float(known.std() or 1.0), one.direction * float(rng.gamma(1.0, 0.2)),
                float(rng.normal(0, 0.1)), float(vectors[name].isna().mean()),
            )
        )  # fmt: skip
    return replace(
        model,
        blend=Blend(Line(-2.0, tuple(terms)), 0.5),
        venn_abers=VennAbers(
            Steps((-3.0, -1.5, 0.0), (0.0, 0.03, 0.12, 0.41)),
            Steps((-3.0, -1.5, 0.0), (0.04, 0.14, 0.39, 0.9)),
            (True,) * len(NAMES),
        ),
    )


@pytest.fixture
def bundle(model: RiskModel, tmp_path: Path) -> Bundle:
    """The model stored and loaded again."""
    return save_bundle(tmp_path / "bundle", model.booster.model_to_string(), manifest_for(model))
