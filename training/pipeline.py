"""Pipeline: one experiment from stored signals to a recorded, registered model."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from features import Signals, policy_value
from training.cohort import check_outcomes
from training.errors import DataError
from training.evaluate import Evaluation, evaluate
from training.evaluation.document import evaluation_json
from training.experiment import load_experiment
from training.provenance import data_fingerprint
from training.release import version_name, write_bundle
from training.tracking import record_run
from training.visits import load_visits

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class FinishedRun:
    """An evaluated experiment with where its bundle lies and how it is registered."""

    evaluation: Evaluation
    bundle: Path
    tracking_uri: str
    run_id: str
    registered_version: str

    def as_json(self) -> dict[str, Any]:
        """The run as one JSON object."""
        return {
            "run_id": self.run_id,
            "registered_version": self.registered_version,
            "version": self.evaluation.model.version,
            "bundle": str(self.bundle),
            "tracking_uri": self.tracking_uri,
            **evaluation_json(self.evaluation),
        }


def run_experiment(
    experiment_file: Path,
    data: Path,
    out: Path,
    *,
    outcomes_until: dt.date,
    tracking_uri: str | None = None,
    progress: Progress | None = None,
) -> FinishedRun:
    """Evaluate an experiment on ``data/signals`` and ``data/outcomes.parquet``, write and record its model.

    ``data/visits.parquet`` is read where there is one. The bundle is written to ``out/<version>/bundle``;
    without `tracking_uri` MLflow records into ``out/mlflow.db``. Raises `ExperimentError`, `DataError`,
    `LeakError` or the errors of the data.
    """
    experiment = load_experiment(experiment_file)
    outcome_file = data / "outcomes.parquet"
    if not outcome_file.is_file():
        raise DataError(f"{data} lacks outcomes.parquet: the table of verified identifications")
    signals = Signals.load(data / "signals")
    try:
        outcomes = check_outcomes(pd.read_parquet(outcome_file))
    except pa.ArrowException:
        raise DataError(f"{outcome_file} is not a Parquet table") from None
    fingerprint = data_fingerprint(data / "signals", outcome_file)
    version = version_name(experiment.name, fingerprint, dt.datetime.now(dt.UTC))
    shares = policy_value("grade_shares", experiment.region, experiment.split.train[-1]).value
    evaluation = evaluate(
        experiment,
        signals,
        outcomes,
        outcomes_until,
        version=version,
        grade_shares=shares,
        visits=load_visits(data),
        progress=progress,
    )
    folder = out / version
    write_bundle(evaluation, folder / "bundle", fingerprint)
    report = json.dumps(evaluation_json(evaluation), ensure_ascii=False, indent=1)
    (folder / "evaluation.json").write_text(report + "\n", encoding="utf-8")
    if progress:
        progress("recording", 0, 1)
    uri = tracking_uri or f"sqlite:///{(out / 'mlflow.db').resolve()}"
    run_id, registered = record_run(evaluation, folder / "bundle", uri, out / "artifacts", experiment_file)
    if progress:
        progress("recording", 1, 1)
    return FinishedRun(evaluation, folder / "bundle", uri, run_id, registered)
