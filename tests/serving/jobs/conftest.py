"""A desk that takes orders and works them off, on each database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from scoring import Bundle, load_bundle
from serving.storage import AssessmentStore, open_database
from tests.serving.jobs.orders import Desk


@pytest.fixture(scope="module")
def bundle(bundle_dir: Path) -> Bundle:
    return load_bundle(bundle_dir)


@pytest.fixture
def desk(database_url: str, tmp_path: Path, bundle: Bundle) -> Iterator[Desk]:
    store = AssessmentStore(open_database(database_url))
    yield Desk(store, tmp_path / "jobs", lambda: bundle, chunk=4)
    store.engine.dispose()


@pytest.fixture
def sqlite_desk(tmp_path: Path, bundle: Bundle) -> Iterator[Desk]:
    store = AssessmentStore(open_database(f"sqlite:///{tmp_path}/scores.db"))
    yield Desk(store, tmp_path / "jobs", lambda: bundle, chunk=4)
    store.engine.dispose()
