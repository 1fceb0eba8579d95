"""Speed and memory of an experiment from the training matrix on: fits, baselines, intervals, JSON.

    python -m benchmarks.training [--rows 1000000] [--features 110] [--json]

The matrix is made up: household amounts, counts and flags under the names of real features, whole feeds
missing for some, an outcome of about 0.5 % that follows a few of them. `rows` is the training matrix of the
last of three splits; the earlier ones have three and four of its five dates. Test dates have a fifth of the
rows each. Times are wall times of one run, on as many threads as the default settings name, and the
processor's time of all threads, which says more on a busy machine; memory is the peak of the process.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import resource
import time
from typing import Annotated

import numpy as np
import numpy.typing as npt
import pandas as pd
import typer
from rich.console import Console

from features import FEATURES
from scoring.capacity import Capacity, Quota
from training.baselines import rule_features
from training.evaluate import Matrices, evaluate_matrices
from training.evaluation.comparison import OURS
from training.evaluation.document import evaluation_json
from training.evaluation.groups import GROUP_FEATURES
from training.experiment import Experiment
from training.fit import FitSettings
from training.matrix import Matrix
from training.timeline import rolling_splits

REGION = "CN-50"
TRAIN = tuple(dt.date.fromisoformat(one) for one in
              ("2023-10-31", "2024-01-31", "2024-04-30", "2024-07-31", "2024-10-31"))  # fmt: skip
TEST = tuple(dt.date.fromisoformat(one) for one in ("2025-04-30", "2025-07-31", "2025-10-31"))
BASE_RATE = 0.005
VILLAGES = 2_000
DRIVERS = (
    "income_gap_to_line_share_12m",
    "illness_self_paid_yuan_12m",
    "composition_is_without_labour",
    "composition_disabled_count",
    "income_wages_yuan_12m",
)
"""What the outcome follows, beside chance; the last one lowers it."""


def main(
    rows: Annotated[int, typer.Option(help="Rows of the training matrix", min=20_000)] = 1_000_000,
    features: Annotated[int, typer.Option(help="Features", min=40, max=len(FEATURES))] = 110,
    most_trees: Annotated[int, typer.Option(help="Most trees of a model", min=1)] = FitSettings().max_trees,
    search_rows: Annotated[
        int, typer.Option(help="Rows above which folds learn from a draw", min=1_000)
    ] = FitSettings().search_rows,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object")] = False,
) -> None:
    """Speed and memory of an experiment from the training matrix on: fits, baselines, intervals, JSON.

    Time the stages of one experiment on a made-up matrix.
    """
    console = Console(stderr=True)
    needed = (*rule_features(TEST, REGION), *GROUP_FEATURES)
    names = tuple(dict.fromkeys((*DRIVERS, *needed, *FEATURES)))[:features]
    columns = tuple(dict.fromkeys((*names, *needed)))
    experiment = Experiment(
        name="benchmark",
        region=REGION,
        splits=rolling_splits(TRAIN, TEST, 12),
        capacity=Capacity(Quota(share=0.01), "township"),
        features=names,
        fit=FitSettings(max_trees=most_trees, search_rows=search_rows),
    )
    clock = Clock(console)
    clock("making the matrix", 0, 0)
    matrices = Matrices(
        make_matrix(TRAIN, rows // len(TRAIN), names, 1),
        {as_of: make_matrix((as_of,), rows // len(TRAIN), columns, 10 + at) for at, as_of in enumerate(TEST)},
    )
    clock.start()
    evaluation = evaluate_matrices(
        experiment, matrices, version="benchmark", grade_shares={"high": 0.01, "medium": 0.05}, progress=clock
    )
    clock("writing JSON", 0, 0)
    document = json.dumps(evaluation_json(evaluation))
    clock.stop()
    ours = evaluation.tests[-1].rankings[OURS]
    found = {
        "rows": evaluation.train_rows,
        "features": len(names),
        "positives": evaluation.train_positives,
        "splits": len(experiment.splits),
        "trees": evaluation.fitted.trees,
        "seconds": round(clock.total, 1),
        "processor_seconds": round(clock.processor, 1),
        "stages": {name: round(seconds, 1) for name, seconds in clock.seconds.items()},
        "peak_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
        "json_kb": len(document) // 1024,
        "roc_auc": round(ours.roc_auc.value, 4),
        "ece": round(ours.ece.value, 6) if ours.ece else None,
        "slope": round(evaluation.fitted.calibration.slope, 4),
        "threads": experiment.fit.threads,
        "settings": dataclasses.asdict(experiment.fit),
    }
    print(json.dumps(found, indent=None if as_json else 1))


class Clock:
    """Wall time of each stage, from the progress that the evaluation reports."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.seconds: dict[str, float] = {}
        self.began = self.turned = time.monotonic()
        self.stage = ""
        self.total = self.processor = 0.0

    def __call__(self, stage: str, done: int, total: int) -> None:
        if stage != self.stage:
            self._turn()
            self.stage = stage
            self.console.print(f"{time.monotonic() - self.began:7.1f} s  {stage}", highlight=False)

    def start(self) -> None:
        """What was before is not counted."""
        self._turn()
        self.seconds.clear()
        self.stage, self.began = "preparing", self.turned
        self.processor = time.process_time()

    def stop(self) -> None:
        """End the last stage."""
        self._turn()
        self.total = self.turned - self.began
        self.processor = time.process_time() - self.processor

    def _turn(self) -> None:
        now = time.monotonic()
        if self.stage:
            self.seconds[self.stage] = self.seconds.get(self.stage, 0.0) + now - self.turned
        self.turned = now


def make_matrix(dates: tuple[dt.date, ...], households: int, names: tuple[str, ...], seed: int) -> Matrix:
    """Rows of every household on every date; what a household is changes little between dates."""
    rng = np.random.default_rng(seed)
    n = households * len(dates)
    ids = np.array([f"H{number:07d}" for number in range(households)])
    villages = np.array(
        [f"500299{at // 20 + 1:03d}{at % 20 + 1:03d}" for at in range(VILLAGES)], dtype=object
    )
    home = rng.integers(0, VILLAGES, households)
    silent = {feed: np.tile(rng.random(households) < 0.08, len(dates)) for feed in _feeds(names)}
    values: dict[str, npt.NDArray[np.float64]] = {}
    for name in names:
        lasting = rng.normal(size=households)
        column = _shape(name, np.tile(lasting, len(dates)) * 0.8 + rng.normal(size=n) * 0.6)
        for feed in FEATURES[name].feeds:
            column[silent[feed]] = np.nan
        values[name] = column
    labels = _outcomes(values, rng, n)
    index = pd.MultiIndex.from_arrays(
        [np.tile(ids, len(dates)), np.repeat(pd.DatetimeIndex(list(dates)), households)],
        names=["household_id", "as_of_date"],
    )
    return Matrix(pd.DataFrame(values, index=index), labels, np.tile(villages[home], len(dates)))


def _feeds(names: tuple[str, ...]) -> list[str]:
    return sorted({feed for name in names for feed in FEATURES[name].feeds})


def _shape(name: str, normal: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """A feature's kind of values from standard normal ones, by its unit."""
    unit = FEATURES[name].unit
    if unit == "yes/no":
        return (normal > 1.6).astype(np.float64)
    if "yuan" in unit:
        # Most households have none; few have very much.
        return np.where(normal > 0.2, np.round(np.exp(6 + 1.4 * normal), 2), 0.0)
    if unit in {"persons", "count"}:
        return np.maximum(0.0, np.round(1.2 + 1.5 * normal))
    return np.asarray(normal)


def _outcomes(
    values: dict[str, npt.NDArray[np.float64]], rng: np.random.Generator, n: int
) -> npt.NDArray[np.int64]:
    risk = np.zeros(n)
    for at, name in enumerate(DRIVERS):
        column = np.nan_to_num(values[name])
        scaled = (column - column.mean()) / max(float(column.std()), 1e-9)
        risk += np.clip(scaled, -3, 6) * (-0.5 if at == len(DRIVERS) - 1 else 0.7)
    odds = np.exp(risk - np.log(np.mean(np.exp(risk))) + np.log(BASE_RATE))
    return np.asarray(rng.random(n) < odds / (1 + odds), dtype=np.int64)


if __name__ == "__main__":
    typer.run(main)
