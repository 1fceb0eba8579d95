"""A model, a database, and a service with two runs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

from scoring import Bundle, load_bundle
from serving.app import create_app
from serving.batch import score_all
from serving.settings import Settings
from serving.storage import AssessmentStore, open_database
from tests.serving.conftest import Client
from tests.serving.unheard.county import AS_OF, HEARD, QUIET, SILENT, signals_of


@pytest.fixture(scope="module")
def bundle(bundle_dir: Path) -> Bundle:
    return load_bundle(bundle_dir)


@pytest.fixture
def store(database_url: str) -> Iterator[AssessmentStore]:
    made = AssessmentStore(open_database(database_url))
    yield made
    made.engine.dispose()


@pytest.fixture(scope="module")
def service(bundle: Bundle, bundle_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Two runs: in the first all are heard but Q2, which came later; in the second a county is silent."""
    path = tmp_path_factory.mktemp("unheard") / "scores.db"
    with Client(create_app(Settings(bundle_dir, f"sqlite:///{path}"))) as made:
        store: AssessmentStore = made.app.state.store
        score_all(signals_of(silent=QUIET[:2], covered=(HEARD[:6], SILENT[:6])), AS_OF, bundle, store)
        score_all(signals_of(), AS_OF + dt.timedelta(days=20), bundle, store)
        yield made
