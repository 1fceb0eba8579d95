"""The registry: MLflow indexes versions and aliases; it never loads a model.

A version points at a bundle that a run has stored. MLflow's own loaders run code from the model folder and
are never called: a fetched folder goes through `load_bundle`.
"""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path
from typing import Any

from scoring.bundle import Bundle, load_bundle
from scoring.errors import BundleError, RegistryError

MODEL_NAME = "fangfan"
CHAMPION = "champion"
ARTIFACT = "bundle"
MANIFEST_TAG = "manifest_sha256"
"""Tag of a version: the hash of the manifest it was registered with, which names the model's hash."""


def connect(tracking_uri: str) -> Any:
    """MLflow's client for a tracking server or SQLite file; raises `RegistryError` where it refuses that."""
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    # MLflow reports every table it makes; here that is noise.
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    try:
        return MlflowClient(tracking_uri, registry_uri=tracking_uri)
    except MlflowException:
        raise RegistryError("MLflow does not know this kind of tracking address") from None


def publish_bundle(bundle: Path, run_id: str, tracking_uri: str) -> str:
    """Store a bundle under a run and register it as a new version; returns the version number."""
    from mlflow.exceptions import MlflowException

    published = load_bundle(bundle)
    client = connect(tracking_uri)
    try:
        client.log_artifacts(run_id, str(bundle), ARTIFACT)
        if not client.search_registered_models(f"name = '{MODEL_NAME}'"):
            client.create_registered_model(MODEL_NAME)
        source = f"{client.get_run(run_id).info.artifact_uri}/{ARTIFACT}"
        tags = {MANIFEST_TAG: published.sha256}
        version = client.create_model_version(MODEL_NAME, source, run_id, tags=tags)
    except MlflowException as error:
        raise RegistryError(f"the registry refused the model: {error.message}") from None
    return str(version.version)


def set_champion(version: str, tracking_uri: str) -> str | None:
    """Make a version the champion; returns the version that was, if any."""
    from mlflow.exceptions import MlflowException

    client = connect(tracking_uri)
    former = find_champion(tracking_uri)
    try:
        client.set_registered_model_alias(MODEL_NAME, CHAMPION, version)
    except MlflowException as error:
        raise RegistryError(f"the registry has no such version: {error.message}") from None
    return former


def find_champion(tracking_uri: str) -> str | None:
    """The version that is champion, if there is one."""
    from mlflow.exceptions import MlflowException

    client = connect(tracking_uri)
    try:
        return str(client.get_model_version_by_alias(MODEL_NAME, CHAMPION).version)
    except MlflowException:
        return None


def fetch_bundle(alias: str, tracking_uri: str, directory: Path) -> Bundle:
    """Copy the bundle behind an alias into `directory` (replacing it) and load it from there.

    Raises `RegistryError` when the registry has no such alias, `BundleError` when the copy fails a check;
    the old folder stays as it was in both cases.
    """
    from mlflow.exceptions import MlflowException

    client = connect(tracking_uri)
    fresh = directory.with_name(f".{directory.name}-fetched")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    try:
        version = client.get_model_version_by_alias(MODEL_NAME, alias)
        got = Path(client.download_artifacts(str(version.run_id), ARTIFACT, str(fresh)))
        if load_bundle(got).sha256 != version.tags.get(MANIFEST_TAG):
            raise BundleError("its manifest is not the one that was registered (sha256 differs)")
        shutil.rmtree(directory, ignore_errors=True)
        got.rename(directory)
    except MlflowException as error:
        raise RegistryError(f"the registry has no {alias} to fetch: {error.message}") from None
    except BundleError as error:
        raise BundleError(f"the registry's {alias} failed a check: {error}") from None
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return load_bundle(directory)
