"""Two small real bundles, and desks with both of them in the store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.models.desk import ModelDesk
from tests.serving.conftest import make_bundle
from tests.serving.models.desks import SECOND, make_desk, settings_in, take_in


@pytest.fixture(scope="session")
def second_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of another version, from other vectors."""
    directory = tmp_path_factory.mktemp("second") / "bundle"
    make_bundle(directory, SECOND, seed=6)
    return directory


@pytest.fixture
def desk(tmp_path: Path, bundle_dir: Path, second_dir: Path) -> Iterator[ModelDesk]:
    """Both bundles are in the store, none is in service."""
    made = make_desk(settings_in(tmp_path))
    for one in (bundle_dir, second_dir):
        take_in(made, one)
    yield made
    made.models.log.engine.dispose()
