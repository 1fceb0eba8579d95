"""The registry: MLflow indexes versions and aliases; it never loads a model.

A version points at a bundle that a run has stored. MLflow's own loaders run code from the model folder and
are never called: a fetched folder goes through `load_bundle`. The newest version is the challenger; which one
serves is the champion.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import re
import shutil
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scoring.bundle import MANIFEST, Bundle, load_bundle
from scoring.errors import BundleError, RegistryError

if TYPE_CHECKING:
    pass

MODEL_NAME = "fangfan"
CHAMPION, CHALLENGER = "champion", "challenger"
ARTIFACT = "bundle"
REPORT = "report.json"
MANIFEST_TAG = "manifest_sha256"
"""Tag of a version: the hash of the manifest it was registered with, which names the model's hash."""
REPORT_TAG = "report_sha256"
"""Tag of a version: the hash of the report that its gates read."""


_CLIENT = {
    # Nothing is told to others about how a county's models are made.
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    # A registry that does not answer is told within a minute.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
}

# MLflow reads them when it is imported, and would report to its makers from then on: whatever uses MLflow
# here imports this module first.
for _name, _value in _CLIENT.items():
    os.environ.setdefault(_name, _value)

ABSENT = {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}
"""How a registry says that it has no such model, version or alias."""


def connect(tracking_uri: str) -> Any:
    """MLflow's client for a tracking server or SQLite file; raises `RegistryError` where it refuses that."""
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    # MLflow reports every table it makes; here that is noise.
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    try:
        return MlflowClient(tracking_uri, registry_uri=tracking_uri)
    except MlflowException:
        raise RegistryError(
            "MLflow does not know this kind of address: give https://… or sqlite:////path/to/file.db"
        ) from None


def check_store(tracking_uri: str) -> None:
    """Raise `RegistryError` where a SQLite address names no file, or one that MLflow did not write."""
    name = tracking_uri.removeprefix("sqlite:///")
    if name == tracking_uri:
        return
    if not Path(name).is_file():
        # MLflow would make an empty database there and then find nothing in it.
        raise RegistryError(f"there is no file {name}: give the address of the registry")
    tables = "SELECT count(*) FROM sqlite_master WHERE name = 'registered_models'"
    try:
        with contextlib.closing(
            sqlite3.connect(f"{Path(name).resolve().as_uri()}?mode=ro", uri=True)
        ) as store:
            is_mlflow = store.execute(tables).fetchone()[0] == 1
    except sqlite3.DatabaseError:
        is_mlflow = False
    if not is_mlflow:
        # MLflow would add its tables to it.
        raise RegistryError(f"{name} is not a database of MLflow")


def publish_bundle(bundle: Path, run_id: str, tracking_uri: str, report: Path | None = None) -> str:
    """Store a bundle under a run and register it as a new version, the challenger; returns its number.

    `report` is the file with the numbers that the gates of promotion will read; its hash is kept.
    """
    from mlflow.exceptions import MlflowException

    published = load_bundle(bundle)
    client = connect(tracking_uri)
    tags = {MANIFEST_TAG: published.sha256}
    try:
        client.log_artifacts(run_id, str(bundle), ARTIFACT)
        if report is not None:
            client.log_artifact(run_id, str(report))
            tags[REPORT_TAG] = hashlib.sha256(report.read_bytes()).hexdigest()
        if not client.search_registered_models(f"name = '{MODEL_NAME}'"):
            client.create_registered_model(MODEL_NAME)
        source = f"{client.get_run(run_id).info.artifact_uri}/{ARTIFACT}"
        version = client.create_model_version(MODEL_NAME, source, run_id, tags=tags)
        client.set_registered_model_alias(MODEL_NAME, CHALLENGER, version.version)
    except MlflowException as error:
        raise RegistryError(f"the registry refused the model: {first_line(error)}") from None
    return str(version.version)


def publish_signature(version: str, signature: Path, tracking_uri: str) -> None:
    """Keep a signature beside a registered version's bundle, where fetching finds it.

    Raises `RegistryError` where the registry has no such version or does not take it.
    """
    from mlflow.exceptions import MlflowException

    registered = _registered(version, tracking_uri)
    try:
        connect(tracking_uri).log_artifact(str(registered.run_id), str(signature), ARTIFACT)
    except (MlflowException, OSError) as error:
        said = first_line(error) if isinstance(error, MlflowException) else str(error.strerror)
        raise RegistryError(f"the registry did not take the signature: {said}") from None


def set_champion(version: str, tracking_uri: str) -> str | None:
    """Make a version the champion; returns the version that was, if any. It is a challenger no longer."""
    from mlflow.exceptions import MlflowException

    client = connect(tracking_uri)
    former = find_champion(tracking_uri)
    try:
        client.set_registered_model_alias(MODEL_NAME, CHAMPION, version)
        if find_version(CHALLENGER, tracking_uri) == version:
            client.delete_registered_model_alias(MODEL_NAME, CHALLENGER)
    except MlflowException as error:
        if error.error_code not in ABSENT:
            raise RegistryError(f"the registry does not answer: {first_line(error)}") from None
        raise RegistryError(f"the registry has no version {version}; train one with `run` first") from None
    return former


def find_champion(tracking_uri: str) -> str | None:
    """The version that is champion, if there is one."""
    return find_version(CHAMPION, tracking_uri)


def find_version(alias: str, tracking_uri: str) -> str | None:
    """The version behind an alias, if there is one; raises `RegistryError` where nobody answers."""
    from mlflow.exceptions import MlflowException

    client = connect(tracking_uri)
    try:
        return str(client.get_model_version_by_alias(MODEL_NAME, alias).version)
    except MlflowException as error:
        if error.error_code in ABSENT:
            return None
        raise RegistryError(f"the registry does not answer: {first_line(error)}") from None


def fetch_version(version: str, tracking_uri: str, directory: Path) -> tuple[Bundle, Path | None]:
    """A version's bundle and its report, copied below `directory`, checked against what was registered.

    Raises `RegistryError` when there is no such version, `BundleError` when a file is not the registered one.
    The report is `None` for a version registered without one.
    """
    registered = _registered(version, tracking_uri)
    bundle = load_bundle(_downloaded(registered.run_id, version, ARTIFACT, tracking_uri, directory))
    if bundle.sha256 != registered.tags.get(MANIFEST_TAG):
        raise BundleError(f"version {version} is not the bundle that was registered (its manifest differs)")
    return bundle, fetch_report(version, tracking_uri, directory)


def fetch_report(version: str, tracking_uri: str, directory: Path) -> Path | None:
    """A version's report alone, checked; raises as `fetch_version` does."""
    registered = _registered(version, tracking_uri)
    if REPORT_TAG not in registered.tags:
        return None
    report = _downloaded(registered.run_id, version, REPORT, tracking_uri, directory)
    if hashlib.sha256(report.read_bytes()).hexdigest() != registered.tags[REPORT_TAG]:
        raise BundleError(f"the report of version {version} is not the one registered (sha256 differs)")
    return report


def _registered(version: str, tracking_uri: str) -> Any:
    from mlflow.exceptions import MlflowException

    try:
        return connect(tracking_uri).get_model_version(MODEL_NAME, version)
    except MlflowException as error:
        if error.error_code not in ABSENT:
            raise RegistryError(f"the registry does not answer: {first_line(error)}") from None
        raise RegistryError(f"the registry has no version {version}; train one with `run` first") from None


def _downloaded(run_id: str, version: str, name: str, tracking_uri: str, directory: Path) -> Path:
    from mlflow.exceptions import MlflowException

    directory.mkdir(parents=True, exist_ok=True)
    try:
        return Path(connect(tracking_uri).download_artifacts(run_id, name, str(directory)))
    except (MlflowException, OSError) as error:
        raise _not_fetched(name, version, error) from None


@dataclass(frozen=True)
class Registered:
    """A version behind an alias: its number, its run, and the hash of the manifest it was registered with."""

    number: str
    run_id: str
    manifest_sha256: str


def find_registered(alias: str, tracking_uri: str) -> Registered:
    """The version behind an alias; raises `RegistryError` where there is none or nobody answers."""
    from mlflow.exceptions import MlflowException

    check_store(tracking_uri)
    try:
        found = connect(tracking_uri).get_model_version_by_alias(MODEL_NAME, alias)
    except MlflowException as error:
        if error.error_code in ABSENT:
            raise RegistryError(f"the registry has no {alias}: promote a version first") from None
        raise RegistryError(f"the registry does not answer: {first_line(error)}") from None
    sha256 = found.tags.get(MANIFEST_TAG)
    if sha256 is None:
        raise RegistryError(f"version {found.version} was registered without its manifest's hash")
    return Registered(str(found.version), str(found.run_id), sha256)


def list_files(registered: Registered, tracking_uri: str) -> dict[str, int | None]:
    """What lies in a version's bundle, by its name: bytes as the registry says, `None` for a folder.

    Raises `RegistryError` where it cannot be listed.
    """
    from mlflow.exceptions import MlflowException

    try:
        entries = connect(tracking_uri).list_artifacts(registered.run_id, ARTIFACT)
    except (MlflowException, OSError) as error:
        raise _not_fetched(ARTIFACT, registered.number, error) from None
    return {
        one.path.removeprefix(f"{ARTIFACT}/"): None if one.is_dir else int(one.file_size or 0)
        for one in entries
    }


def download_files(
    registered: Registered, tracking_uri: str, directory: Path, names: Iterable[str], most_bytes: int
) -> Path:
    """Copy named files of a version's bundle below `directory`, return their folder; none of them is loaded.

    Raises `RegistryError` where they cannot be copied, `BundleError` where they have more than `most_bytes`
    together, whatever the registry said of them, or the manifest is not the registered one.
    """
    from mlflow.exceptions import MlflowException
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    folder = directory / ARTIFACT
    folder.mkdir(parents=True)
    left = most_bytes
    try:
        place = connect(tracking_uri).get_run(registered.run_id).info.artifact_uri
        files = get_artifact_repository(place, tracking_uri=tracking_uri)
        for name in names:
            # Not `download_artifacts`: it follows what turns out to be a folder, however much is in it.
            files._download_file(f"{ARTIFACT}/{name}", str(folder / name))
            left -= (folder / name).stat().st_size
            if left < 0:
                raise BundleError(f"version {registered.number} has more bytes than {most_bytes:,}")
    except (MlflowException, OSError) as error:
        raise _not_fetched(ARTIFACT, registered.number, error) from None
    manifest = folder / MANIFEST
    sha256 = hashlib.sha256(manifest.read_bytes()).hexdigest() if manifest.is_file() else None
    if sha256 != registered.manifest_sha256:
        raise BundleError(f"version {registered.number} is not the bundle that was registered")
    return folder


def _not_fetched(name: str, number: str, error: Exception) -> RegistryError:
    from mlflow.exceptions import MlflowException

    said = first_line(error) if isinstance(error, MlflowException) else type(error).__name__
    return RegistryError(f"{name} of version {number} cannot be fetched: {said}")


def fetch_bundle(alias: str, tracking_uri: str, directory: Path) -> Bundle:
    """Copy the bundle behind an alias into `directory` (replacing it) and load it from there.

    Raises `RegistryError` when the registry has no such alias or does not answer, `BundleError` when the copy
    fails a check; the old folder then stays as it was.
    """
    registered = find_registered(alias, tracking_uri)
    fresh = directory.with_name(f".{directory.name}-fetched")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    try:
        got = _downloaded(registered.run_id, registered.number, ARTIFACT, tracking_uri, fresh)
        bundle = load_bundle(got)
        if bundle.sha256 != registered.manifest_sha256:
            raise BundleError("its manifest is not the one that was registered (sha256 differs)")
        shutil.rmtree(directory, ignore_errors=True)
        got.rename(directory)
    except BundleError as error:
        raise type(error)(f"the registry's {alias} failed a check: {error}") from None
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    # Checked a moment ago, under the hash that it has now.
    return load_bundle(directory, bundle.sha256)


def first_line(error: Any) -> str:
    """What an error of MLflow says, without the rest of its page and an address's user and password."""
    return re.sub(r"://[^/@\s]+@", "://…@", str(error.message).partition("\n")[0])
