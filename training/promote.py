"""Promote: make a registered version the champion, if it passes the gates."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from scoring.bundle import Manifest, load_bundle
from scoring.registry import MANIFEST_TAG, MODEL_NAME, connect, set_champion
from training.errors import GateError

LEAST_LIFT = 1.0
MOST_CALIBRATION_ERROR = 0.01


@dataclass(frozen=True)
class Promotion:
    """A version that became champion, and the one it replaced."""

    version: str
    release: str
    former: str | None


def promote(version: str, tracking_uri: str, override: str | None = None) -> Promotion:
    """Check the gates of a registered version and make it the champion.

    Raises `GateError` naming the gates it failed, unless `override` gives a reason; the reason is kept as
    a tag of the version.
    """
    from mlflow.exceptions import MlflowException

    path = tracking_uri.removeprefix("sqlite:///")
    if path != tracking_uri and not Path(path).is_file():
        # MLflow would make an empty database there and then find nothing in it.
        raise GateError(f"--tracking: there is no file {path}")
    client = connect(tracking_uri)
    try:
        registered = client.get_model_version(MODEL_NAME, version)
    except MlflowException:
        raise GateError(f"the registry has no version {version}; train one with `run` first") from None
    with tempfile.TemporaryDirectory() as scratch:
        fetched = Path(client.download_artifacts(str(registered.run_id), "bundle", scratch))
        bundle = load_bundle(fetched)
    if bundle.sha256 != registered.tags.get(MANIFEST_TAG):
        raise GateError(f"version {version} is not the bundle that was registered (its manifest differs)")
    manifest = bundle.manifest
    failed = failed_gates(manifest)
    if failed and not override:
        raise GateError(f"{manifest.version} may not be promoted: {'; '.join(failed)}")
    if failed and override:
        client.set_model_version_tag(MODEL_NAME, version, "override", f"{override} ({'; '.join(failed)})")
    former = set_champion(version, tracking_uri)
    return Promotion(version, manifest.version, former)


def failed_gates(manifest: Manifest) -> list[str]:
    """What speaks against promoting a model, from the numbers in its manifest."""
    metrics = manifest.metrics
    failed = []
    if not metrics["lift_over_best_rule"] > LEAST_LIFT:
        failed.append("it is not better than the best rule at visit capacity")
    if not metrics["ece"] <= MOST_CALIBRATION_ERROR:
        failed.append(f"its calibration error is above {MOST_CALIBRATION_ERROR}")
    if not metrics["roc_auc_low"] > 0.5:
        failed.append("its ROC-AUC does not stand clear of chance")
    return failed
