"""A real registry in a SQLite file, with bundles registered as a run of training registers them."""

from __future__ import annotations

from pathlib import Path

from scoring.registry import connect, publish_bundle, set_champion


def make_registry(folder: Path, *bundles: Path) -> str:
    """The address of a new registry whose versions 1, 2, … are the bundles; the first is champion."""
    folder.mkdir(parents=True, exist_ok=True)
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    client = connect(uri)
    experiment = client.create_experiment("made", (folder / "artifacts").as_uri())
    for bundle in bundles:
        publish_bundle(bundle, client.create_run(experiment).info.run_id, uri)
    set_champion("1", uri)
    return uri
