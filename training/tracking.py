"""Tracking: runs, metrics, reports and bundles recorded in MLflow. MLflow records; it never loads a model."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from scoring.bundle import load_bundle
from scoring.registry import REPORT, connect, first_line, publish_bundle
from training.errors import TrackingError
from training.evaluate import Evaluation
from training.evaluation.document import evaluation_json
from training.explanations import describe_explanations
from training.report.charts_of_run import charts_of_run
from training.report.files import RENDERED, Operator, report_json, write_report

PLOTS = "plots"
"""Folder of a run with its charts as SVG."""


def record_run(
    evaluation: Evaluation, bundle: Path, tracking_uri: str, artifact_folder: Path, experiment_file: Path
) -> tuple[str, str]:
    """Write the report beside the bundle and record both; returns (run id, registered version).

    The run holds settings, metrics, git revision, data fingerprint, library versions, the report with its
    plots, card and record, and the bundle. Raises `TrackingError` where the tracking server refuses it.
    """
    import mlflow
    from mlflow.exceptions import MlflowException

    manifest = load_bundle(bundle).manifest
    report = make_report(evaluation, bundle)
    connect(tracking_uri)
    mlflow.set_tracking_uri(tracking_uri)
    try:
        experiment_id = _experiment_id(f"fangfan-{evaluation.experiment.name}", tracking_uri, artifact_folder)
        with mlflow.start_run(experiment_id=experiment_id, run_name=manifest.version) as run:
            mlflow.set_tags({
                "git_revision": manifest.provenance.git_revision,
                "data_sha256": manifest.provenance.data_sha256,
                "feature_version": manifest.feature_version,
                "policy_version": manifest.policy_version,
                "version": manifest.version,
                "verdict": evaluation.verdict.verdict,
                **{f"library.{key}": value for key, value in manifest.provenance.libraries.items()},
            })
            mlflow.log_params(_parameters(evaluation))
            mlflow.log_metrics(manifest.metrics)
            _log_files(evaluation, bundle.parent, experiment_file)
            run_id = str(run.info.run_id)
            version = publish_bundle(bundle, run_id, tracking_uri, report)
    except MlflowException as error:
        raise TrackingError(f"the tracking server refused the run: {first_line(error)}") from None
    return run_id, version


def make_report(evaluation: Evaluation, bundle: Path) -> Path:
    """Write report, card and record beside a bundle; returns the path of the report's JSON."""
    loaded = load_bundle(bundle)
    explained = describe_explanations(loaded.model, evaluation.train_vectors, evaluation.experiment.fit.seed)
    doc = report_json(evaluation_json(evaluation), loaded.manifest, explained, Operator.from_environment())
    return write_report(doc, bundle.parent)


def _experiment_id(name: str, tracking_uri: str, artifact_folder: Path) -> str:
    """The experiment of a name, made where there is none.

    A server says itself where artifacts go, and stores them; without one they go to `artifact_folder`.
    """
    import mlflow

    found = mlflow.get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    if tracking_uri.startswith(("http://", "https://")):
        return str(mlflow.create_experiment(name))
    artifact_folder.mkdir(parents=True, exist_ok=True)
    return str(mlflow.create_experiment(name, artifact_location=artifact_folder.resolve().as_uri()))


def _log_files(evaluation: Evaluation, folder: Path, experiment_file: Path) -> None:
    import mlflow

    for name in RENDERED:
        mlflow.log_artifact(str(folder / name))
    mlflow.log_artifact(str(experiment_file))
    with tempfile.TemporaryDirectory() as scratch:
        evaluated = Path(scratch) / "evaluation.json"
        evaluated.write_text(
            json.dumps(evaluation_json(evaluation), ensure_ascii=False, indent=1), encoding="utf-8"
        )
        mlflow.log_artifact(str(evaluated))
        plots = Path(scratch) / PLOTS
        plots.mkdir()
        doc = json.loads((folder / REPORT).read_text(encoding="utf-8"))
        for key, svg in charts_of_run(doc).items():
            (plots / f"{key}.svg").write_text(svg, encoding="utf-8")
        mlflow.log_artifacts(str(plots), PLOTS)


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
