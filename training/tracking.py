"""Tracking: runs, metrics and bundles recorded in MLflow. MLflow records; it never loads a model."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from scoring.bundle import load_bundle
from scoring.registry import connect, publish_bundle
from training.evaluate import Evaluation
from training.evaluation.document import evaluation_json


def record_run(
    evaluation: Evaluation, bundle: Path, tracking_uri: str, artifact_folder: Path, experiment_file: Path
) -> tuple[str, str]:
    """Record an evaluation and its bundle; returns (run id, registered version).

    The run holds settings, metrics, git revision, data fingerprint, library versions, the report and the
    bundle.
    """
    import mlflow

    manifest = load_bundle(bundle).manifest
    connect(tracking_uri)
    mlflow.set_tracking_uri(tracking_uri)
    name = f"fangfan-{evaluation.experiment.name}"
    found = mlflow.get_experiment_by_name(name)
    if found is None:
        artifact_folder.mkdir(parents=True, exist_ok=True)
        experiment_id = mlflow.create_experiment(name, artifact_location=artifact_folder.resolve().as_uri())
    else:
        experiment_id = found.experiment_id
    with mlflow.start_run(experiment_id=experiment_id, run_name=manifest.version) as run:
        mlflow.set_tags({
            "git_revision": manifest.provenance.git_revision,
            "data_sha256": manifest.provenance.data_sha256,
            "feature_version": manifest.feature_version,
            "policy_version": manifest.policy_version,
            "version": manifest.version,
            **{f"library.{key}": value for key, value in manifest.provenance.libraries.items()},
        })
        mlflow.log_params(_parameters(evaluation))
        mlflow.log_metrics(manifest.metrics)
        with tempfile.TemporaryDirectory() as scratch:
            report = Path(scratch) / "evaluation.json"
            report.write_text(json.dumps(evaluation_json(evaluation), ensure_ascii=False, indent=1))
            mlflow.log_artifact(str(report))
            mlflow.log_artifact(str(experiment_file))
        run_id = str(run.info.run_id)
        version = publish_bundle(bundle, run_id, tracking_uri)
    return run_id, version


def _parameters(evaluation: Evaluation) -> dict[str, Any]:
    experiment = evaluation.experiment
    return {
        "region": experiment.region,
        "horizon_months": experiment.split.horizon_months,
        "train_as_of": ",".join(map(str, experiment.split.train)),
        "test_as_of": ",".join(map(str, experiment.split.test)),
        "capacity": experiment.capacity.describe(),
        "features": len(experiment.features),
        "trees": evaluation.fitted.trees,
        **{f"fit.{key}": value for key, value in vars(experiment.fit).items()},
    }
