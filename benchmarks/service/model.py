"""A scratch model of every feature, as large as a released one: its numbers mean nothing, its cost does."""

from __future__ import annotations

from pathlib import Path

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from features import FEATURES, feature_version, policy_version
from scoring import Bundle, RiskModel, save_bundle
from scoring.bundle import FeatureEntry, Golden, Manifest, Provenance, golden_frame
from scoring.bundle import golden_outlook as divide_golden
from scoring.calibration import Calibration
from scoring.certainty import Steps, VennAbers
from scoring.grades import GradeBorders
from scoring.horizons import Timing
from scoring.line import Blend, Line, Term
from scoring.lines import LOG_ODDS, Lines
from scoring.outlook import OutlookEntry, OutlookModel
from scoring.parts import CERTAINTY, LINE, certainty_text, line_text
from scoring.themes import ThemeShares

NAMES = tuple(FEATURES)
ROWS = 20_000
TREES, LEAVES, SIBLINGS = 200, 31, 2
VERSION = "benchmark"
REGION = "CN-50"

Floats = npt.NDArray[np.float64]


def make_model(directory: Path, trees: int = TREES) -> Bundle:
    """Train on made-up households and write the bundle, with siblings, line, certainty and outlook."""
    matrix, labels = make_rows(np.random.default_rng(7))
    data = lgb.Dataset(matrix, labels, feature_name=list(NAMES), free_raw_data=False)
    texts = [_train(data, seed, trees).model_to_string() for seed in range(1 + SIBLINGS)]
    base_rate = float(labels.mean())
    blend = Blend(Line(-2.0, tuple(_term(name, column) for name, column in _columns(matrix))), tree_share=0.9)
    steps = VennAbers(
        Steps((-2.0, -1.0), (0.0, 0.09, 0.31)), Steps((-2.0, -1.0), (0.11, 0.4, 0.9)), (True,) * len(NAMES)
    )
    outlook = _outlook()
    model = RiskModel(
        lgb.Booster(model_str=texts[0]), NAMES, Calibration(), GradeBorders(0.3, 0.1), base_rate, 12, VERSION,
        blend=blend, venn_abers=steps, outlook=outlook,
    )  # fmt: skip
    rows = [[None if np.isnan(one) else float(one) for one in row] for row in matrix[:3]]
    divided = divide_golden(model, rows)
    assert divided is not None
    manifest = Manifest(
        version=VERSION,
        created_at="2026-10-31T00:00:00Z",
        region=REGION,
        horizon_months=12,
        label="none: a scratch model",
        features=[
            FeatureEntry(name=one.name, unit=one.unit, zh=one.zh, en=one.en, direction=one.direction)
            for one in FEATURES.values()
        ],
        feature_version=feature_version(FEATURES.values()),
        policy_version=policy_version(),
        slope=1.0,
        intercept=0.0,
        high_from=0.3,
        medium_from=0.1,
        base_rate=base_rate,
        metrics={},
        provenance=Provenance(
            train_as_of_dates=["2024-10-31"],
            calibration_as_of_dates=["2025-04-30"],
            test_as_of_dates=["2025-10-31"],
            train_rows=ROWS,
            train_positives=int(labels.sum()),
            data_sha256="0" * 64,
            git_revision="none",
            libraries={},
            seed=7,
        ),
        golden=Golden(rows=rows, scores=model.score(golden_frame(rows, NAMES)).tolist()),
        files={},
        outlook=OutlookEntry.make(outlook, divided),
    )
    parts = {LINE: line_text(blend), CERTAINTY: certainty_text(steps, NAMES)}
    return save_bundle(directory, texts[0], manifest, texts[1:], parts=parts)


def make_rows(rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Vectors (rows, features) with a tenth missing, and labels (rows,) that a few features bring about."""
    scale = np.array([8_000.0 if one.is_money else 3.0 for one in FEATURES.values()])
    matrix = np.abs(rng.normal(size=(ROWS, len(NAMES)))) * scale
    matrix[rng.random(matrix.shape) < 0.1] = np.nan
    causes = [NAMES.index("illness_self_paid_yuan_12m"), 0, 5, 20, 40, 60]
    risk = np.nan_to_num(matrix / scale)[:, causes].sum(axis=1)
    return matrix, (rng.random(ROWS) < 1 / (1 + np.exp(7 - risk))).astype(np.float64)


def _train(data: lgb.Dataset, seed: int, trees: int) -> lgb.Booster:
    settings = {
        "objective": "binary", "num_leaves": LEAVES, "learning_rate": 0.05, "verbose": -1, "num_threads": 1,
        "deterministic": True, "seed": seed, "feature_fraction": 0.5,
    }  # fmt: skip
    return lgb.train(settings, data, trees)


def _columns(matrix: Floats) -> list[tuple[str, Floats]]:
    return [(name, matrix[:, at]) for at, name in enumerate(NAMES)]


def _term(name: str, values: Floats) -> Term:
    middle = float(np.log1p(np.nanmedian(values)))
    return Term(name, "signed_log", 0.0, 12.0, middle, 1.0, 2.0, 0.1 * FEATURES[name].direction, 0.05, 0.1)


def _outlook() -> OutlookModel:
    timing = Lines(
        covariates=(LOG_ODDS, "illness_self_paid_yuan_3m"),
        centres=(-3.0, 60.0),
        scales=(1.5, 40.0),
        intercepts=(-1.0, -0.6),
        weights=((0.3, 0.7), (0.1, -0.2)),
    )
    themes = Lines(
        covariates=("illness_self_paid_yuan_12m", "accident_count_12m", "employment_idle_workers_count"),
        centres=(80.0, 0.5, 1.0),
        scales=(60.0, 0.7, 0.8),
        intercepts=(-1.0, 0.1, 1.2, -0.4, -0.5),
        weights=((-0.3, 0.0, 0.1), (-0.2, 0.0, 0.9), (0.9, -0.2, 0.0), (0.0, 1.1, 0.0), (-0.4, 0.1, 0.2)),
    )
    return OutlookModel(timing=Timing(months=(3, 6), lines=timing), themes=ThemeShares(lines=themes))
